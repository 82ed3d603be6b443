"""Table rows as dataclasses: one place that knows how a field becomes a property and back."""

import functools
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def to_entity(row: "DataclassInstance", partition: str, key: str) -> dict[str, Any]:
    """The entity of a row: properties in camel case, fields that are None left out."""
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": key}
    for field in fields(row):
        value = getattr(row, field.name)
        if value is not None:
            entity[to_camel(field.name)] = str(value) if isinstance(value, StrEnum) else value
    return entity


def from_entity[Row: "DataclassInstance"](kind: type[Row], entity: Mapping[str, Any]) -> Row:
    """The row in an entity. Properties that this version does not know are ignored, missing ones get their default."""
    values = {
        field: _read(wanted, entity[name])
        for field, (name, wanted) in _properties(kind).items()
        if entity.get(name) is not None
    }
    return kind(**values)


@functools.cache
def _properties(kind: type) -> dict[str, tuple[str, Any]]:
    """Field name to the property's name and the field's type without its `| None`."""
    hints = get_type_hints(kind)
    return {field.name: (to_camel(field.name), _without_none(hints[field.name])) for field in fields(kind)}


def _without_none(hint: Any) -> Any:
    return next(part for part in get_args(hint) if part is not NoneType) if isinstance(hint, UnionType) else hint


def _read(wanted: Any, value: Any) -> Any:
    if wanted is datetime:
        # The SDK's own datetime class goes no further than this module.
        return datetime.fromtimestamp(value.timestamp(), UTC)
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        return wanted(value)
    return value

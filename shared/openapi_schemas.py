"""JSON schemas of the types that the code declares: bodies, answers, rows. What their docstrings say is in them."""

import ast
import dataclasses
import inspect
import itertools
import textwrap
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Literal, TypeAliasType, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic.alias_generators import to_camel

from shared.failures import FailureCode
from shared.told import Told

_NOT_OURS = {"builtins", "enum", "pydantic", "typing"}
COMPONENTS = "#/components/schemas/"


def components_of(shapes: Iterable[type]) -> dict[str, Any]:
    """The schemas of these types and of all that they are made of, by name."""
    mode: Literal["validation"] = "validation"
    adapters = [(shape, mode, TypeAdapter[Any](shape)) for shape in dict.fromkeys(shapes)]
    _, defined = TypeAdapter.json_schemas(adapters, ref_template=COMPONENTS + "{model}")
    found: dict[str, Any] = defined.get("$defs", {})
    classes = {cls.__name__: cls for shape, _, _ in adapters for cls in classes_in(shape)}
    return {name: _told(schema, classes.get(name)) for name, schema in sorted(found.items())}


def classes_in(annotation: Any) -> Iterator[type]:
    """Every class with fields, and every enum, that an annotation is made of."""
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    for argument in get_args(annotation):
        yield from classes_in(argument)
    if not isinstance(annotation, type):
        return
    if issubclass(annotation, Enum):
        yield annotation
    elif hasattr(annotation, "__annotations__"):
        yield annotation
        for inner in get_type_hints(annotation, include_extras=True).values():
            yield from classes_in(inner)


def row_schema(row: type, *, leave_out: Iterable[str] = (), **more: Any) -> dict[str, Any]:
    """The schema of a table's row in camel case, without what is None; with `more` properties that it may have.

    Raises `TypeError` when it is no dataclass.
    """
    out, said = set(leave_out), sentences(row)
    hints = get_type_hints(row, include_extras=True)
    fields = [column for column in dataclasses.fields(row) if column.name not in out]
    properties = {
        to_camel(column.name): _of_column(hints[column.name])
        | ({"description": said[column.name]} if column.name in said else {})
        for column in fields
    }
    always = [to_camel(column.name) for column in fields if column.default is not None]
    return {
        "type": "object",
        "description": inspect.getdoc(row) or "",
        "properties": properties | more,
        "required": always,
    }


def sentences(cls: type) -> dict[str, str]:
    """What stands below each field or member of a class, and its parents, as a docstring."""
    found: dict[str, str] = {}
    for base in reversed([*getattr(cls, "__orig_bases__", ()), *cls.__mro__]):
        if not isinstance(base, type) or base.__module__.partition(".")[0] in _NOT_OURS:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for statement, below in itertools.pairwise(statements):
            match statement, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    found[name] = inspect.cleandoc(words)
    return found


def _told(schema: dict[str, Any], cls: type | None) -> dict[str, Any]:
    """The schema with what the class says of its fields or members, and without the titles that only repeat names."""
    told = {name: value for name, value in schema.items() if name != "title"}
    if cls is None:
        return told
    if issubclass(cls, Enum):
        return told | {"description": _members_told(cls)}
    said = sentences(cls)
    aliases = {
        name: info.alias or name for name, info in (cls.model_fields.items() if issubclass(cls, BaseModel) else ())
    }
    for name, value in told.get("properties", {}).items():
        value.pop("title", None)
        field = next((field for field, alias in aliases.items() if alias == name), name)
        if field in said:
            value.setdefault("description", said[field])
    return told


def _members_told(cls: type[Enum]) -> str:
    lines = [f"{(inspect.getdoc(cls) or '').splitlines()[0]}"]
    said = sentences(cls)
    for member in cls:
        sentence = member.sentence if isinstance(member, Told | FailureCode) else said.get(member.name, "")
        lines += [f"- `{member.value}`: {sentence}"] if sentence else []
    return "\n".join([*lines[:1], *([""] if lines[1:] else []), *lines[1:]])


def _of_column(annotation: Any) -> dict[str, Any]:
    """The schema of a value that is left out instead of being null."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {"$ref": COMPONENTS + annotation.__name__}
    told = {name: value for name, value in TypeAdapter(annotation).json_schema().items() if name != "title"}
    choices = [choice for choice in told.pop("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) > 1 or "$defs" in told:
        raise TypeError(f"too involved for a row: {annotation}")
    return told | dict(*choices)

"""Control: the few facts that all instances share, one row each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, TableEntity, UpdateMode

from shared.status import RowChanged
from shared.storage import Storage, Table, creating

_PARTITION = "control"


@dataclass(frozen=True)
class SeenRow:
    """A row together with the version it was read at."""

    name: str
    values: dict[str, Any]
    etag: str


class Control:
    """The table Control."""

    def __init__(self, storage: Storage) -> None:
        self._client: TableClient = storage.table(Table.CONTROL)

    def get(self, name: str) -> dict[str, Any]:
        """The row's properties; empty when there is no such row."""
        try:
            entity = self._client.get_entity(_PARTITION, name)
        except ResourceNotFoundError:
            return {}
        return _values(entity)

    def seen(self, name: str) -> SeenRow | None:
        """The row and its version; None when there is no such row."""
        try:
            return _seen(self._client.get_entity(_PARTITION, name))
        except ResourceNotFoundError:
            return None

    def starting_with(self, prefix: str) -> list[SeenRow]:
        """All rows whose names begin with `prefix`, which is not empty; in the order of their names."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        query = self._client.query_entities(
            "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end",
            parameters={"partition": _PARTITION, "first": prefix, "end": end},
        )
        try:
            return [_seen(entity) for entity in query]
        except ResourceNotFoundError:
            return []

    def replace(self, name: str, values: Mapping[str, Any], etag: str | None) -> str:
        """Write the row over the version `etag`, None meaning that there is no such row; gives the new version.

        Raises:
            RowChanged: when that is no longer the present version.
        """
        entity = {"PartitionKey": _PARTITION, "RowKey": name, **values}
        try:
            if etag is None:
                written = creating(self._client, lambda: self._client.create_entity(entity))
            else:
                written = self._client.update_entity(
                    entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
                )
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            raise RowChanged from None
        return str(written["etag"])

    def remove_seen(self, row: SeenRow) -> bool:
        """Remove the row as it was read; False when somebody has written it since, which leaves it there."""
        entity = {"PartitionKey": _PARTITION, "RowKey": row.name}
        try:
            self._client.delete_entity(entity, etag=row.etag, match_condition=MatchConditions.IfNotModified)
        except (ResourceModifiedError, ResourceNotFoundError):
            return False
        return True

    def put(self, name: str, values: Mapping[str, Any]) -> None:
        """Write the row, in place of what was there."""
        entity = {"PartitionKey": _PARTITION, "RowKey": name, **values}
        creating(self._client, lambda: self._client.upsert_entity(entity, mode=UpdateMode.REPLACE))

    def change(self, name: str, decide: Callable[[dict[str, Any]], Mapping[str, Any] | None]) -> dict[str, Any]:
        """Read the row, let `decide` say what it should hold, and write that, by compare-and-set.

        `decide` gets the row's properties, an empty dictionary when there is no row; None leaves it as it is. It may be
        called several times. Gives what the row holds in the end.
        """
        while True:
            seen = self.seen(name)
            wanted = decide(dict(seen.values) if seen else {})
            if wanted is None:
                return dict(seen.values) if seen else {}
            try:
                self.replace(name, wanted, seen.etag if seen else None)
            except RowChanged:
                continue
            return dict(wanted)

    def change_later(self, name: str, field: str, moment: datetime) -> None:
        """Write `moment` into the row's field, unless a later one is there."""

        def later(row: dict[str, Any]) -> dict[str, Any] | None:
            return None if field in row and row[field] >= moment else row | {field: moment}

        self.change(name, later)

    def claim(self, name: str, owner: str) -> bool:
        """Whether the row `name` belongs to `owner`, who gets it when nobody has it. Atomic."""
        entity = {"PartitionKey": _PARTITION, "RowKey": name, "owner": owner}
        try:
            creating(self._client, lambda: self._client.create_entity(entity))
        except ResourceExistsError:
            return bool(self.get(name).get("owner") == owner)
        return True

    def remove(self, name: str) -> None:
        """Remove the row; fine when there is none."""
        self._client.delete_entity(_PARTITION, name)


def _seen(entity: TableEntity) -> SeenRow:
    return SeenRow(str(entity["RowKey"]), _values(entity), str(entity.metadata["etag"]))


def _values(entity: TableEntity) -> dict[str, Any]:
    return {key: value for key, value in entity.items() if key not in {"PartitionKey", "RowKey"}}

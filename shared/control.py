"""Control: the few facts that all instances share, one row each."""

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.storage import Storage, creating

_PARTITION = "control"


class Control:
    """The table Control."""

    def __init__(self, storage: Storage) -> None:
        self._client: TableClient = storage.table("Control")

    def get(self, name: str) -> dict[str, Any]:
        """The row's properties; empty when there is no such row."""
        try:
            entity = self._client.get_entity(_PARTITION, name)
        except ResourceNotFoundError:
            return {}
        return {key: value for key, value in entity.items() if key not in {"PartitionKey", "RowKey"}}

    def put(self, name: str, values: Mapping[str, Any]) -> None:
        """Write the row, in place of what was there."""
        entity = {"PartitionKey": _PARTITION, "RowKey": name, **values}
        creating(self._client, lambda: self._client.upsert_entity(entity, mode=UpdateMode.REPLACE))

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

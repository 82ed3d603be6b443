"""Actions: who asked for what by hand, and how it was answered. No bodies."""

import itertools
from dataclasses import dataclass
from datetime import datetime

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from shared.newest_first import newest_first
from shared.rows import from_entity, to_entity
from shared.storage import Storage, Table, creating

PARTITION = "action"


@dataclass(frozen=True)
class ActionRow:
    """One request that acts."""

    at: datetime
    who: str
    """A user principal name, or that it was a function key."""
    what: str
    """The route's line: `Begin a sweep`."""
    method: str
    path: str
    """After `/api/`, with its values."""
    status: int
    """What was answered."""

    @property
    def worked(self) -> bool:
        """Whether it was done, rather than refused."""
        return self.status < 400


class Actions:
    """The table Actions: one partition, newest first."""

    def __init__(self, storage: Storage) -> None:
        self._client: TableClient = storage.table(Table.ACTIONS)

    def add(self, row: ActionRow) -> None:
        """Write one down. Raises `AzureError` when that cannot be done."""
        entity = to_entity(row, PARTITION, newest_first(row.at))
        creating(self._client, lambda: self._client.create_entity(entity))

    def latest(self, most: int) -> list[ActionRow]:
        """The latest, newest first; no more of them are read than asked for."""
        query = self._client.query_entities(
            "PartitionKey eq @partition", parameters={"partition": PARTITION}, results_per_page=most
        )
        try:
            return [from_entity(ActionRow, entity) for entity in itertools.islice(query, most)]
        except ResourceNotFoundError:
            return []

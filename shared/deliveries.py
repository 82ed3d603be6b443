"""Deliveries: every POST to the webhook, with its verdicts and without its body."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient

from shared.newest_first import newest_first
from shared.rows import from_entity, to_entity
from shared.storage import Storage, Table, creating


@dataclass(frozen=True)
class DeliveryRow:
    """One POST."""

    at: datetime
    endpoint: str
    """`notifications` or `lifecycle`."""
    status: int
    """What was answered."""
    elements: int
    accepted: int
    """Elements that became photo events, or joined one of the same user."""
    events: int
    milliseconds: int
    refusals: str | None = None
    """Why elements were refused, as `reason: count` in words."""


class Deliveries:
    """The table Deliveries: a partition per day (UTC), newest first."""

    def __init__(self, storage: Storage) -> None:
        self._client: TableClient = storage.table(Table.DELIVERIES)

    def add(self, row: DeliveryRow) -> None:
        """Write one delivery down."""
        entity = to_entity(row, f"{row.at:%Y-%m-%d}", newest_first(row.at))
        creating(self._client, lambda: self._client.create_entity(entity))

    def of_day(self, day: datetime) -> Iterator[DeliveryRow]:
        """The deliveries of one day (UTC), newest first."""
        try:
            query = self._client.query_entities("PartitionKey eq @day", parameters={"day": f"{day:%Y-%m-%d}"})
            for entity in query:
                yield from_entity(DeliveryRow, entity)
        except ResourceNotFoundError:
            return

    def latest(self, now: datetime, most: int) -> list[DeliveryRow]:
        """The latest deliveries of today and yesterday (UTC), newest first; no more of them are read than asked for."""
        found: list[DeliveryRow] = []
        for day in (now, now - timedelta(days=1)):
            query = self._client.query_entities(
                "PartitionKey eq @day", parameters={"day": f"{day:%Y-%m-%d}"}, results_per_page=most
            )
            try:
                rows = itertools.islice(query, most - len(found))
                found += [from_entity(DeliveryRow, entity) for entity in rows]
            except ResourceNotFoundError:
                break
            if len(found) == most:
                break
        return found

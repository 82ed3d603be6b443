"""Removing many rows of a table: by their keys, in transactions of a hundred, with a bound on requests and time."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableClient, TransactionOperation

TRANSACTION = 100
"""Rows of one partition that Table storage removes together, at most."""
_PAGE = 1000


class Keys(NamedTuple):
    """Which row."""

    partition: str
    row: str
    etag: str
    """The version that was seen."""


@dataclass
class Removing:
    """One piece of work, and what is left of its allowance."""

    requests: int
    deadline: float
    timer: Callable[[], float]
    removed: Counter[str] = field(default_factory=Counter)
    """Rows, by table."""

    @property
    def is_spent(self) -> bool:
        """Whether it is time to stop."""
        return self.requests <= 0 or self.timer() >= self.deadline

    def keys(self, client: TableClient, terms: str, values: Mapping[str, Any], place: str | None = None) -> "KeyPages":
        """The keys of the rows that fit, a page a request."""
        return KeyPages(self, client, terms, values, place)

    def all_of(self, client: TableClient, pages: "KeyPages", unless: Callable[[Keys], bool] = lambda _: False) -> bool:
        """Remove these rows, page by page, at least the first page; gives whether that was all."""
        for page in pages:
            self.these(client, [key for key in page if not unless(key)])
            if self.is_spent and pages.place is not None:
                return False
        return True

    def these(self, client: TableClient, keys: Iterable[Keys]) -> None:
        """Remove these rows, in the order of their keys, whatever is left of the allowance."""
        for _, some in itertools.groupby(keys, lambda key: key.partition):
            for batch in itertools.batched(some, TRANSACTION, strict=False):
                self._together(client, batch)

    def as_seen(self, client: TableClient, key: Keys) -> None:
        """Remove a row that `keys` found, unless somebody has written it since."""
        self.requests -= 1
        try:
            client.delete_entity(key.partition, key.row, etag=key.etag, match_condition=MatchConditions.IfNotModified)
        except (ResourceModifiedError, ResourceNotFoundError):
            return
        self.removed[client.table_name] += 1

    def _together(self, client: TableClient, batch: tuple[Keys, ...]) -> None:
        self.requests -= 1
        delete = TransactionOperation.DELETE
        try:
            client.submit_transaction([(delete, {"PartitionKey": key.partition, "RowKey": key.row}) for key in batch])
        except HttpResponseError as error:
            if error.status_code != 404:
                raise
            for key in batch:  # one of them is gone already, so none was removed
                self.requests -= 1
                client.delete_entity(key.partition, key.row)
        self.removed[client.table_name] += len(batch)


class KeyPages:
    """The keys of rows, page by page, in their order; knows where to go on."""

    def __init__(
        self, removing: Removing, client: TableClient, terms: str, values: Mapping[str, Any], place: str | None
    ) -> None:
        self._removing = removing
        query = client.query_entities(
            terms, parameters=dict(values), select=["PartitionKey", "RowKey"], results_per_page=_PAGE
        )
        self._pages: Any = query.by_page(json.loads(place) if place else None)
        self.place: str | None = place
        """Where the page after the one given last begins; None: there is none."""

    def __iter__(self) -> Iterator[list[Keys]]:
        """Page by page; none when there is no such table."""
        try:
            for page in self._pages:
                self._removing.requests -= 1
                found = [
                    Keys(entity["PartitionKey"], entity["RowKey"], str(entity.metadata["etag"])) for entity in page
                ]
                token = self._pages.continuation_token
                self.place = json.dumps(token) if token else None
                yield found
        except ResourceNotFoundError:
            self.place = None

"""Measures by the hour, for the page's chart: copies, failures, requests to wait, deferrals.

Each process counts in memory and writes its own row (partition: the day, UTC; row key: the hour and the process), so
that nobody fights for a counter and a write needs no read. It writes 15 seconds after something was counted, so at most
four times a minute however much is copied, and as it ends. A process that is killed takes the last 15 seconds with it:
the chart shows how busy the app was, the history knows each attempt.
"""

import functools
import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.clock import Clock
from shared.logs import Happened, tell
from shared.rows import from_entity, to_entity
from shared.storage import Storage, Table, creating

WRITE_AFTER = 15.0
"""Seconds from the first count until it is written."""
HOUR = timedelta(hours=1)
_log = logging.getLogger("photosync.measures")


class Measure(StrEnum):
    """What is counted; the name of the row's property."""

    COPIED = "copied"
    """Pictures written to SharePoint."""
    FAILED = "failed"
    """Looks that ended with a failure that is not tried again by itself."""
    DEFERRED = "deferred"
    """Looks that ended with "later"."""
    THROTTLED = "throttled"
    """How often a service asked the app to wait."""


@dataclass(frozen=True)
class MeasuredHour:
    """What one process counted, or all of them, in one hour."""

    copied: int = 0
    failed: int = 0
    deferred: int = 0
    throttled: int = 0

    def of(self, measure: Measure) -> int:
        """One of the numbers."""
        number: int = getattr(self, str(measure))
        return number

    def __add__(self, other: "MeasuredHour") -> "MeasuredHour":
        return MeasuredHour(**{str(measure): self.of(measure) + other.of(measure) for measure in Measure})


@dataclass
class _Hour:
    """What this process has counted in one hour."""

    counts: Counter[Measure] = field(default_factory=Counter)
    written: int = 0
    """The total that is in the table."""


class Measures:
    """The table Measures, and what this process has counted; safe for its threads."""

    def __init__(self, storage: Storage, clock: Clock, *, write_after: float | None = WRITE_AFTER) -> None:
        """`write_after`: seconds; None: only `write` writes."""
        self._client: TableClient = storage.table(Table.MEASURES)
        self._clock = clock
        self._write_after = write_after
        self._process = uuid4().hex[:12]
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._hours: dict[datetime, _Hour] = {}
        self._timer: threading.Timer | None = None

    def count(self, measure: Measure) -> None:
        """Count one; takes no request."""
        hour = hour_of(self._clock.now())
        with self._lock:
            self._hours.setdefault(hour, _Hour()).counts[measure] += 1
            if self._timer is None and self._write_after is not None:
                self._timer = threading.Timer(self._write_after, self._write_later)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write what was counted since the last time: one request for each hour in which anything was.

        Raises:
            AzureError: when Storage fails; what could not be written is still counted, and written with the next.
        """
        with self._writing:
            present = hour_of(self._clock.now())
            with self._lock:
                due = [(hour, Counter(seen.counts)) for hour, seen in self._hours.items()]
                due = [(hour, counts) for hour, counts in due if counts.total() != self._hours[hour].written]
            for hour, counts in due:
                row = MeasuredHour(**{str(measure): number for measure, number in counts.items()})
                entity = to_entity(row, day_of(hour), f"{hour:%H}-{self._process}")
                creating(self._client, functools.partial(self._client.upsert_entity, entity, UpdateMode.REPLACE))
                with self._lock:
                    self._hours[hour].written = counts.total()
            with self._lock:
                self._hours = {
                    hour: seen
                    for hour, seen in self._hours.items()
                    if hour >= present or seen.counts.total() != seen.written
                }

    def _write_later(self) -> None:
        """What the timer does."""
        with self._lock:
            self._timer = None
        self.write_if_possible()

    def write_if_possible(self) -> None:
        """Write; when Storage fails, the log says so, and the next time comes with the next count."""
        try:
            self.write()
        except AzureError as error:
            tell(_log, Happened.MEASURES_NOT_WRITTEN, error=type(error).__name__)

    def hours(self, now: datetime, most: int) -> dict[datetime, MeasuredHour]:
        """The latest hours (UTC), the present one included, oldest first; those without a count are zeros.

        `most`: so many hours. One request for a day or less, two for up to 168 hours unless very many processes ran.
        Raises `AzureError`.
        """
        last = hour_of(now)
        found = {last - HOUR * back: MeasuredHour() for back in reversed(range(most))}
        first = next(iter(found))
        query = self._client.query_entities(
            "PartitionKey ge @first and PartitionKey le @last",
            parameters={"first": day_of(first), "last": day_of(last)},
        )
        try:
            for entity in query:
                hour = _hour_of_row(str(entity["PartitionKey"]), str(entity["RowKey"]))
                if hour in found:
                    found[hour] += from_entity(MeasuredHour, entity)
        except ResourceNotFoundError:
            pass
        return found


def hour_of(moment: datetime) -> datetime:
    """The hour's beginning."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> str:
    """The partition of a day (UTC)."""
    return f"{moment:%Y-%m-%d}"


def _hour_of_row(partition: str, key: str) -> datetime | None:
    """The hour that a row counts; None for a row that is none of ours."""
    try:
        return datetime.strptime(f"{partition} {key[:2]}", "%Y-%m-%d %H").replace(tzinfo=UTC)
    except ValueError:
        return None

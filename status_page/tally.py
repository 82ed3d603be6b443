"""How many users are in each state: counted from the table now and then, never on each view.

One pass over the status table reads three properties of every row and keeps none of the rows. What it found is kept in
a row of Control, so that one instance counts for all. The longer a pass takes, the more seldom one is made: counting
never takes more than a tenth of the time.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError

from shared.clock import Clock
from shared.control import Control
from shared.status import RowChanged, StatusTable
from shared.words import UserState

ROW = "tally"
LEAST_AGE = timedelta(seconds=2)
"""So long a tally is good, however quickly it was made."""
PATIENCE = 1.0
"""Seconds that a view may wait for a count, when there is an old one to show."""
COST_FACTOR = 10
"""A pass that took a second is good for so many."""
SMALL = 1000
"""Users that fit one answer of Table storage."""
DEAD_AFTER = timedelta(minutes=2)
"""Who began to count and has not come back for so long will not."""
_log = logging.getLogger("photosync.page")
_PROPERTIES = ("state", "errorCode", "copiedAt")
_DIGITS, _END = "0123456789abcdef", "g"


@dataclass(frozen=True)
class Tally:
    """What one pass over the table counted."""

    states: Counter[str] = field(default_factory=Counter)
    """By the state's word."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failed users by the code of their failure."""
    last_copied_at: datetime | None = None
    counted_at: datetime | None = None
    """None: nobody has counted yet."""
    seconds: float = 0.0
    """How long it took."""

    @property
    def users(self) -> int:
        """Everybody with a row."""
        return self.states.total()

    def of(self, state: UserState) -> int:
        """How many are in this state."""
        return self.states[str(state)]

    def is_good(self, now: datetime) -> bool:
        """Whether nobody needs to count again."""
        good_for = max(LEAST_AGE, timedelta(seconds=self.seconds) * COST_FACTOR)
        return self.counted_at is not None and now - self.counted_at < good_for

    def as_row(self) -> dict[str, Any]:
        """As Control keeps it."""
        row = {
            "states": json.dumps(self.states),
            "failures": json.dumps(self.failures),
            "lastCopiedAt": self.last_copied_at,
            "countedAt": self.counted_at,
            "seconds": self.seconds,
        }
        return {name: value for name, value in row.items() if value is not None}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Tally":
        """As Control kept it."""
        return cls(
            Counter(json.loads(row.get("states", "{}"))),
            Counter(json.loads(row.get("failures", "{}"))),
            _plain(row.get("lastCopiedAt")),
            _plain(row.get("countedAt")),
            float(row.get("seconds", 0.0)),
        )


def _plain(moment: datetime | None) -> datetime | None:
    """Without the storage library's own class."""
    return None if moment is None else datetime.fromtimestamp(moment.timestamp(), UTC)


def add_up(rows: Iterable[Mapping[str, Any]]) -> Tally:
    """The tally of some rows' properties. Pure."""
    states: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    last: datetime | None = None
    for row in rows:
        states[row["state"]] += 1
        if row["state"] == UserState.FAILED:
            failures[row.get("errorCode") or "UnexpectedError"] += 1
        copied = row.get("copiedAt")
        if copied is not None and (last is None or copied > last):
            last = copied
    return Tally(states, failures, _plain(last))


def together(parts: Iterable[Tally]) -> Tally:
    """Several tallies as one. Pure."""
    states: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    last: datetime | None = None
    for part in parts:
        states.update(part.states)
        failures.update(part.failures)
        last = max(filter(None, (last, part.last_copied_at)), default=None)
    return Tally(states, failures, last)


class Tallies:
    """The tally as one process sees it; safe for its threads."""

    def __init__(self, status: StatusTable, control: Control, clock: Clock) -> None:
        self._status = status
        self._control = control
        self._clock = clock
        self._known = Tally()

    def get(self) -> Tally:
        """A tally that is good enough; counts when there is none and nobody else is counting.

        Who finds an old one while somebody else counts gets the old one.
        """
        now = self._clock.now()
        if self._known.is_good(now):
            return self._known
        seen = self._control.seen(ROW)
        row = seen.values if seen else {}
        self._known = Tally.from_row(row)
        began = row.get("countingSince")
        busy = began is not None and now - began < DEAD_AFTER
        if self._known.is_good(now) or (busy and self._known.counted_at is not None):
            return self._known
        try:
            mine = self._control.replace(ROW, {**row, "countingSince": now}, seen.etag if seen else None)
        except RowChanged:  # somebody else was quicker, and counts
            return self._known if self._known.counted_at else self._count(now)
        if self._known.counted_at is not None and self._known.seconds > PATIENCE:
            # Nobody waits for a long count: who asks next sees what it found.
            threading.Thread(target=self._count_behind, args=(now, mine), name="tally", daemon=True).start()
        else:
            self._count_and_share(now, mine)
        return self._known

    def _count_and_share(self, now: datetime, mine: str) -> None:
        """Count, and write the tally over the claim `mine`."""
        self._known = self._count(now)
        with suppress(RowChanged):  # it took so long that somebody else has begun
            self._control.replace(ROW, self._known.as_row(), mine)

    def _count_behind(self, now: datetime, mine: str) -> None:
        """The same for a thread that nobody waits for."""
        try:
            self._count_and_share(now, mine)
        except AzureError as error:
            _log.warning("users could not be counted: %s", type(error).__name__)

    def _count(self, now: datetime) -> Tally:
        """Count: few users in one request, many in sixteen ranges of object ids, four at a time."""
        began = self._clock.now()
        if self._known.users <= SMALL and self._known.counted_at is not None:
            counted = self._range(_DIGITS[0], _END)
        else:
            with ThreadPoolExecutor(4, thread_name_prefix="tally") as threads:
                counted = together(threads.map(self._range, _DIGITS, [*_DIGITS[1:], _END]))
        took = (self._clock.now() - began).total_seconds()
        return Tally(counted.states, counted.failures, counted.last_copied_at, now, took)

    def _range(self, first: str, end: str) -> Tally:
        return add_up(self._status.properties(_PROPERTIES, first, end))

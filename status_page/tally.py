"""How many users are in each state: counted from the table now and then, never on each view.

One pass over the status table reads three properties of every row and keeps none of the rows. What it found is kept in
a row of Control, so that one instance counts for all, and the next process begins with it. The longer a pass takes, the
more seldom one is made: counting never takes more than a tenth of the time.

No view waits for a pass. A tenant whose users fit one answer of Table storage is counted at once; a larger one by a
thread, while views show the tally before, or the very first time, how far the counting has come.
"""

import itertools
import json
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError

from shared.clock import Clock
from shared.control import Control
from shared.logs import Happened, tell
from shared.status import RowChanged, StatusTable
from shared.words import UserState

ROW = "tally"
LEAST_AGE = timedelta(seconds=2)
"""So long a tally is good, however quickly it was made."""
COST_FACTOR = 10
"""A pass that took a second is good for so many."""
SMALL = 1000
"""Users that fit one answer of Table storage."""
DEAD_AFTER = timedelta(seconds=30)
"""Who counts and has not said how far for so long will not come back."""
AFTER_THE_VIEW = 1.0
"""Seconds after which a thread begins to count: first comes the view that found the tally too old."""
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
    counting: bool = False
    """Whether this is the very first count, under way: the numbers are of those counted so far."""

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
            "counting": self.counting,
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
            bool(row.get("counting", False)),
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
        """The best tally that can be had at once, at the price of one small request; nobody waits for a count.

        When it is too old, or when there is none, and nobody else is counting, a thread begins to count.
        """
        now = self._clock.now()
        if self._known.is_good(now):
            return self._known
        claimed = self._claim(now)
        if claimed is None:
            return self._known
        if self._likely() <= SMALL and (few := self._count_few(now)) is not None:
            self._known = few
            self._share(claimed)
            return few
        if self._known.counted_at is None:
            self._known = replace(self._known, counting=True)
        counting = threading.Timer(AFTER_THE_VIEW, self._count_behind, args=(now, claimed))
        counting.daemon = True
        counting.start()
        return self._known

    def _likely(self) -> int:
        """About how many users there are, as far as is known without counting."""
        return max(self._known.users, int(self._control.get("sweep").get("users") or 0))

    def refresh(self) -> Tally:
        """Count now, however long it takes, unless that was done lately: for a timer."""
        now = self._clock.now()
        if not self._known.is_good(now) and (claimed := self._claim(now)) is not None:
            self._count_all(now, claimed)
        return self._known

    def _claim(self, now: datetime) -> str | None:
        """The right to count: the version of the row that says so. None when what is known must do."""
        seen = self._control.seen(ROW)
        row = seen.values if seen else {}
        self._known = Tally.from_row(row)
        began = row.get("countingSince")
        if self._known.is_good(now) or (began is not None and now - began < DEAD_AFTER):
            return None
        try:
            return self._control.replace(
                ROW, self._known.as_row() | {"countingSince": now}, seen.etag if seen else None
            )
        except RowChanged:  # somebody else was quicker, and counts
            if self._known.counted_at is None:
                self._known = replace(self._known, counting=True)
            return None

    def _count_few(self, now: datetime) -> Tally | None:
        """The tally of everybody, if one answer of Table storage holds them all."""
        began = self._clock.now()
        rows = list(itertools.islice(self._status.properties(_PROPERTIES, _DIGITS[0], _END), SMALL + 1))
        if len(rows) > SMALL:
            return None
        return replace(add_up(rows), counted_at=now, seconds=(self._clock.now() - began).total_seconds())

    def _count_behind(self, now: datetime, claimed: str) -> None:
        """Count everybody, for a thread that nobody waits for."""
        try:
            self._count_all(now, claimed)
        except AzureError as error:
            tell(_log, Happened.TALLY_FAILED, error=type(error).__name__)

    def _count_all(self, now: datetime, claimed: str) -> None:
        """Count everybody, in ranges of object ids; while there is no older tally, show how far it has come."""
        began = self._clock.now()
        before, so_far = self._known, Tally()
        # One after the other: side by side they would take the interpreter from who waits for a view.
        for first, end in itertools.pairwise([*_DIGITS, _END]):
            so_far = together([so_far, self._range(first, end)])
            self._known = before if before.counted_at else replace(so_far, counting=True)
            if (still := self._share(claimed, counting_since=self._clock.now())) is None:
                return  # it took so long that somebody else has begun
            claimed = still
        took = (self._clock.now() - began).total_seconds()
        self._known = replace(so_far, counted_at=now, seconds=took)
        self._share(claimed)

    def _share(self, claimed: str, counting_since: datetime | None = None) -> str | None:
        """Write what is known over the claim; the new version, or None when somebody else has written since."""
        since = {"countingSince": counting_since} if counting_since else {}
        try:
            return self._control.replace(ROW, self._known.as_row() | since, claimed)
        except RowChanged:
            return None

    def _range(self, first: str, end: str) -> Tally:
        return add_up(self._status.properties(_PROPERTIES, first, end))

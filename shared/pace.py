"""The pace of bulk work: when the photo events of sweeps and large jobs become visible to the workers.

Whoever has many events to put claims that many slots of one line that all instances share, and puts each event with
its slot's delay. So the tenant's budget is kept at the source, and nothing waits in a worker: a notification or a
one-user job, which claims no slot, passes by.

    now ──┬── others' slots ──┬── ours ──┬── free
          0               next_free      + count x interval
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.control import Control

ROW = "bulk-pace"
AT_ONCE = 25
"""So many users whom somebody names, or one notification, are no bulk work: they never wait in the line."""
MOST_AHEAD = timedelta(days=6)
"""No slot is given beyond this: the queue hides a message for seven days at most."""


@dataclass(frozen=True)
class Claimed:
    """Slots in the line."""

    delays: tuple[timedelta, ...]
    """One for each slot, in order; fewer than asked for when the line is too long."""
    next_free: datetime
    """Where the line ends now."""


def slots(next_free: datetime | None, count: int, now: datetime, interval: timedelta) -> Claimed:
    """Up to `count` slots at the end of a line that ends at `next_free`. Pure."""
    first = now if next_free is None else max(next_free, now)
    room = max(0, (now + MOST_AHEAD - first) // interval + 1)
    taken = min(count, room)
    delays = tuple(first - now + interval * number for number in range(taken))
    return Claimed(delays, first + interval * taken)


class Pace:
    """The line that all instances share: one row of Control, changed by compare-and-set."""

    def __init__(self, control: Control, per_minute: int) -> None:
        self._control = control
        self.interval = timedelta(minutes=1) / per_minute

    def claim(self, count: int, now: datetime) -> tuple[timedelta, ...]:
        """Claim up to `count` slots; gives the delay of each, fewer when the line is too long."""
        claimed = Claimed((), now)

        def decide(row: dict[str, Any]) -> dict[str, Any] | None:
            nonlocal claimed
            claimed = slots(row.get("nextFree"), count, now, self.interval)
            return row | {"nextFree": claimed.next_free} if claimed.delays else None

        if count:
            self._control.change(ROW, decide)
        return claimed.delays

    def release(self, count: int, now: datetime) -> None:
        """Give back slots whose events will not be looked at, because their job was cancelled.

        The line becomes shorter by so many. Where others stand behind those slots, new events may share a moment with
        theirs: for a while twice the pace, on the whole never more.
        """

        def decide(row: dict[str, Any]) -> dict[str, Any] | None:
            end = row.get("nextFree")
            return None if end is None else row | {"nextFree": max(now, end - self.interval * count)}

        if count:
            self._control.change(ROW, decide)

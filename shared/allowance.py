"""The allowance: what SharePoint says is left of the app's budget, heeded before it says "too many requests".

From 80 % of its budget of a minute on SharePoint announces in every answer what is left. Copies of bulk work then begin
only as fast as the budget comes back, so that they use it up and are not refused; what is refused counts against the
budget too. Nobody else waits here: a single person's change is a few requests.

    left ▲ ╲        announced
         │  ╲___╱╲  ╱ our guess between answers: it comes back slowly
         └───────────▶ time

Each process goes by the answers that it gets itself; they tell of what all of them have spent.
Source: sp-dev-docs, "Avoid getting throttled or blocked in SharePoint Online": RateLimit headers (beta, best effort).
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock

UNITS_OF_A_COPY = 10
"""Resource units: five requests at two each, by Microsoft's rule of thumb."""
WINDOW = timedelta(minutes=1)
"""What the announced budget is for."""
CARE = 2
"""Between answers the budget is taken to come back so many times slower than evenly: what was spent in a rush comes
back in a rush too, and not before."""
PATIENCE = 5.0
"""Seconds that a worker waits for a copy's turn; a longer wait is the queue's business."""


@dataclass(frozen=True)
class Announced:
    """What an answer said."""

    limit: int
    """Resource units in a minute."""
    remaining: int
    at: datetime


def announced(headers: Mapping[str, str], now: datetime) -> Announced | None:
    """What the headers announce; None when there are none, or they cannot be read."""
    try:
        limit, remaining = int(headers["RateLimit-Limit"]), int(headers["RateLimit-Remaining"])
    except (KeyError, ValueError):
        return None
    return Announced(limit, remaining, now) if limit > 0 and remaining >= 0 else None


def seconds_until_room(said: Announced | None, under_way: int, now: datetime) -> float:
    """How long until there is room for one copy more, when so many are `under_way`; 0 when there is. Pure."""
    if said is None or now - said.at >= WINDOW:
        return 0.0
    needed = UNITS_OF_A_COPY * (under_way + 1) - said.remaining
    if needed <= 0 or said.limit < UNITS_OF_A_COPY:  # too small a budget for any copy says nothing of this one
        return 0.0
    return max(0.0, (said.at + CARE * WINDOW * (needed / said.limit) - now).total_seconds())


class Allowance:
    """The allowance as one process sees it; safe for its threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._said: Announced | None = None
        self._under_way = 0

    def heed(self, headers: Mapping[str, str]) -> None:
        """Note what an answer of SharePoint announces, if anything."""
        said = announced(headers, self._clock.now())
        if said is not None:
            with self._lock:
                self._said = said

    @contextmanager
    def turn(self, *, waits: bool) -> Iterator[bool]:
        """A copy's turn, which lasts as long as the context; False when it has not come within `PATIENCE`.

        Who does not wait has it at once.
        """
        has_turn = self._take(waits=waits)
        try:
            yield has_turn
        finally:
            if has_turn:
                with self._lock:
                    self._under_way -= 1

    def _take(self, *, waits: bool) -> bool:
        give_up_at = self._clock.now() + timedelta(seconds=PATIENCE)
        while (left := self._seconds_or_enter(waits=waits)) > 0:
            if self._clock.now() + timedelta(seconds=left) > give_up_at:
                return False
            self._clock.sleep(left)
        return True

    def _seconds_or_enter(self, *, waits: bool) -> float:
        with self._lock:
            left = seconds_until_room(self._said, self._under_way, self._clock.now()) if waits else 0.0
            if left == 0:
                self._under_way += 1
            return left

"""The pause switch: an administrator stops all checking and copying, and lets it go on.

One row of Control that all instances share. While it is there, photo events and checks go back on their queues (those
of a restore aside), and no sweep begins; notifications are still received and the subscription is still looked after,
so nothing is lost.
"""

import random
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.control import Control
from shared.gates import STALE_AFTER
from shared.rows import from_entity

ROW = "pause"
LOOK_AGAIN = timedelta(seconds=10)
"""How long a message stays invisible while the app is paused, before `spread`: so it goes on soon after the resume."""
SPREAD = timedelta(seconds=60)


@dataclass(frozen=True)
class Pause:
    """That the app is paused."""

    since: datetime
    by: str
    """Who paused it: a user principal name, or that it was a function key."""
    reason: str | None = None
    """As that person put it."""


def spread(delay: timedelta) -> timedelta:
    """The delay and up to a minute: what waits for the app to go on does not come back all at once."""
    return delay + SPREAD * random.random()  # noqa: S311 - spreads retries, hides nothing


def read(control: Control) -> Pause | None:
    """The present pause; None when there is none."""
    row = control.get(ROW)
    return from_entity(Pause, row) if row else None


class PauseSwitch:
    """The switch as one process sees it; safe for its threads."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._known: Pause | None = None
        self._read_at: datetime | None = None

    def wait(self, now: datetime) -> timedelta | None:
        """How long a message must wait before it is looked at again; None when the app is not paused.

        A pause by another process is known within a second. Raises `AzureError` when Storage does not answer.
        """
        with self._lock:
            fresh = self._read_at is not None and self._read_at <= now < self._read_at + STALE_AFTER
            known = self._known
        if not fresh:
            known = read(self._control)
            self._remember(known, now)
        return None if known is None else LOOK_AGAIN

    def pause(self, now: datetime, by: str, reason: str | None) -> Pause:
        """Pause, unless that was done: the first pause stands. Gives the one in force."""

        def decide(row: dict[str, Any]) -> dict[str, Any] | None:
            return None if row else {"since": now, "by": by} | ({"reason": reason} if reason else {})

        standing = from_entity(Pause, self._control.change(ROW, decide))
        self._remember(standing, now)
        return standing

    def resume(self, now: datetime) -> Pause | None:
        """Let everything go on; gives the pause that is over, None when there was none."""
        ended = read(self._control)
        if ended is not None:
            self._control.remove(ROW)
        self._remember(None, now)
        return ended

    def _remember(self, pause: Pause | None, now: datetime) -> None:
        with self._lock:
            self._known, self._read_at = pause, now

"""A small world for the state machine: people, a queue whose time is virtual, and workers that die or fall asleep.

The worker, the tables and the tenant are the real parts; only the queue is one in memory, since Azurite's invisibility
knows no virtual time. `Interruptions` sits where a process can die: at every request to Microsoft and every write to
the status table. There a worker can be killed, before or after the deed, or put to sleep while others go on.
"""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.photo_queue import Message, PhotoQueue
from shared.services import Services
from shared.words import PhotoEvent

REDELIVERY = timedelta(minutes=10)
"""A message whose worker died comes back after the host's lease on it."""


class Killed(BaseException):
    """The process is gone; nobody may catch it, as nobody catches SIGKILL."""


class VirtualQueue(PhotoQueue):
    """The queue of photo changes, in memory and in virtual time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._heap: list[tuple[datetime, int, PhotoEvent]] = []
        self._numbers = itertools.count()

    def put(self, message: Message, delay: timedelta = timedelta()) -> None:
        """Store one event."""
        heapq.heappush(
            self._heap, (self._now() + delay, next(self._numbers), PhotoEvent.from_message(message.to_message()))
        )

    def put_all(self, messages: Sequence[Message], within: float) -> None:
        """Store all events."""
        del within
        for message in messages:
            self.put(message)

    def take(self, choice: int) -> PhotoEvent | None:
        """Any visible event, since a storage queue promises no order; None when there is none."""
        ready = sorted(item for item in self._heap if item[0] <= self._now())
        if not ready:
            return None
        item = ready[choice % len(ready)]
        self._heap.remove(item)
        heapq.heapify(self._heap)
        return item[2]

    def place_of(self, user_id: str) -> int:
        """What to choose in `take` to get an event of this user; 0 when none is visible."""
        ready = sorted(item for item in self._heap if item[0] <= self._now())
        return next((place for place, item in enumerate(ready) if item[2].user_id == user_id), 0)

    def next_due(self) -> datetime | None:
        """When the next event becomes visible; None when the queue is empty."""
        return self._heap[0][0] if self._heap else None


@dataclass
class Interruptions:
    """Where and how the next worker is interrupted: at its `at`-th deed, if at all."""

    at: int | None = None
    how: str = ""
    """`kill before`, `kill after` or `sleep`."""
    asleep: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    _deeds: dict[int, int] = field(default_factory=dict)

    def arm(self, at: int, how: str) -> None:
        """Interrupt this thread's next worker at its `at`-th deed."""
        self.at, self.how = at, how

    def disarm(self) -> None:
        """Let everybody work."""
        self.at, self.how = None, ""
        self._deeds.clear()

    def around[Result](self, deed: Callable[[], Result]) -> Result:
        """Do the deed, unless this is where the worker is interrupted."""
        me = threading.get_ident()
        self._deeds[me] = self._deeds.get(me, 0) + 1
        if self.at is None or self._deeds[me] != self.at or (self.how == "sleep") != (me != _MAIN):
            return deed()
        how = self.how
        if how == "sleep":
            self.asleep.set()
            assert self.wake.wait(60)
            return deed()
        self.disarm()
        if how == "kill before":
            raise Killed
        deed()
        raise Killed


_MAIN = threading.get_ident()


def interruptible(services: Services, interruptions: Interruptions, queue: VirtualQueue) -> None:
    """Put the interruptions around what these services do, and the virtual queue into them."""
    services.__dict__["queue"] = queue
    session, status = services.session, services.status
    for owner, name in ((session, "request"), (status, "insert"), (status, "replace")):
        setattr(owner, name, _around(interruptions, getattr(owner, name)))


def _around(interruptions: Interruptions, deed: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: interruptions.around(lambda: deed(*arguments, **named))

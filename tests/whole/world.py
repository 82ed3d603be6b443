"""A small world for the state machine: two queues whose time is virtual, and workers that die or fall asleep.

The webhook, the sweep, the worker, the tables and the tenant are the real parts; only the queues are in memory, since
Azurite's invisibility knows no virtual time. `Interruptions` sits where a process can die: at every request to
Microsoft and every write to the status table. There a worker can be killed, before or after the deed, or put to sleep
while others go on.
"""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.photo_queue import Message, MessageQueue
from shared.services import Services
from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS

REDELIVERY = timedelta(minutes=10)
"""A message whose worker died comes back after the host's lease on it."""


class Killed(BaseException):
    """The process is gone; nobody may catch it, as nobody catches SIGKILL."""


@dataclass(frozen=True, order=True)
class Letter:
    """One message on one of the queues."""

    due: datetime
    number: int
    queue: str
    text: str


class Mail:
    """What is on both queues, in virtual time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._letters: list[Letter] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def post(self, queue: str, text: str, delay: timedelta = timedelta()) -> None:
        """Store one message."""
        with self._lock:
            self._letters.append(Letter(self._now() + delay, next(self._numbers), queue, text))

    def take(self, choice: int) -> Letter | None:
        """Any visible message, since a storage queue promises no order; None when there is none."""
        visible = self._visible()
        if not visible:
            return None
        letter = visible[choice % len(visible)]
        self._letters.remove(letter)
        return letter

    def place_of(self, user_id: str) -> int:
        """What to choose in `take` to get a photo event of this user; 0 when none is visible."""
        return next(
            (
                place
                for place, letter in enumerate(self._visible())
                if letter.queue == QUEUE_OF_CHANGES and user_id in letter.text
            ),
            0,
        )

    def count(self, queue: str) -> int:
        """Messages on one queue, visible or not."""
        return sum(letter.queue == queue for letter in self._letters)

    def next_due(self) -> datetime | None:
        """When the next message becomes visible; None when there is none at all."""
        return min((letter.due for letter in self._letters), default=None)

    def _visible(self) -> list[Letter]:
        with self._lock:
            return sorted(letter for letter in self._letters if letter.due <= self._now())


class VirtualQueue(MessageQueue[Message]):
    """One queue of the mail, as the app sees it."""

    def __init__(self, mail: Mail, name: str) -> None:
        self._mail = mail
        self._name = name

    def put_text(self, text: str, delay: timedelta = timedelta()) -> None:
        """Store one message."""
        self._mail.post(self._name, text, delay)

    def put_all_later(self, messages: Sequence[tuple[Message, timedelta]], within: float) -> None:
        """Store all messages."""
        del within
        for message, delay in messages:
            self.put(message, delay)

    def waiting(self) -> int:
        """How many are on it."""
        return self._mail.count(self._name)


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
        """Interrupt the next worker at its `at`-th deed: one in a thread of its own to sleep, one in ours to die."""
        self.at, self.how = at, how
        self._deeds.clear()
        self.asleep.clear()
        self.wake.clear()

    def disarm(self) -> None:
        """Let everybody work."""
        self.at, self.how = None, ""

    def around[Result](self, deed: Callable[[], Result]) -> Result:
        """Do the deed, unless this is where the worker is interrupted."""
        me = threading.get_ident()
        self._deeds[me] = self._deeds.get(me, 0) + 1
        concerns_me = (self.how == "sleep") == (me != _MAIN)
        if self.at is None or self._deeds[me] != self.at or not concerns_me:
            return deed()
        if self.how == "sleep":
            self.asleep.set()
            assert self.wake.wait(60)
            return deed()
        if self.how == "kill after":
            deed()
        self.disarm()
        raise Killed


_MAIN = threading.get_ident()


def put_into(services: Services, mail: Mail, interruptions: Interruptions) -> None:
    """Give these services the virtual queues, and put the interruptions around what they do."""
    changes, checks = (VirtualQueue(mail, name) for name in (QUEUE_OF_CHANGES, QUEUE_OF_CHECKS))
    services.__dict__.update(queue=changes, quick_queue=changes, checks=checks, quick_checks=checks)
    for owner, name in ((services.session, "request"), (services.status, "insert"), (services.status, "replace")):
        setattr(owner, name, _around(interruptions, getattr(owner, name)))


def _around(interruptions: Interruptions, deed: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **named: interruptions.around(lambda: deed(*arguments, **named))

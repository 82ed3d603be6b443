"""Runs the app's two queues in this process, in virtual time: hours of sweeps, jobs and retries in seconds.

Storage is the real Azurite, with queues and tables of the test's own, and the messages are the real ones. Only their
delay is not Azurite's, whose invisibility knows no virtual time: `DrainedQueue` stores each message visible at once and
remembers when it would be due. The driver takes everything, hands the earliest to whom it concerns (`PhotoWorker`, or
`CheckServer`), and moves the clocks of app and tenant on when nothing is due yet. A message is deleted when it was
handled, and comes again after ten minutes when its handler died.

>>> drained.sweep()                    # the timer fires, and both queues are worked off
>>> drained.run(until=noon)            # so far and no further
>>> drained.die_at(7)                  # the process ends at the seventh write or request from here, then starts again
"""

import base64
import heapq
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from local_run.azurite import Azurite
from photo_worker.look_at_photo import PhotoWorker
from shared.measures import Measures
from shared.photo_queue import Message, MessageQueue
from shared.runs import RunRow
from shared.services import Services
from shared.storage import Storage, creating
from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS, Outcome, PhotoEvent
from simulated_tenant.client import RunningTenant, start, stop
from sync_trigger.receive_notification import Endpoint, Webhook
from sync_trigger.serve_checks import CheckServer
from sync_trigger.sweep import sweep_when_due
from tests.bench import CLIENT_STATE, Bench, bench_on, reach
from tests.certificates import KeyPair

REDELIVERY = timedelta(minutes=10)
_HELD = 3600
_AT_A_TIME = 32
_DEEDS = ("send_message", "create_entity", "update_entity", "upsert_entity")


class Died(BaseException):
    """The process is gone."""


@dataclass
class Death:
    """Where the process dies: before or after its `at`-th write to Storage or request to Microsoft; None: nowhere."""

    at: int | None = None
    after: bool = False
    deeds: int = 0

    def around(self, deed: Callable[..., Any]) -> Callable[..., Any]:
        """The deed, with death where it belongs."""

        def done(*arguments: Any, **named: Any) -> Any:
            self.deeds += 1
            dies = self.at == self.deeds
            if dies and not self.after:
                raise Died
            result = deed(*arguments, **named)
            if dies:
                raise Died
            return result

        return done


class OwnStorage(Storage):
    """A storage account as if nobody else used it: every queue and table has a name of its own."""

    def __init__(self, environment: dict[str, str], prefix: str, death: Death) -> None:
        super().__init__(environment)
        self._prefix = prefix
        self._death = death
        self._mortal: set[str] = set()

    def queue(self, name: str) -> QueueClient:
        """The client of one queue."""
        return self._make_mortal(name, super().queue(f"{self._prefix}-{name}"))

    def table(self, name: str) -> TableClient:
        """The client of one table."""
        return self._make_mortal(name, super().table(f"{self._prefix}{name}"))

    def _make_mortal[Client](self, name: str, client: Client) -> Client:
        with self._lock:
            if name not in self._mortal:
                self._mortal.add(name)
                for deed in _DEEDS:
                    if hasattr(client, deed):
                        setattr(client, deed, self._death.around(getattr(client, deed)))
        return client


class DrainedQueue(MessageQueue[Message]):
    """A queue whose messages are visible at once, and whose delays are remembered."""

    def __init__(self, storage: Storage, name: str, now: Callable[[], datetime], numbers: Iterator[int]) -> None:
        super().__init__(storage, name)
        self.name = name
        self._now = now
        self._numbers = numbers
        self._lock = threading.Lock()
        self.due: dict[str, tuple[datetime, int]] = {}
        """By message id: when it is due, and which number it has."""
        self._is_read = False
        """Whether everything on the queue is in the driver's hands; saves asking Storage."""
        self.delays: list[timedelta] = []
        """Of all messages so far, in the order of putting."""

    def put_text(self, text: str, delay: timedelta = timedelta()) -> None:
        """Store a message, visible at once."""
        assert timedelta() <= delay <= timedelta(days=7), "Azure refuses it"
        self._is_read = False
        sent = creating(self._client, lambda: self._client.send_message(text))
        with self._lock:
            self.due[sent.id] = (self._now() + delay, next(self._numbers))
            self.delays.append(delay)

    def take(self) -> list[tuple[datetime, int, "Taken"]]:
        """Everything on the queue, held: when it is due, in which order it was put, and what it is."""
        taken: list[tuple[datetime, int, Taken]] = []
        if self._is_read:
            return taken
        self._is_read = True
        try:
            for message in self._client.receive_messages(messages_per_page=_AT_A_TIME, visibility_timeout=_HELD):
                # A message whose putter died before it could tell is due at once.
                due, number = self.due.get(message.id) or (self._now(), next(self._numbers))
                taken.append((due, number, Taken(self.name, message)))
        except ResourceNotFoundError:
            pass
        return taken

    def delete(self, message: Any) -> None:
        """The message was handled."""
        self._client.delete_message(message)


@dataclass
class Taken:
    """A message in the driver's hands."""

    queue: str
    message: Any

    @property
    def text(self) -> str:
        """What it says, decoded as the host does."""
        return base64.b64decode(self.message.content).decode()


class Drained:
    """An app in a tenant of its own, and the driver of its queues."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.death = Death()
        self.server = CheckServer(bench.services)
        self._prefix = f"t{uuid4().hex[:10]}"
        self._numbers = itertools.count()
        self._heap: list[tuple[datetime, int, Taken]] = []
        self.outcomes: list[Outcome] = []
        """Of all photo events handled so far."""
        self.everything_twice = False
        """Whether each message of the queue of checks is delivered a second time."""
        self.handled = 0
        """Messages handled so far."""
        self.queues: dict[str, DrainedQueue] = {}
        self.restart()

    @property
    def services(self) -> Services:
        """The app's parts."""
        return self.bench.services

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return self.bench.clock.now()

    def restart(self, **settings: str) -> None:
        """The app as after a restart, with other settings if given; what is on the queues stays."""
        self.bench.start_afresh(**settings)
        # Afresh once more: what the worker of the bench has taken hold of is the storage of all tests.
        services = Services(self.bench.settings, self.bench.environment, self.bench.clock)
        services.__dict__["storage"] = OwnStorage(self.bench.environment, self._prefix, self.death)
        services.__dict__["quick_storage"] = services.storage
        # Written only when a test asks for it: a timer would meet a death that is meant for others.
        services.__dict__["measures"] = Measures(services.storage, self.bench.clock, write_after=None)
        if self.queues:
            services.__dict__["tokens"] = self.services.tokens  # signing in takes longer than all that is tested here
        for name, attribute in ((QUEUE_OF_CHANGES, "queue"), (QUEUE_OF_CHECKS, "checks")):
            queue = DrainedQueue(services.storage, name, self.bench.clock.now, self._numbers)
            if name in self.queues:
                queue.due, queue.delays = self.queues[name].due, self.queues[name].delays
            self.queues[name] = services.__dict__[attribute] = services.__dict__[f"quick_{attribute}"] = queue
        services.session.request = self.death.around(services.session.request)  # type: ignore[method-assign] # death comes here too
        self.bench.services, self.bench.worker, self.server = services, PhotoWorker(services), CheckServer(services)

    def sweep(self) -> RunRow | None:
        """The timer fires, and both queues are worked off."""
        begun = sweep_when_due(self.services)
        self.run()
        return begun

    def notify(self, users: Iterable[str]) -> None:
        """Graph tells of these users in one POST."""
        elements = [{"clientState": CLIENT_STATE, "resource": f"Users/{user}"} for user in users]
        body = json.dumps({"value": elements}).encode()
        assert Webhook(self.services).receive(Endpoint.NOTIFICATIONS, None, body).status_code == 202

    def pass_time(self, span: timedelta) -> None:
        """Let time pass, in which what is due is handled."""
        end = self.now + span
        self.run(until=end)
        if self.now < end:
            self.bench.clock.sleep((end - self.now).total_seconds())

    def run(self, *, until: datetime | None = None, checks_only: bool = False, most: int = 100_000) -> int:
        """Work the queues off, in the order in which messages are due; gives how many were handled.

        `until`: what is due later stays. `checks_only`: photo events stay. `most`: fail when it never ends.
        """
        before = self.handled
        kept: list[tuple[datetime, int, Taken]] = []
        while (item := self._next()) is not None:
            due, _, taken = item
            if (checks_only and taken.queue == QUEUE_OF_CHANGES) or (until is not None and due > until):
                kept.append(item)
                continue
            if due > self.now:
                self.bench.clock.sleep((due - self.now).total_seconds())
            self._deliver(taken)
            assert self.handled - before <= most, "the queues do not become empty"
        for item in kept:
            heapq.heappush(self._heap, item)
        return self.handled - before

    def die_at(self, deed: int, *, after: bool = False) -> None:
        """End the process before, or right after, its so-manieth write or request from here."""
        self.death.at, self.death.after, self.death.deeds = deed, after, 0

    def live(self) -> None:
        """No death any more."""
        self.death.at = None

    def _next(self) -> tuple[datetime, int, Taken] | None:
        for queue in self.queues.values():
            for item in queue.take():
                heapq.heappush(self._heap, item)
        return heapq.heappop(self._heap) if self._heap else None

    def _deliver(self, taken: Taken) -> None:
        self.handled += 1
        try:
            if taken.queue == QUEUE_OF_CHANGES:
                self.outcomes.append(self.bench.worker.handle(PhotoEvent.from_message(taken.text)))
            else:
                for _ in range(2 if self.everything_twice else 1):
                    self.server.serve(taken.text)
        except Died:
            self.live()
            self.restart()
            heapq.heappush(self._heap, (self.now + REDELIVERY, next(self._numbers), taken))
            return
        self.queues[taken.queue].delete(taken.message)

    def delays(self, name: str = QUEUE_OF_CHANGES) -> list[timedelta]:
        """The delays of everything put on a queue so far, in the order of putting."""
        return self.queues[name].delays


@pytest.fixture(scope="session")
def own_tenant() -> Iterator[RunningTenant]:
    """A tenant for the tests that look at everybody in it; each begins with an empty one."""
    running = start()
    yield running
    stop(running)


@pytest.fixture
def drained(
    own_tenant: RunningTenant, azurite: Azurite, certificate: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Drained]:
    """An app that has never run, in an empty tenant; at the end the tenant must have nothing to complain of."""
    reach(own_tenant, monkeypatch)
    own_tenant.control.reset()
    bench = bench_on(own_tenant, azurite, certificate)
    built = Drained(bench)
    yield built
    assert own_tenant.control.violations() == []

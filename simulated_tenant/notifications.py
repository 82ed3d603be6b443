"""Change notifications: what Graph sends to subscribers, when, and how often.

https://learn.microsoft.com/graph/change-notifications-delivery-webhooks. All times are the tenant's, so that `POST
/clock` brings on in a moment what back-off and slow receivers would take hours for.
"""

import asyncio
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from simulated_tenant.endpoint_health import Health, Pace
from simulated_tenant.graph_subscriptions import living
from simulated_tenant.state import Change, ChangeKind, Subscription, Tenant

FIRST_SECONDS, RETRY_SECONDS = 3.0, 10.0
"""Within which the receiver must answer the first attempt, and each later one."""
FIRST_PAUSE = timedelta(seconds=10)
GIVE_UP_AFTER = timedelta(hours=4)
SLOW_DELAY = timedelta(minutes=10)
MERGE_WINDOW = timedelta(milliseconds=30)
"""Changes that come this close together may travel in one POST."""
MOST_IN_ONE = 20


class Mode(StrEnum):
    """How notifications are sent."""

    ON = "on"
    OFF = "off"
    DUPLICATE = "duplicate"
    """Each twice, in POSTs of their own."""
    DELAY = "delay"
    """Each `delaySeconds` late."""
    REORDER = "reorder"
    """Alone, and in random order within `delaySeconds`."""


@dataclass
class Letter:
    """One POST to be made, or made again."""

    url: str
    kind: str
    due: datetime
    elements: list[dict[str, Any]]
    subscriptions: tuple[str, ...]
    users: tuple[str, ...]
    attempt: int = 1
    first_at: datetime | None = None
    alone: bool = False
    """Not to be merged with another."""


@dataclass
class Settings:
    """What `POST /notifications` sets."""

    mode: Mode = Mode.ON
    delay_seconds: float = 600.0
    merge: bool = True
    seed: int = 0


@dataclass
class Counts:
    """What became of notifications that never arrived."""

    dropped: int = 0
    """Lost because the receiver was too slow too often."""
    given_up: int = 0
    """Lost after four hours of attempts."""


@dataclass
class Notifier:
    """Turns changes into letters and delivers them."""

    tenant: Tenant
    settings: Settings = field(default_factory=Settings)
    counts: Counts = field(default_factory=Counts)
    pending: list[Letter] = field(default_factory=list)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    health: dict[str, Health] = field(default_factory=dict)
    """By subscription."""
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen and to deliver."""
        self._woken = asyncio.Event()  # belongs to the loop that waits for it
        self.tenant.on_change.append(self.changed)
        self._loop = asyncio.create_task(self._deliver())

    async def stop(self) -> None:
        """End, whatever is under way."""
        tasks = [*self.under_way, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look again at what is due: the clock was moved, or something was added."""
        self._woken.set()

    def reset(self) -> None:
        """Forget everything, as on the first day."""
        for task in self.under_way:
            task.cancel()
        self.settings, self.counts = Settings(), Counts()
        self.pending.clear()
        self.health.clear()
        self.dice.seed(0)
        self.wake()

    def use(self, settings: Settings) -> None:
        """Send by other settings from now on; the seed starts again."""
        self.settings = settings
        self.dice.seed(settings.seed)

    # From a change to letters.

    def changed(self, change: Change) -> None:
        """Write the letters about a change."""
        if self.settings.mode is Mode.OFF:
            return
        now = self.tenant.now()
        for subscription in living(self.tenant):
            if not subscription.wants(change.kind, change.user_id, now):
                continue
            pace = self.health.setdefault(subscription.id, Health()).pace_at(now)
            if pace is Pace.DROP:
                self.counts.dropped += 1
                continue
            slow = SLOW_DELAY if pace is Pace.SLOW else timedelta()
            for delay in self._delays():
                self.pending.append(self._letter(subscription, change, now + slow + delay))
        self.wake()

    def _delays(self) -> list[timedelta]:
        """One for each copy of a notification."""
        wanted = timedelta(seconds=self.settings.delay_seconds)
        match self.settings.mode:
            case Mode.DUPLICATE:
                return [MERGE_WINDOW, MERGE_WINDOW * 3]
            case Mode.DELAY:
                return [wanted]
            case Mode.REORDER:
                return [wanted * self.dice.random()]
            case _:
                return [MERGE_WINDOW]

    def _letter(self, subscription: Subscription, change: Change, due: datetime) -> Letter:
        return Letter(
            url=subscription.notification_url,
            kind="change",
            due=due,
            elements=[self._element(subscription, change)],
            subscriptions=(subscription.id,),
            users=(change.user_id,),
            alone=self.settings.mode is Mode.REORDER or not self.settings.merge,
        )

    def _element(self, subscription: Subscription, change: Change) -> dict[str, Any]:
        """One notification. The case of `users` and the presence of `id` vary, as they do at Graph."""
        resource = f"{self.dice.choice(('users', 'Users'))}/{change.user_id}"
        number = {} if self.dice.random() < 0.3 else {"id": str(uuid4())}
        return number | {
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": _moment(subscription.expires),
            "clientState": subscription.client_state,
            "changeType": "deleted" if change.kind is ChangeKind.PURGED else "updated",
            "resource": resource,
            "tenantId": self.tenant.tenant_id,
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.User",
                "@odata.id": resource,
                "id": change.user_id,
                "organizationId": self.tenant.tenant_id,
                "sequenceNumber": int(change.at.timestamp() * 10**7),
            },
        }

    def lifecycle(self, subscription: Subscription, event: str) -> None:
        """Write a lifecycle notification; `subscription` has a URL for them."""
        element = {
            "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": _moment(subscription.expires),
            "tenantId": self.tenant.tenant_id,
            "clientState": subscription.client_state,
            "lifecycleEvent": event,
        }
        url = subscription.lifecycle_url or subscription.notification_url
        self.pending.append(Letter(url, "lifecycle", self.tenant.now(), [element], (subscription.id,), (), alone=True))
        self.wake()

    # From letters to deliveries.

    async def _deliver(self) -> None:
        while True:
            self._woken.clear()
            now = self.tenant.now()
            # What is due in a moment may travel along.
            until = now + MERGE_WINDOW if any(letter.due <= now for letter in self.pending) else now
            due = [letter for letter in self.pending if letter.due <= until]
            self.pending = [letter for letter in self.pending if letter.due > until]
            for letter in self._merged(due):
                task = asyncio.create_task(self._send(letter))
                self.under_way.add(task)
                task.add_done_callback(self.under_way.discard)
            wait = min(((letter.due - now).total_seconds() for letter in self.pending), default=None)
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _merged(self, due: list[Letter]) -> list[Letter]:
        """Letters to the same URL, some of them joined; retries travel as they were."""
        merged: list[Letter] = []
        for letter in sorted(due, key=lambda letter: letter.due):
            last = merged[-1] if merged else None
            if (
                last is not None
                and not (letter.alone or last.alone)
                and (letter.url, letter.kind, letter.attempt, last.attempt) == (last.url, last.kind, 1, 1)
                and len(last.elements) < MOST_IN_ONE
                and self.dice.random() < 0.8
            ):
                last.elements += letter.elements
                last.subscriptions += letter.subscriptions
                last.users += letter.users
            else:
                merged.append(letter)
        return merged

    async def _send(self, letter: Letter) -> None:
        first = letter.attempt == 1
        body = json.dumps({"value": letter.elements}).encode()
        started = self.tenant.now()
        letter.first_at = letter.first_at or started
        deadline = FIRST_SECONDS if first else RETRY_SECONDS
        sent = await self.tenant.internet.post(letter.url, body, "application/json; charset=utf-8", deadline)
        self.tenant.deliveries.note(
            started,
            letter.kind,
            letter.url,
            sent,
            attempt=letter.attempt,
            subscriptions=tuple(dict.fromkeys(letter.subscriptions)),
            users=letter.users,
        )
        now = self.tenant.now()
        if sent.status is not None or sent.failure == "timeout":
            seconds = deadline if sent.failure == "timeout" else sent.milliseconds / 1000
            for subscription in set(letter.subscriptions):
                self.health.setdefault(subscription, Health()).note(now, seconds)
        if sent.status is None or not 200 <= sent.status < 300:
            self._again(letter, now)

    def _again(self, letter: Letter, now: datetime) -> None:
        """Put a letter back for its next attempt: pauses double, and after four hours it is given up."""
        assert letter.first_at is not None  # noqa: S101 - it was sent
        letter.due = now + FIRST_PAUSE * 2 ** (letter.attempt - 1)
        letter.attempt += 1
        if letter.due > letter.first_at + GIVE_UP_AFTER:
            self.counts.given_up += len(letter.elements)
            return
        self.pending.append(letter)
        self.wake()


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.0000000+00:00"

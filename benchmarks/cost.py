"""What the app costs in Azure for 1,000 users a month: executions, GB-seconds and storage operations, and the price.

Counted here, multiplied by a month's occasions, priced by constants: check the price pages, which differ by region and
change without notice.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import sweep_size, traffic
from benchmarks.frame import Measurement, Told, prose, table
from benchmarks.ground import Ground, ground, latencies
from benchmarks.until_sharepoint import LATENCY_MILLISECONDS
from sync_trigger.receive_notification import Endpoint, Webhook
from sync_trigger.sweep import sweep_when_due
from tests import pictures
from tests.bench import CLIENT_STATE

USERS = 1_000
TENANTS = (1_000, 10_000, 100_000)
"""Users; what the price is told for."""
TIMER = "a timer that finds nothing to do"
"""The one piece that does not grow with the tenant."""
DAYS = 30
GIGABYTES = 2.0
"""Of an instance, by infra/main.bicep."""
LEAST_SECONDS = 1.0
"""What an execution counts at least; so every execution is taken as if it had the instance for itself."""
DOLLARS_A_GIGABYTE_SECOND = 0.000026
FREE_GIGABYTE_SECONDS = 100_000
DOLLARS_A_MILLION_EXECUTIONS = 0.40
FREE_EXECUTIONS = 250_000
DOLLARS_A_MILLION_TABLE_OPERATIONS = 0.036
DOLLARS_A_MILLION_QUEUE_OPERATIONS = 0.40
PRICED = "US dollars, East US, pay as you go; execution time as told by a guide of 22 May 2025, the others unverified"
PRICE_PAGES = "https://azure.microsoft.com/pricing/details/functions/ and /storage/tables/, /storage/queues/"
NOTIFICATIONS_A_USER_AND_DAY = 2
"""Assumed: Graph tells of every change of a user object, not only of photos."""
CHANGES_A_USER_AND_YEAR = 1
"""Assumed."""
SWEEPS_A_DAY = 96
TIMERS_A_DAY = 2 * 288
"""Two that look every five minutes whether there is something to do."""
HOST_QUEUE_OPERATIONS = 2.5
"""Of the host for each message: taking it, with one other at most; renewing or deleting it."""


@dataclass(frozen=True)
class Piece:
    """One kind of work, each time that it is done."""

    name: str
    times_a_month: float
    executions: float
    seconds: float
    """Of an instance, each time."""
    queue_operations: float
    table_operations: float


@dataclass(frozen=True)
class Cost:
    """Everything that happens in a month."""

    users: int
    pieces: list[Piece]

    def of(self, users: int) -> "Cost":
        """The same for a tenant of so many users: everything but the timers grows with them."""
        growth = users / self.users
        return Cost(
            users,
            [
                piece if piece.name == TIMER else replace(piece, times_a_month=piece.times_a_month * growth)
                for piece in self.pieces
            ],
        )

    def total(self, of: Callable[[Piece], float]) -> float:
        """A month's sum."""
        return sum(piece.times_a_month * of(piece) for piece in self.pieces)

    @property
    def gigabyte_seconds(self) -> float:
        """A month's."""
        return self.total(lambda piece: piece.seconds) * GIGABYTES


def measure(times: int = 10) -> Cost:
    """Count each kind of work so many times."""
    with ground() as on:
        on.bench.control.notifications("off")
        on.bench.control.latency(latencies(LATENCY_MILLISECONDS))
        photos = [pictures.jpeg(648, 648, seed=number) for number in range(2)]
        people = [on.bench.person(photos[0]) for _ in range(times)]
        webhook = Webhook(on.bench.services)
        webhook.receive(*_post(people[0]))  # the queue and the table are made once
        notified = _piece(on, "a notification", people, lambda user: webhook.receive(*_post(user)))
        _piece(on, "first copies", people, on.bench.look)
        for person in people:
            on.bench.control.put_photo(person, photos[1])
        copied = _piece(on, "a copy", people, on.bench.look)
        looked = _piece(on, "a look that finds nothing new", people, on.bench.look)
        sweep_when_due(on.bench.services)
        timer = _piece(on, TIMER, people, lambda _: sweep_when_due(on.bench.services))
    [swept] = sweep_size.measure((USERS,), largest_changed=0).sweeps
    messages = -(-USERS // 20) + -(-USERS // 999)
    months_notifications = USERS * NOTIFICATIONS_A_USER_AND_DAY * DAYS
    pieces = [
        _times(notified, months_notifications),
        _times(looked, months_notifications, queue=HOST_QUEUE_OPERATIONS),
        _times(copied, USERS * CHANGES_A_USER_AND_YEAR / 12, queue=HOST_QUEUE_OPERATIONS),
        Piece(
            f"a sweep of {USERS:,} users",
            SWEEPS_A_DAY * DAYS,
            messages,
            # Messages of a sweep come all at once, and an instance works on many at a time.
            max(swept.seconds, LEAST_SECONDS),
            swept.queue_operations,
            swept.table_operations,
        ),
        _times(timer, TIMERS_A_DAY * DAYS),
    ]
    return Cost(USERS, pieces)


def _post(user: str) -> tuple[Endpoint, None, bytes]:
    element = {"clientState": CLIENT_STATE, "resource": f"Users/{user}", "resourceData": {"id": user}}
    return Endpoint.NOTIFICATIONS, None, json.dumps({"value": [element]}).encode()


def _piece(on: Ground, name: str, people: list[str], do: Callable[[str], Any]) -> Piece:
    with traffic.counted(on.azurite) as seen:
        started = time.monotonic()
        for person in people:
            do(person)
        seconds = (time.monotonic() - started) / len(people)
    return Piece(name, 0, 1, max(seconds, LEAST_SECONDS), seen.queue / len(people), seen.table / len(people))


def _times(piece: Piece, times_a_month: float, queue: float = 0.0) -> Piece:
    return replace(piece, times_a_month=times_a_month, queue_operations=piece.queue_operations + queue)


@dataclass(frozen=True)
class Price:
    """Dollars a month."""

    execution_time: float
    executions: float
    tables: float
    queues: float

    @classmethod
    def of(cls, cost: Cost, *, free: bool) -> "Price":
        """With or without the monthly free grants."""
        seconds = cost.gigabyte_seconds - (FREE_GIGABYTE_SECONDS if free else 0)
        executions = cost.total(lambda piece: piece.executions) - (FREE_EXECUTIONS if free else 0)
        return cls(
            max(0.0, seconds) * DOLLARS_A_GIGABYTE_SECOND,
            max(0.0, executions) * DOLLARS_A_MILLION_EXECUTIONS / 1e6,
            cost.total(lambda piece: piece.table_operations) * DOLLARS_A_MILLION_TABLE_OPERATIONS / 1e6,
            cost.total(lambda piece: piece.queue_operations) * DOLLARS_A_MILLION_QUEUE_OPERATIONS / 1e6,
        )

    @property
    def total(self) -> float:
        """All of it."""
        return self.execution_time + self.executions + self.tables + self.queues


def tell(result: Cost) -> Told:
    """A month's occasions, their sums, and the price."""
    rows = [
        (
            piece.name,
            f"{piece.times_a_month:,.0f}",
            f"{piece.times_a_month * piece.executions:,.0f}",
            f"{piece.times_a_month * piece.seconds * GIGABYTES:,.0f}",
            f"{piece.times_a_month * piece.queue_operations:,.0f}",
            f"{piece.times_a_month * piece.table_operations:,.0f}",
        )
        for piece in result.pieces
    ]
    sums = (
        result.total(lambda piece: piece.executions),
        result.gigabyte_seconds,
        result.total(lambda piece: piece.queue_operations),
        result.total(lambda piece: piece.table_operations),
    )
    sums_told = [f"**{number:,.0f}**" for number in sums]
    head = ["", "times a month", "executions", "GB-seconds", "queue operations", "table operations"]
    lines = [
        *prose(
            f"For {result.users:,} users and a month of {DAYS} days. Assumed: {NOTIFICATIONS_A_USER_AND_DAY}"
            f" notifications a user and day, each alone; {CHANGES_A_USER_AND_YEAR} new photo a user and year; a sweep"
            f" every 15 minutes; {GIGABYTES:g} GB an instance; {LATENCY_MILLISECONDS} ms for each request to"
            f" Microsoft. An execution counts for {LEAST_SECONDS:g} s at least, as if it had the instance for itself,"
            " which is the dear way to count; a sweep's messages come all at once and share instances."
        ),
        "",
        *table(head, [*rows, ("**together**", "", *sums_told)]),
        "",
        *table(
            ["dollars a month", "execution time", "executions", "tables", "queues", "together"],
            [
                _priced(f"{users:,} users, {granted}", Price.of(result.of(users), free=free))
                for users in TENANTS
                for granted, free in (("without free grants", False), ("after the monthly free grants", True))
            ],
        ),
        "",
        *prose(
            f"Prices: {PRICED}: {DOLLARS_A_GIGABYTE_SECOND:.6f} dollars a GB-second ({FREE_GIGABYTE_SECONDS:,} free),"
            f" {DOLLARS_A_MILLION_EXECUTIONS:.2f} a million executions ({FREE_EXECUTIONS:,} free),"
            f" {DOLLARS_A_MILLION_TABLE_OPERATIONS:.3f} a million table operations,"
            f" {DOLLARS_A_MILLION_QUEUE_OPERATIONS:.2f} a million queue operations. They were not read from the live"
            f" pages: **check the price pages** ({PRICE_PAGES}). Not counted: the platform's own looks at the queues,"
            " stored gigabytes (a few megabytes), telemetry, always-ready instances."
        ),
    ]
    return Told([], lines)


def _priced(name: str, price: Price) -> list[str]:
    parts = (price.execution_time, price.executions, price.tables, price.queues, price.total)
    return [name, *(f"{dollars:.2f}" for dollars in parts)]


MEASUREMENT = Measurement("cost", "What it costs in Azure", Cost, measure, tell)

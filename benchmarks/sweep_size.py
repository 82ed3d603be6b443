"""A sweep over 1,000 to 100,000 users: requests, seconds, peak memory, storage operations; in real time, in process.

Sixteen messages of the queue of checks are served at a time, as the host does. Photo events are put on their queue and
counted, not worked off: what a copy costs stands elsewhere.
"""

import base64
import gc
import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks import traffic
from benchmarks.frame import Claim, Measurement, Plot, Series, Told, prose, table
from benchmarks.ground import Ground, ground
from benchmarks.memory import forget_peak, peak_megabytes
from shared.recipe import recipe
from shared.rows import to_entity
from shared.services import Services
from shared.status import StatusRow
from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS, UserState
from sync_trigger.serve_checks import CheckServer
from sync_trigger.sweep import begin_sweep
from tests import pictures
from tests.bench import Bench

AT_A_TIME = 16
_PAGE = 500
_TRANSACTION = 100
_GROUP = 32


@dataclass(frozen=True)
class Sweep:
    """One sweep."""

    users: int
    changed: int
    """Users with another photo than was last copied."""
    requests: int
    """To Graph."""
    photo_events: int
    queue_operations: int
    table_operations: int
    seconds: float
    megabytes_before: float
    megabytes_grown: float
    """Peak of this process over what it held before the sweep."""


@dataclass(frozen=True)
class Sweeps:
    """All of them."""

    sweeps: list[Sweep]


def measure(sizes: Sequence[int] = (1_000, 10_000, 100_000), largest_changed: int = 10_000) -> Sweeps:
    """For each size a sweep that finds nothing; up to `largest_changed` another one with 1 % changed."""
    found: list[Sweep] = []
    for size in sizes:
        with ground() as on:
            bench = on.bench
            bench.control.notifications("off")
            users = _settle(bench, size)
            found.append(_sweep(on, size, 0))
            if size <= largest_changed:
                for user in users[:: len(users) // (size // 100)][: size // 100]:
                    bench.control.put_photo(user, pictures.jpeg(64, 64, seed=2))
                found.append(_sweep(on, size, size // 100))
    return Sweeps(found)


def _settle(bench: Bench, size: int) -> list[str]:
    """So many users in the tenant, all with a photo that was copied."""
    photo = base64.b64encode(pictures.jpeg(48, 48, seed=1)).decode()
    now = datetime.now(UTC)
    rows: list[StatusRow] = []
    for some in itertools.batched(range(size), _PAGE, strict=False):
        wanted = [{"userPrincipalName": f"user{number}@contoso.com", "photo": photo} for number in some]
        rows += [_row(bench, user, now) for user in bench.control.call("POST", "/users", wanted)]
    rows.sort(key=lambda row: row.user_id)
    statuses = bench.services.storage.table("PhotoStatus")
    statuses.create_table()
    with ThreadPoolExecutor(2) as threads:
        for partition, mine in itertools.groupby(rows, lambda row: row.user_id[:2]):
            for batch in itertools.batched(list(mine), _TRANSACTION, strict=False):
                threads.submit(
                    statuses.submit_transaction,
                    [("upsert", to_entity(row, partition, row.user_id)) for row in batch],
                )
    return [row.user_id for row in rows]


def _row(bench: Bench, user: dict[str, Any], now: datetime) -> StatusRow:
    upn, etag = str(user["userPrincipalName"]), f'"{user["photo"]["mediaEtag"]}"'
    return StatusRow(
        user["id"],
        UserState.IN_STEP,
        upn=upn,
        source_etag=etag,
        recipe=recipe(bench.settings, user["id"], upn, None),
        picture_url="https://contoso-my.sharepoint.com/x.jpg",
        checked_at=now,
        copied_at=now,
    )


def _sweep(on: Ground, size: int, changed: int) -> Sweep:
    bench = on.bench
    bench.start_afresh()
    services, server = bench.services, CheckServer(bench.services)
    services.tokens.get(f"https://{bench.settings.cloud.endpoints.graph}")  # signing in is done once in an hour
    bench.control.clear_records()
    gc.collect()
    with traffic.counted(on.azurite) as seen:
        before, started = forget_peak(), time.monotonic()
        begin_sweep(services, why="a benchmark", requested_by="a benchmark")
        _work_off(services, server)
        seconds = time.monotonic() - started
    events = bench.waiting()
    if events:
        services.storage.queue(QUEUE_OF_CHANGES).clear_messages()
    return Sweep(
        size, changed, seen.microsoft, events, seen.queue, seen.table, seconds, before, peak_megabytes() - before
    )


def _work_off(services: Services, server: CheckServer) -> None:
    """Serve the queue of checks until it is empty, as the host does: take some, serve side by side, delete."""
    queue = services.storage.queue(QUEUE_OF_CHECKS)

    def serve(message: Any) -> None:
        server.serve(base64.b64decode(message.content).decode())
        queue.delete_message(message)

    with ThreadPoolExecutor(AT_A_TIME) as threads:
        while messages := list(itertools.islice(queue.receive_messages(max_messages=_GROUP), _GROUP)):
            for _ in threads.map(serve, messages):
                pass


def tell(result: Sweeps) -> Told:
    """What grows, and what must not."""
    idle = [sweep for sweep in result.sweeps if not sweep.changed]
    busy = [sweep for sweep in result.sweeps if sweep.changed]
    grown = [sweep.megabytes_grown for sweep in idle]
    largest = idle[-1]
    pages = -(-largest.users // 999)
    claims = [
        Claim(
            f"a sweep of {largest.users:,} users makes one request for twenty users, and one for a page of the list",
            f"{largest.requests:,} requests",
            largest.requests <= -(-largest.users // 20) + pages,
        ),
        Claim(
            f"its memory is flat: from {idle[0].users:,} to {largest.users:,} users the peak differs by under 20 MB",
            f"{max(grown) - min(grown):.0f} MB ({', '.join(f'{one:.0f}' for one in grown)} MB over the process before)",
            max(grown) - min(grown) < 20,
        ),
        Claim(
            "it puts one photo event for each user who differs, and none for anybody else",
            "; ".join(f"{one.photo_events} for {one.changed} of {one.users:,}" for one in (*busy, largest)),
            all(one.photo_events == one.changed for one in result.sweeps),
        ),
    ]
    rows = [
        (
            f"{one.users:,}{', 1 % changed' if one.changed else ''}",
            f"{one.requests:,}",
            f"{one.photo_events:,}",
            f"{one.queue_operations:,}",
            f"{one.table_operations:,}",
            f"{one.seconds:,.0f} s",
            f"{one.megabytes_grown:.0f} MB",
        )
        for one in result.sweeps
    ]
    head = [
        "users",
        "requests to Graph",
        "photo events",
        "queue operations",
        "table operations",
        "time",
        "memory, peak",
    ]
    lines = [
        *prose(
            f"Everybody has a photo that was copied before. {AT_A_TIME} messages at a time in one process; Azurite and"
            " the tenant share its cores. Memory is by how much the process grew at its peak. A user costs one"
            " twentieth of a request, and one read of the status table."
        ),
        "",
        *table(head, rows),
    ]
    requests_plot = Plot(
        "sweep-requests",
        "Requests and storage operations of a sweep that finds nothing",
        "users",
        "number",
        [
            Series("requests to Graph", [(one.users, one.requests) for one in idle]),
            Series("table operations", [(one.users, one.table_operations) for one in idle]),
            Series("queue operations", [(one.users, one.queue_operations) for one in idle]),
        ],
        log_x=True,
        log_y=True,
    )
    memory_plot = Plot(
        "sweep-memory",
        "Memory that a sweep takes at its peak",
        "users",
        "megabytes",
        [Series("peak over the process before", [(one.users, max(one.megabytes_grown, 0)) for one in idle])],
        log_x=True,
    )
    seconds_plot = Plot(
        "sweep-seconds",
        "Time that a sweep takes",
        "users",
        "seconds",
        [Series("nothing changed", [(one.users, one.seconds) for one in idle])],
        log_x=True,
        log_y=True,
    )
    return Told(claims, lines, [requests_plot, seconds_plot, memory_plot])


MEASUREMENT = Measurement("sweep", "A sweep", Sweeps, measure, tell)

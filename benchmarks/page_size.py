"""The table and the page with 1,000 to 100,000 users: first view of a fresh process, later views, lists, searches."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.frame import Claim, Measurement, Plot, Series, Spread, Told, prose, table
from local_run.stack import Stack
from shared.asked_by import PAGE_HEADER
from shared.storage import Storage
from tests.status_page.seed_many import seed

_FUNCTIONS = ("check_photos", "check_poison", "photo_worker", "photo_poison", "begin_sweep", "keep_subscription")
_PATIENCE = 120.0


@dataclass(frozen=True)
class Views:
    """What a person waits for, in milliseconds, with so many rows."""

    rows: int
    first: float
    """The first view of a fresh process that nobody has counted for: 200 with what it knows."""
    counted_after: float
    """From that view until the counters are whole."""
    later: Spread
    """Views after that."""
    users: Spread
    """GET /api/status, 100 users."""
    bare: Spread
    """The first 100 rows asked of Azurite directly: what of that is Azurite's own."""
    failed: Spread
    """The same with ?state=failed."""
    search: Spread
    """The same with ?text=, something that one user in eleven has in the name."""
    process_megabytes: float
    """The app's process in the end."""


@dataclass(frozen=True)
class PageSize:
    """All sizes."""

    views: list[Views]


def measure(sizes: Sequence[int] = (1_000, 10_000, 100_000), times: int = 9) -> PageSize:
    """Each size in a storage account of its own."""
    return PageSize([_views(size, times) for size in sizes])


def _views(rows: int, times: int) -> Views:
    disabled = {f"AzureWebJobs.{name}.Disabled": "true" for name in _FUNCTIONS}
    with tempfile.TemporaryDirectory() as folder, Stack.start(Path(folder), environment=disabled) as stack:
        seed(Storage(stack.environment()), rows)
        stack.kill_app()
        host = stack.start_app()

        def view() -> None:
            asked, headers = {"view": "home"}, {PAGE_HEADER: "1"}
            host.call("POST", "/api/dashboard/view", json=asked, headers=headers, timeout=_PATIENCE).raise_for_status()

        def status(**asked: Any) -> Callable[[], None]:
            return lambda: host.call("GET", "/api/status", params=asked, timeout=_PATIENCE).raise_for_status()

        status_table = Storage(stack.environment()).table("PhotoStatus")

        def first_rows() -> None:
            list(next(status_table.list_entities(results_per_page=100).by_page()))

        first = _milliseconds(view)
        counted = _until_counted(host, rows)
        return Views(
            rows,
            first=first,
            counted_after=counted,
            later=_spread(view, times),
            users=_spread(status(), times),
            bare=_spread(first_rows, times),
            failed=_spread(status(state="failed"), times),
            search=_spread(status(text="Okafor"), times),
            process_megabytes=_megabytes(host.process.pid),
        )


def _until_counted(host: Any, rows: int) -> float:
    started = time.monotonic()
    while time.monotonic() - started < _PATIENCE:
        told = host.call("GET", "/api/overview", timeout=_PATIENCE).json()
        if sum(told["users"].values()) >= rows:
            return (time.monotonic() - started) * 1000
        time.sleep(0.1)
    raise TimeoutError("the counters are not whole")


def _milliseconds(do: Callable[[], None]) -> float:
    started = time.perf_counter()
    do()
    return (time.perf_counter() - started) * 1000


def _spread(do: Callable[[], None], times: int) -> Spread:
    return Spread.of([_milliseconds(do) for _ in range(times)])


def _megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def tell(result: PageSize) -> Told:
    """What grows with the rows, and what must not."""
    least, most = result.views[0], result.views[-1]
    growth = most.later.median / least.later.median
    rows_growth = most.rows / least.rows
    claims = [
        Claim(
            f"a view with {most.rows:,} users takes at most three times as long as one with {least.rows:,}",
            f"{growth:.1f} times, with {rows_growth:g} times the users",
            growth <= 3,
        ),
    ]
    rows = [
        (
            f"{one.rows:,}",
            f"{one.first:,.0f} ms",
            f"{one.counted_after / 1000:,.1f} s",
            one.later.told("ms"),
            one.users.told("ms"),
            one.bare.told("ms"),
            one.failed.told("ms"),
            one.search.told("ms"),
            f"{one.process_megabytes:.0f} MB",
        )
        for one in result.views
    ]
    head = [
        "users",
        "first view",
        "counted after",
        "later views",
        "100 users",
        "of this Azurite",
        "100 failed",
        "100 by name",
        "process",
    ]
    lines = [
        *prose(
            "All parts as processes. The first view is that of a fresh process, when nobody has counted the users yet:"
            " it shows how far the counting has come; the counters are whole a little later. Median (least to most)."
            " One column tells what the same 100 rows take when Azurite is asked directly."
        ),
        "",
        *table(head, rows),
    ]
    series = [
        Series("first view", [(one.rows, one.first) for one in result.views]),
        Series("later views", [(one.rows, one.later.median) for one in result.views]),
        Series("100 users", [(one.rows, one.users.median) for one in result.views]),
        Series("100 failed", [(one.rows, one.failed.median) for one in result.views]),
        Series("100 by name", [(one.rows, one.search.median) for one in result.views]),
    ]
    title = "The page and its lists by the number of users"
    return Told(claims, lines, [Plot("page", title, "users", "milliseconds", series, log_x=True, log_y=True)])


MEASUREMENT = Measurement("page", "The table and the page", PageSize, measure, tell)

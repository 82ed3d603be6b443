"""Seconds from a changed photo until SharePoint has it: told by a notification, and found by a sweep."""

import random
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from benchmarks.frame import Claim, Measurement, Told, percentile, prose, table
from benchmarks.ground import ground, latencies
from local_run.stack import Stack
from shared.services import Services
from shared.settings import Settings
from shared.status import StatusTable
from simulated_tenant.client import Control
from tests import pictures

LATENCY_MILLISECONDS = 150
_OLD, _NEW = pictures.jpeg(648, 648, seed=1), pictures.jpeg(648, 648, seed=2)
_PATIENCE = 120.0


@dataclass(frozen=True)
class Waits:
    """Seconds, over so many changes."""

    changes: int
    p50: float
    p99: float
    most: float


@dataclass(frozen=True)
class UntilSharePoint:
    """Both ways."""

    notified: Waits
    """In real time, from the change to the last write to SharePoint."""
    swept: Waits
    """In virtual time."""
    sweep_minutes: int


def measure(notified: int = 60, swept: int = 60) -> UntilSharePoint:
    """So many changes each."""
    sweep_minutes, waits = _swept(swept)
    return UntilSharePoint(_notified(notified), waits, sweep_minutes)


def _notified(changes: int) -> Waits:
    """Changes at uneven moments, a second apart on average, with the tenant's usual latency."""
    with tempfile.TemporaryDirectory() as folder, Stack.start(Path(folder)) as stack:
        control = stack.tenant.control
        environment = stack.environment()
        status = Services(Settings.from_environment(environment), environment).status
        people = [control.add_user(f"person.{uuid4().hex[:12]}@contoso.com") for _ in range(changes + 1)]
        stack.host.run_function("keep_subscription")
        control.wait_until(lambda tenant: tenant.notifications()["subscriptions"], _PATIENCE, "a subscription")
        control.latency(latencies(LATENCY_MILLISECONDS))
        for person in people:  # a person's very first copy costs more
            control.put_photo(person, _OLD)
        control.wait_until(lambda _: all(_copied_since(status, person, 0.0) for person in people), _PATIENCE)
        chance = random.Random(20261122)
        changed: dict[str, float] = {}
        for person in people[1:]:
            time.sleep(chance.expovariate(1.0))
            control.put_photo(person, _NEW)
            changed[person] = time.time()
        return _waits(_copies(control, status, changed))


def _copies(control: Control, status: StatusTable, changed: Mapping[str, float]) -> list[float]:
    found: dict[str, float] = {}

    def all_copied(_: Control) -> bool:
        for person, since in changed.items():
            if person not in found and (copied := _copied_since(status, person, since)):
                found[person] = copied - since
        return len(found) == len(changed)

    control.wait_until(all_copied, _PATIENCE, "that all changes are in SharePoint")
    return list(found.values())


def _copied_since(status: StatusTable, person: str, since: float) -> float | None:
    seen = status.get(person)
    copied = seen.row.copied_at if seen else None
    return copied.timestamp() if copied and copied.timestamp() > since else None


def _swept(changes: int) -> tuple[int, Waits]:
    """Changes at any moment between sweeps; nobody is notified of anything."""
    with ground() as on:
        drained, control, minutes = on.drained(), on.bench.control, on.bench.settings.sweep_minutes
        control.notifications("off")
        people = [on.bench.person(_OLD) for _ in range(changes)]
        drained.sweep()
        drained.pass_time(timedelta(minutes=minutes))
        chance = random.Random(20261122)
        changed: dict[str, datetime] = {}
        begun = drained.now
        for person, after in zip(people, sorted(chance.random() for _ in people), strict=True):
            drained.pass_time(begun + timedelta(minutes=minutes * after) - drained.now)
            control.put_photo(person, _NEW)
            changed[person] = drained.now
        drained.pass_time(begun + timedelta(minutes=minutes) - drained.now)
        drained.sweep()
        copied = {person: on.bench.row(person).copied_at for person in people}
        waits = [(at - changed[person]).total_seconds() for person, at in copied.items() if at is not None]
        assert min(waits) >= 0  # noqa: S101 - otherwise the old photo's copy was taken for the new one's
        return minutes, _waits(waits)


def _waits(seconds: list[float]) -> Waits:
    return Waits(len(seconds), percentile(seconds, 50), percentile(seconds, 99), max(seconds))


def tell(result: UntilSharePoint) -> Told:
    """Both beside each other."""
    notified, swept = result.notified, result.swept
    claims = [
        Claim(
            "told by a notification, a change is in SharePoint within seconds",
            f"p50 {notified.p50:.1f} s, p99 {notified.p99:.1f} s",
            notified.p99 < 10,
        ),
        Claim(
            "without any notification, a change is in SharePoint one sweep later",
            f"p99 {swept.p99 / 60:.1f} min with a sweep every {result.sweep_minutes} min",
            swept.p99 <= (result.sweep_minutes + 2) * 60,
        ),
    ]
    rows = [
        ("notified", notified.changes, f"{notified.p50:.1f} s", f"{notified.p99:.1f} s", f"{notified.most:.1f} s"),
        ("found by a sweep", swept.changes, *(f"{one / 60:.1f} min" for one in (swept.p50, swept.p99, swept.most))),
    ]
    lines = [
        *prose(
            f"Notified: all parts as processes, in real time, changes about a second apart, {LATENCY_MILLISECONDS} ms"
            " for each request of the tenant, which notifies at once. Graph itself takes as long as it takes (for users"
            " its documentation names no time; ten minutes have been called normal), and an empty queue is looked at"
            " every two seconds at most. Found by a sweep: in virtual time, changes at any moment, those of one sweep"
            " copied at the default pace."
        ),
        "",
        *table(["a change is in SharePoint", "changes", "p50", "p99", "longest"], rows),
    ]
    return Told(claims, lines)


MEASUREMENT = Measurement("seconds", "From a change to SharePoint", UntilSharePoint, measure, tell)

"""One poison message among many: what it costs the others, in rounds and in seconds."""

import time
from dataclasses import dataclass

from tests.reliability.running_app import RunningApp
from tests.waiting import eventually

TRIES = 5
"""`maxDequeueCount` of host.json."""


@dataclass
class Batch:
    """How one batch of photo events went."""

    others: int
    rounds: int
    """Invocations of the worker until all others were done, and the poison message was set aside if there was one."""
    seconds: float
    """Until the others were done."""


def without_poison(app: RunningApp, others: int, seed: int | None = None) -> Batch:
    """So many photo events of users of their own."""
    return _play(app, app.people(others, seed), None)


def with_poison(app: RunningApp, others: int, seed: int | None = None) -> Batch:
    """The same, and among them one whose every attempt ends with an error: Storage refuses its user's row."""
    users = app.people(others, seed)
    poison = app.people(1)[0]
    app.proxy.fault("table.get", *["400"] * TRIES, match=f"photostatus & {poison}")
    batch = _play(app, users, poison)
    assert app.proxy.completed
    return batch


def _play(app: RunningApp, users: list[str], poison: str | None) -> Batch:
    log_before, started = _counted(app), time.monotonic()
    middle = len(users) // 2
    told = [*users[:middle], *([poison] if poison else []), *users[middle:]]
    app.tell_of_each(told)
    left = set(users)

    def all_done() -> bool:
        settled = {
            row.user_id for row in app.status.page(None, None, 100_000) if row.checked_at and not row.lease_owner
        }
        left.difference_update(settled)
        return not left

    eventually(all_done, within=120)
    seconds = time.monotonic() - started
    if poison:
        eventually(lambda: _is_recorded(app, poison), within=30, what="the poison's row")
    rounds = _counted(app) - log_before
    return Batch(len(users), rounds, seconds)


def _is_recorded(app: RunningApp, user: str) -> bool:
    row = app.row(user)
    return row is not None and (row.state, row.error_code) == ("failed", "UnexpectedError")


def _counted(app: RunningApp) -> int:
    return app.stack.host.log().count("Executing 'Functions.photo_worker'")

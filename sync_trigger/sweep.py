"""The sweep: when one begins, and that there is never a second.

A sweep checks every user in scope; with all notifications lost, everybody is in step one sweep later. The timer begins
one when the settings' time has passed, or when somebody who found a gap asks; an administrator begins one by a request.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import sweep_wanted
from shared.logs import Happened, tell
from shared.newest_first import newest_first
from shared.runs import RunKind, RunRow, RunState, Users
from shared.services import Services
from shared.spans import span, worth_sending
from shared.status import RowChanged
from shared.words import Action
from sync_trigger import sweep_record
from sync_trigger.check_messages import ListMessage
from sync_trigger.sweep_record import SweepRecord

DEAD_AFTER = timedelta(minutes=30)
"""A listing that has not come on for so long is begun anew."""
OVERDUE_FACTOR = 4
"""After so many intervals a sweep begins, even if checks of the one before are still on the queue."""
EARLY = timedelta(seconds=30)
"""The timer's own unevenness: so much earlier is still in time."""
UNSEEN_EVERY = timedelta(days=1)
_UNSEEN_ROW = "unseen-users"
_log = logging.getLogger("photosync.sweep")


@dataclass(frozen=True)
class Present:
    """The present sweep, as far as it matters to the next."""

    run_id: str
    started_at: datetime
    listing: bool = False
    progress_at: datetime | None = None
    """When its listing last came on."""


@dataclass(frozen=True)
class Busy:
    """A sweep is at work, and no other may begin."""

    run_id: str
    why: str


def stands_in_the_way(present: Present | None, now: datetime, interval: timedelta, waiting: int) -> str | None:
    """Why no sweep may begin, in words; None when one may. `waiting`: messages on the queue of checks. Pure."""
    if present is None:
        return None
    if present.listing:
        idle = now - (present.progress_at or present.started_at)
        return None if idle >= DEAD_AFTER else "its users are being listed"
    if waiting and now - present.started_at < OVERDUE_FACTOR * interval:
        return f"{waiting} checks are still on the queue"
    return None


@span("sweep")
def sweep_when_due(services: Services) -> RunRow | None:
    """What the timer does: begin a sweep if it is time, or if somebody asks for one; None when none began."""
    now = services.clock.now()
    if services.pause_switch.wait(now) is not None:
        tell(_log, Happened.SWEEP_NOT_BEGUN, why="the app is paused")
        return None
    interval = timedelta(minutes=services.settings.sweep_minutes)
    record = sweep_record.read(services.control)
    wanted = sweep_wanted.read(services.control)
    if wanted is None and record is not None and now - record[0].started_at < interval - EARLY:
        return None
    present = _present(services, record)
    why = wanted[0].why if wanted else f"every {services.settings.sweep_minutes} minutes"
    begun = _begin(services, record, present, why=why, requested_by="timer")
    if isinstance(begun, Busy):
        tell(_log, Happened.SWEEP_NOT_BEGUN, present=begun.run_id, why=begun.why)
        return None
    if wanted is not None:
        sweep_wanted.clear(services.control, wanted[1])
    _look_at_the_unseen(services, record, present)
    return begun


@span("sweep")
def begin_sweep(services: Services, *, why: str, requested_by: str) -> RunRow | Busy:
    """Begin a sweep now, unless one is at work."""
    record = sweep_record.read(services.control)
    return _begin(services, record, _present(services, record), why=why, requested_by=requested_by)


def _present(services: Services, record: tuple[SweepRecord, str] | None) -> Present | None:
    if record is None:
        return None
    sweep = record[0]
    seen = services.runs.seen(RunKind.SWEEP, sweep.run_id)
    if seen is None:  # whoever began it has not come far enough to write it down, or died before
        return Present(sweep.run_id, sweep.started_at, listing=True)
    return Present(
        sweep.run_id, sweep.started_at, listing=seen.row.state is RunState.LISTING, progress_at=seen.row.progress_at
    )


def _begin(
    services: Services, record: tuple[SweepRecord, str] | None, present: Present | None, *, why: str, requested_by: str
) -> RunRow | Busy:
    now = services.clock.now()
    interval = timedelta(minutes=services.settings.sweep_minutes)
    obstacle = stands_in_the_way(present, now, interval, services.checks.waiting())
    if obstacle is not None and present is not None:
        return Busy(present.run_id, obstacle)
    run_id = newest_first(now)
    try:
        sweep_record.claim(services.control, run_id, now, record)
    except RowChanged:
        winner = sweep_record.read(services.control)
        return Busy(winner[0].run_id if winner else "", "it has just begun")
    if present is not None and present.listing:
        _abandon(services, present.run_id)
    return start_listing(services, RunKind.SWEEP, Users.ALL, run_id=run_id, now=now, why=why, requested_by=requested_by)


def start_listing(
    services: Services,
    kind: RunKind,
    users: Users,
    *,
    requested_by: str,
    now: datetime,
    run_id: str | None = None,
    group: str | None = None,
    why: str | None = None,
    action: Action = Action.COPY,
    force: bool = False,
    or_clear: bool = False,
    dry_run: bool = False,
) -> RunRow:
    """Write a run down whose users are still to be listed, and put the message for its first page on the queue."""
    run = services.runs.start(
        now=now,
        requested_by=requested_by,
        kind=kind,
        run_id=run_id,
        state=RunState.LISTING,
        users=users,
        group=group,
        why=why,
        action=action,
        force=force,
        or_clear=or_clear,
        dry_run=dry_run,
        progress_at=now,
    )
    services.checks.put(ListMessage(run_kind=kind, run_id=run.run_id, action=action))
    happened = Happened.SWEEP_BEGUN if kind is RunKind.SWEEP else Happened.JOB_BEGUN
    tell(_log, happened, run_id=run.run_id, users=users)
    worth_sending()
    return run


def _abandon(services: Services, run_id: str) -> None:
    """The dead sweep's messages, should any be left, end there."""

    def abandoned(run: RunRow) -> RunRow | None:
        return replace(run, state=RunState.ABANDONED) if run.state is RunState.LISTING else None

    if services.runs.change(RunKind.SWEEP, run_id, abandoned):
        tell(_log, Happened.SWEEP_ABANDONED, run_id=run_id)


def _look_at_the_unseen(
    services: Services, record: tuple[SweepRecord, str] | None, present: Present | None
) -> RunRow | None:
    """Once a day: look at everybody with a row whom no sweep has seen for two days. They are gone, or out of scope.

    Only after a sweep that has lately listed and checked everybody: otherwise it would be the sweep that was missing.
    """
    now = services.clock.now()
    if record is None or present is None or present.listing or now - present.started_at > UNSEEN_EVERY:
        return None
    complete = services.runs.seen(RunKind.SWEEP, present.run_id)
    if complete is None or complete.row.listed_at is None or complete.row.error_code is not None:
        return None
    last = services.control.seen(_UNSEEN_ROW)
    if last is not None and now - last.values["lastAt"] < UNSEEN_EVERY:
        return None
    try:
        services.control.replace(_UNSEEN_ROW, {"lastAt": now}, last.etag if last else None)
    except RowChanged:
        return None
    why = "users whom no sweep has seen for two days"
    return start_listing(services, RunKind.SWEEP, Users.UNSEEN, now=now, why=why, requested_by="timer")

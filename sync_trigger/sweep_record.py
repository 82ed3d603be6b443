"""The row of Control that says which sweep is the present one, so that there is never a second."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.control import Control
from shared.rows import from_entity
from shared.runs import RunRow

ROW = "sweep"


@dataclass(frozen=True)
class SweepRecord:
    """The present sweep: the latest that was begun, at work or done."""

    run_id: str
    started_at: datetime
    users: int = 0
    """Users in scope, as the latest sweep that listed them all counted."""
    finished_listing_at: datetime | None = None
    """When all users of this sweep were listed; None: not yet."""


def read(control: Control) -> tuple[SweepRecord, str] | None:
    """The record and its version; None when there never was a sweep."""
    seen = control.seen(ROW)
    return None if seen is None else (from_entity(SweepRecord, seen.values), seen.etag)


def claim(control: Control, run_id: str, now: datetime, before: tuple[SweepRecord, str] | None) -> None:
    """Make this run the present sweep, in place of what was read. Raises `RowChanged` when somebody was quicker."""
    users = before[0].users if before else 0
    control.replace(ROW, {"runId": run_id, "startedAt": now, "users": users}, before[1] if before else None)


def listing_ended(control: Control, run: RunRow) -> None:
    """All users of the run are listed; of no interest when another sweep has begun since."""

    def decide(row: dict[str, Any]) -> dict[str, Any] | None:
        if row.get("runId") != run.run_id:
            return None
        return row | {"users": run.total, "finishedListingAt": run.listed_at}

    control.change(ROW, decide)

"""The safety stop: when far too many photos are gone at once, pictures are no longer cleared until a person says so.

One row of Control. Who would clear too many sets it; who is about to clear asks it; an administrator lifts it with
`POST /api/sweep {"force": true}`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.control import Control
from shared.rows import from_entity

ROW = "safety-stop"
LIFTED_FOR = timedelta(days=1)
"""How long a person's word holds: time enough for sweeps to find, and workers to clear, what was stopped."""


@dataclass(frozen=True)
class SafetyStop:
    """The latest safety stop, in force or lifted."""

    since: datetime
    would_remove: int
    """Pictures that would have been cleared, as far as was counted."""
    allowed: int
    """How many may be cleared without a person's word."""
    lifted_at: datetime | None = None
    """When a person lifted it; None: it is in force."""

    @property
    def in_force(self) -> bool:
        """Whether nothing may be cleared."""
        return self.lifted_at is None


def read(control: Control) -> SafetyStop | None:
    """The latest safety stop; None when there never was one."""
    row = control.get(ROW)
    return from_entity(SafetyStop, row) if row else None


def is_set(control: Control) -> bool:
    """Whether a safety stop is in force."""
    stop = read(control)
    return stop is not None and stop.in_force


def lifted_lately(control: Control, now: datetime) -> bool:
    """Whether a person has said, not long ago, that so many may be cleared."""
    stop = read(control)
    return stop is not None and stop.lifted_at is not None and now - stop.lifted_at < LIFTED_FOR


def set_(control: Control, now: datetime, *, would_remove: int, allowed: int) -> SafetyStop:
    """Put the stop in force; one that is in force already keeps its beginning, and the greater count."""

    def decide(row: dict[str, Any]) -> dict[str, Any] | None:
        standing = from_entity(SafetyStop, row) if row else None
        if standing is None or not standing.in_force:
            return {"since": now, "wouldRemove": would_remove, "allowed": allowed}
        if standing.would_remove >= would_remove:
            return None
        return row | {"wouldRemove": would_remove, "allowed": allowed}

    return from_entity(SafetyStop, control.change(ROW, decide))


def lift(control: Control, now: datetime) -> bool:
    """Lift the stop, on a person's word; False when none was in force."""
    lifted = False

    def decide(row: dict[str, Any]) -> dict[str, Any] | None:
        nonlocal lifted
        lifted = bool(row) and from_entity(SafetyStop, row).in_force
        return row | {"liftedAt": now} if lifted else None

    control.change(ROW, decide)
    return lifted

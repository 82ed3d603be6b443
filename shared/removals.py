"""How many targets one sweep may clear, before a person is asked.

When Microsoft 365 suddenly has no photo for many people at once, it is more likely a fault there than that they all
took their photos away. So each sweep may clear a share of the users; the next one beyond that sets the safety stop, and
nothing is cleared any more until a person lifts it.
"""

from datetime import datetime
from typing import Any

from shared import safety_stop
from shared.control import Control
from shared.failures import Failure, FailureCode

ALWAYS_ALLOWED = 10
"""So many are fine in a tenant of any size."""
_ROW = "removals"


def allow_removal(control: Control, most_percent: int, now: datetime) -> None:
    """Take one removal out of this sweep's allowance.

    Raises:
        Failure: RemovalsStopped when the safety stop is set, or is set by this.
    """
    sweep = control.get("sweep")
    epoch = str(sweep.get("runId") or f"{now:%Y-%m-%d}")
    if safety_stop.is_set(control):
        raise Failure(FailureCode.REMOVALS_STOPPED)
    if safety_stop.lifted_lately(control, now):
        return
    allowed = allowance(int(sweep.get("users") or 0), most_percent)

    def count(row: dict[str, Any]) -> dict[str, Any]:
        before = int(row.get("count") or 0) if row.get("epoch") == epoch else 0
        return {"epoch": epoch, "count": before + 1}

    count_now = int(control.change(_ROW, count)["count"])
    if count_now > allowed:
        safety_stop.set_(control, now, would_remove=count_now, allowed=allowed)
        raise Failure(FailureCode.REMOVALS_STOPPED, f"more than {allowed} in one sweep")


def allowance(users: int, most_percent: int) -> int:
    """How many targets one sweep may clear in a tenant of so many users. Pure."""
    return max(ALWAYS_ALLOWED, users * most_percent // 100)

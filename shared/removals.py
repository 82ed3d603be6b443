"""How many targets may be cleared within a day, before a person is asked.

When Microsoft 365 suddenly has no photo for many people at once, it is more likely a fault there than that they all
took their photos away. So a share of the users may be cleared within a day; the next one beyond that sets the safety
stop, and nothing is cleared any more until a person lifts it. It is counted by the day and not by the sweep, since the
pace of bulk work spreads what one sweep finds over the next ones.
"""

from datetime import datetime, timedelta
from typing import Any

from shared import safety_stop
from shared.control import Control
from shared.failures import Failure, FailureCode

ALWAYS_ALLOWED = 10
"""So many are fine in a tenant of any size."""
WINDOW = timedelta(days=1)
_ROW = "removals"


def allow_removal(control: Control, most_percent: int, now: datetime) -> None:
    """Take one removal out of the day's allowance.

    Raises:
        Failure: RemovalsStopped when the safety stop is set, or is set by this.
    """
    if safety_stop.is_set(control):
        raise Failure(FailureCode.REMOVALS_STOPPED)
    if safety_stop.lifted_lately(control, now):
        return

    def count(row: dict[str, Any]) -> dict[str, Any]:
        if "since" not in row or now - row["since"] >= WINDOW:
            return {"since": now, "count": 1}
        return row | {"count": int(row["count"]) + 1}

    removals = int(control.change(_ROW, count)["count"])
    allowed = allowance(int(control.get("sweep").get("users") or 0), most_percent)
    if removals > allowed:
        safety_stop.set_(control, now, would_remove=removals, allowed=allowed)
        raise Failure(FailureCode.REMOVALS_STOPPED, f"more than {allowed} within a day")


def allowance(users: int, most_percent: int) -> int:
    """How many targets may be cleared within a day in a tenant of so many users. Pure."""
    return max(ALWAYS_ALLOWED, users * most_percent // 100)

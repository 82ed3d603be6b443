"""When a timer ran and will run: the status that outlives the host, and what it means at the next start."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any

from local_run.functions_host.ncrontab import Schedule


class FirstRun(Enum):
    """What a timer does when its host starts."""

    WAIT = auto()
    """Nothing, until the schedule says so."""
    PAST_DUE = auto()
    """It runs now, once, because a run was missed."""
    ON_STARTUP = auto()
    """It runs now, because its binding says so."""


@dataclass(frozen=True)
class TimerStatus:
    """What is kept of a timer. Times are UTC."""

    last: datetime | None
    """The latest run; None: it never ran."""
    next: datetime
    updated: datetime

    @classmethod
    def parse(cls, content: bytes) -> "TimerStatus | None":
        """None when the content is no status (an empty blob, for one)."""
        try:
            document = json.loads(content)
            last = document.get("Last")
            return cls(
                last=None if last is None else _moment(last),
                next=_moment(document["Next"]),
                updated=_moment(document["LastUpdated"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def described(self) -> dict[str, Any]:
        """As the function gets it, and as it is kept."""
        return {
            "Last": None if self.last is None else self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }


def is_worth_keeping(schedule: Schedule, now: datetime) -> bool:
    """Whether the schedule is slow enough, a minute or more between runs, for a missed run to be told."""
    following = schedule.next_after(now)
    return schedule.next_after(following) - following >= timedelta(minutes=1)


def at_start(
    kept: TimerStatus | None, schedule: Schedule, now: datetime, *, run_on_startup: bool
) -> tuple[FirstRun, TimerStatus]:
    """What to do first, and the status to begin with. A schedule that was changed meanwhile makes nothing past due."""
    begin = TimerStatus(last=None if kept is None else kept.last, next=schedule.next_after(now), updated=now)
    if kept is not None and kept.next <= now and schedule.next_after(kept.last or kept.updated) == kept.next:
        return FirstRun.PAST_DUE, begin
    return (FirstRun.ON_STARTUP if run_on_startup else FirstRun.WAIT), begin


def after_run(schedule: Schedule, began: datetime) -> TimerStatus:
    """The status after a run. The next one counts from this one's beginning, so a long run makes one late, not many."""
    return TimerStatus(last=began, next=schedule.next_after(began), updated=began)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

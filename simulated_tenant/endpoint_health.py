"""What Graph makes of a receiver that answers slowly: delayed notifications, then dropped ones.

https://learn.microsoft.com/graph/change-notifications-delivery-webhooks. Pure: the times are given.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(minutes=10)
SLOW_SECONDS, SLOW_SHARE = 3.0, 0.10
DROP_SECONDS, DROP_SHARE = 10.0, 0.15

FEWEST_ANSWERS = 10
"""Below this many answers in the window nothing is concluded. No source gives the number [inferred]."""


class Pace(StrEnum):
    """How a receiver is treated."""

    NORMAL = "normal"
    SLOW = "slow"
    """New notifications are delayed by ten minutes."""
    DROP = "drop"
    """New notifications are lost."""


@dataclass
class Health:
    """The answers of one subscription's receiver in the last ten minutes."""

    answers: deque[tuple[datetime, float]] = field(default_factory=deque)
    """When, and after how many seconds; an answer that never came counts with its deadline."""
    pace: Pace = Pace.NORMAL
    until: datetime | None = None
    """When the pace is looked at again."""

    def note(self, now: datetime, seconds: float) -> None:
        """An answer came, or the wait for it ended."""
        self.answers.append((now, seconds))

    def pace_at(self, now: datetime) -> Pace:
        """How a notification that arises now is treated."""
        if self.until is not None and now < self.until:
            return self.pace
        while self.answers and self.answers[0][0] <= now - WINDOW:
            self.answers.popleft()
        self.pace = self._judge()
        self.until = None if self.pace is Pace.NORMAL else now + WINDOW
        return self.pace

    def _judge(self) -> Pace:
        count = len(self.answers)
        if count < FEWEST_ANSWERS:
            return Pace.NORMAL
        if sum(seconds >= DROP_SECONDS for _, seconds in self.answers) > count * DROP_SHARE:
            return Pace.DROP
        if sum(seconds >= SLOW_SECONDS for _, seconds in self.answers) > count * SLOW_SHARE:
            return Pace.SLOW
        return Pace.NORMAL

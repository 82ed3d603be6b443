"""A function's own retry policy (`@app.retry`): honoured for timers, without effect on queue functions."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how late a failed run is repeated."""

    most: int
    """-1: until it succeeds."""
    least_wait: timedelta
    longest_wait: timedelta
    grows: bool
    """Exponential back-off between the two waits; otherwise always the first."""

    def wait_before(self, retry: int) -> float | None:
        """Seconds to wait before retry number `retry` (1 is the first); None: there is no such retry."""
        if self.most >= 0 and retry > self.most:
            return None
        least, longest = self.least_wait.total_seconds(), self.longest_wait.total_seconds()
        # Beyond 2**31 every wait is at its longest, however long the policy goes on.
        return min(longest, least * 2 ** min(retry - 1, 31)) if self.grows else least

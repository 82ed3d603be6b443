"""Time as the app sees it: asked for in one place, so that a test can be its master."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from, and how waiting is done."""

    def now(self) -> datetime:
        """The present moment (UTC, aware)."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; only for short times."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment (UTC, aware)."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)

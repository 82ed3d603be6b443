"""How much of a core a process takes."""

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class ProcessorTime:
    """From here on, what a process and its threads take."""

    def __init__(self, pid: int) -> None:
        self._file = Path(f"/proc/{pid}/stat")
        self._used, self._since = self._now(), time.monotonic()

    def seconds(self) -> float:
        """Processor seconds since."""
        return self._now() - self._used

    def share(self) -> float:
        """Of one core, on average since; above 1 when several threads really ran at once."""
        return self.seconds() / max(1e-9, time.monotonic() - self._since)

    def _now(self) -> float:
        fields = self._file.read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

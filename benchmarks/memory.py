"""This process's memory, from Linux's own records."""

import re
from pathlib import Path

_SELF = Path("/proc/self")


def peak_megabytes() -> float:
    """The most since the process began, or since `forget_peak`."""
    # Not ru_maxrss: that begins with the peak of the process that started this one.
    return _read("VmHWM")


def forget_peak() -> float:
    """From now on a new peak counts; gives what the process holds now, in megabytes."""
    (_SELF / "clear_refs").write_text("5", "ascii")
    return _read("VmRSS")


def _read(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", (_SELF / "status").read_text("ascii"))
    if found is None:
        raise LookupError(name)
    return int(found[1]) / 1024

"""Asking for a sweep: notifications may have been lost, so every user is to be looked at soon.

One row of Control. Whoever finds a gap writes it; the sweep's timer reads it, begins a sweep and clears what it read. A
gap that is found in between stays asked for.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.control import Control, SeenRow
from shared.rows import from_entity

ROW = "sweep-wanted"


@dataclass(frozen=True)
class SweepWanted:
    """That a sweep is wanted."""

    why: str
    """In words, for the administrator."""
    at: datetime


def ask_for_sweep(control: Control, why: str, now: datetime) -> None:
    """Ask for a sweep. Asking again before it has begun changes the reason told, no more."""
    control.put(ROW, {"why": why, "at": now})


def read(control: Control) -> tuple[SweepWanted, SeenRow] | None:
    """What is asked for, and the row to `clear` once the sweep has begun; None when nobody asks."""
    seen = control.seen(ROW)
    return None if seen is None else (from_entity(SweepWanted, seen.values), seen)


def clear(control: Control, seen: SeenRow) -> bool:
    """Clear what was read; False when somebody has asked again since, so that another sweep is to follow."""
    return control.remove_seen(seen)


def read_and_clear(control: Control) -> SweepWanted | None:
    """What is asked for, cleared; for who begins the sweep at once and loses nothing by ending in between."""
    found = read(control)
    if found is None:
        return None
    wanted, seen = found
    clear(control, seen)
    return wanted

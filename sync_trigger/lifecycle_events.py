"""What Graph says of the subscription itself: written down by the webhook, heeded by the upkeep.

One row of Control for each kind of event, so that no kind overwrites another; the same kind twice means the same. The
upkeep clears only what it has read: an event that came since stays for the next run.
Source: "Reduce missing subscriptions and change notifications".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from shared.control import Control, SeenRow

_PREFIX = "lifecycle-"


class LifecycleEvent(StrEnum):
    """The kinds that are known. For users Graph documents only the first; all are heeded."""

    REAUTHORIZATION_REQUIRED = "reauthorizationRequired"
    SUBSCRIPTION_REMOVED = "subscriptionRemoved"
    MISSED = "missed"


@dataclass(frozen=True)
class Noted:
    """An event that was written down."""

    event: LifecycleEvent
    at: datetime
    """When it came last."""
    row: SeenRow


def is_known(event: str) -> bool:
    """Whether the upkeep has something to do about it."""
    return event in LifecycleEvent


def write_down(control: Control, event: str, now: datetime) -> None:
    """Keep a known event for the next run of the upkeep."""
    control.put(_PREFIX + LifecycleEvent(event), {"at": now})


def read(control: Control) -> list[Noted]:
    """Every event that waits to be heeded."""
    rows = [(row.name.removeprefix(_PREFIX), row) for row in control.starting_with(_PREFIX)]
    return [
        Noted(LifecycleEvent(name), datetime.fromtimestamp(row.values["at"].timestamp(), UTC), row)
        for name, row in rows
        if is_known(name)
    ]


def clear(control: Control, noted: Sequence[Noted]) -> None:
    """Clear these; one that came again since it was read stays."""
    for event in noted:
        control.remove_seen(event.row)

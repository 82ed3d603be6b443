"""What a photo event means for somebody whom a person had undone, and what a restore has to do. Pure.

A restore marks the row: from then on the person is left alone, so that the next sweep does not undo the undoing. The
mark is lifted by a copy that a person asks for by name, or with force. Until the restore is done the mark and the state
together say that it is to be finished, whoever looks next and for whatever reason.
"""

from dataclasses import dataclass
from enum import Enum, auto

from photo_worker.earlier_picture import (
    EXCHANGE,
    STATE,
    TIMESTAMP,
    URL,
    OwnNames,
    Picture,
    is_written_by_us,
    leads_to_same_file,
)
from shared.picture_names import picture_paths
from shared.status import StatusRow
from shared.words import Action, PhotoEvent, UserState


class Course(Enum):
    """What to do about one photo event."""

    COPY = auto()
    """Bring the target in step, as ever."""
    RESTORE = auto()
    """Put back what was there, or finish doing it."""
    LEAVE_ALONE = auto()
    """The person was restored, and nobody has asked for a copy since."""
    PASS_OVER = auto()
    """A restore that came late: a copy was asked for after it, and made."""


def course(event: PhotoEvent, row: StatusRow) -> Course:
    """What this event means for this row. Of two wishes of a person the one asked for later counts."""
    if event.action is Action.RESTORE:
        outdated = row.left_alone is None and row.wish_at is not None and event.noticed_at < row.wish_at
        return Course.PASS_OVER if outdated else Course.RESTORE
    if row.left_alone is None:
        return Course.COPY
    if event.lift and (row.wish_at is None or event.noticed_at > row.wish_at):
        return Course.COPY
    # Force without a person's wish comes of a lost lease: a late write may lie over what was put back.
    is_done = row.state is UserState.OUT_OF_SCOPE and not event.force
    return Course.LEAVE_ALONE if is_done else Course.RESTORE


@dataclass(frozen=True)
class PutBack:
    """What a restore has to do."""

    properties: dict[str, str]
    """To be set in this order; the timestamp, by which a second try knows our write again, comes last."""
    files: tuple[str, ...]
    """Server-relative paths of files to be removed."""
    kept: bool = False
    """Somebody else has set the picture since; it stays."""


def plan_restore(
    row: StatusRow, before: Picture, present: Picture | None, own: OwnNames, written_url: str | None
) -> PutBack:
    """What to put back and what to remove, given what SharePoint shows now (None: it has no profile).

    `written_url`: where our files are, None when there can be none. They stay when another address leads to them: the
    earlier one (SharePoint's own service names its files as we do), or one that somebody else has set.
    """
    properties: dict[str, str] = {}
    kept = False
    if present is not None:
        stamped = present.timestamp == row.picture_timestamp
        if is_written_by_us(present, row, own) or (present.url == before.url and stamped):
            properties = _differing(row, before, present)
        else:
            kept = present.url != before.url
    shown = present.url if kept and present else before.url
    if written_url is None and present is not None and own.spell(present.url):
        written_url = present.url
    if written_url is None or leads_to_same_file(shown, written_url):
        return PutBack(properties, (), kept)
    return PutBack(properties, picture_paths(written_url), kept)


def _differing(row: StatusRow, before: Picture, present: Picture) -> dict[str, str]:
    wanted = [(STATE, present.state, before.state)]
    if row.exchange_sync_state is not None and present.exchange == row.exchange_sync_state:
        wanted.append((EXCHANGE, present.exchange, before.exchange))
    wanted += [(URL, present.url, before.url), (TIMESTAMP, present.timestamp, before.timestamp)]
    return {name: value for name, now, value in wanted if now != value}

"""Whether a user needs a photo event: what Graph says of the photo, beside what the status row says. Pure.

A check asks for twenty photos' versions at once, and this decides for each. It may say "different" too often, since the
worker looks again before it does anything; it must never say "settled" of somebody who is not, unless a photo event is
on its way or another will be made in time.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.breaker import SYSTEMIC
from shared.failures import FailureCode
from shared.graph import SourcePhoto
from shared.status import GONE_FOR_GOOD_AFTER, StatusRow
from shared.words import Outcome, UserState

LOST_AFTER = timedelta(hours=1)
"""A photo event that is so late was lost, or its worker was."""
ONCE_A_DAY = timedelta(days=1)
"""How often something is tried again that has little hope."""
ONCE_AN_HOUR = timedelta(hours=1)
VOUCHED_AFTER = timedelta(hours=20)
"""A row that is in order says at least so often that a sweep has seen it."""


@dataclass(frozen=True)
class Circumstances:
    """What else the answer depends on."""

    now: datetime
    recipe: str
    """What a target made now for this user would be made by."""
    asked: bool = False
    """An administrator asked for this user: whoever is not plainly settled gets a photo event, whatever was tried."""
    force: bool = False
    """Everybody with a photo gets a photo event."""
    may_clear: bool = True
    """Whether targets of removed photos may be cleared now: not by settings that keep them, not by a safety stop."""
    recovered_at: datetime | None = None
    """When a service that had failed for everybody last worked again; `now` while it still fails."""


class Write(StrEnum):
    """What the check itself writes of a user who needs no photo event."""

    NOTHING = "nothing"
    INSERT = "insert"
    """A row that says "no photo", so that the page shows everybody."""
    VOUCH = "vouch"
    """The moment of the check."""


@dataclass(frozen=True)
class Different:
    """The user needs a photo event."""

    why: str
    would: Outcome = Outcome.WOULD_COPY
    """What a dry run says of it."""
    code: FailureCode | None = None
    """Why it would fail."""


@dataclass(frozen=True)
class Settled:
    """The user needs none, now."""

    why: str
    outcome: Outcome
    write: Write = Write.NOTHING


Verdict = Different | Settled


def differs(photo: SourcePhoto | None, row: StatusRow | None, at: Circumstances) -> Verdict:
    """Whether this user needs a photo event, with the reason in words."""
    if row is None:
        return _without_row(photo)
    if at.force and (photo is not None or row.left_alone is not None):
        return Different("a copy is asked for, whatever is in step")
    if not at.asked and (under_way := _under_way(row, at)):
        return under_way
    if (stuck := _stuck(row, at)) is not None:
        return Different(stuck, Outcome.NO_PHOTO if photo is None else Outcome.WOULD_COPY)
    if row.left_alone is not None or row.state is UserState.OUT_OF_SCOPE:
        return _back_in_scope(row, at) if row.left_alone is None else _left_alone(row, at)
    return _without_photo(row, at) if photo is None else _with_photo(photo.media_etag, row, at)


def differs_after_notification(photo: SourcePhoto | None, row: StatusRow | None, at: Circumstances) -> Verdict:
    """The same of somebody whom a notification names.

    A worker that is at it may have looked before the change: it has to be told. A photo event that is on its way will
    be looked at after it. Everything else is asked as by a person: a change deserves a look, whatever was tried before.
    """
    if row is None:
        if photo is None:  # the sweep, which knows names and scope, writes the row
            return Settled("no photo, and none was ever copied", Outcome.NO_PHOTO)
        return _without_row(photo)
    if row.lease_owner is not None:
        return Different("a worker is at it, or was, and may have seen the photo before")
    return _under_way(row, at) or differs(photo, row, replace(at, asked=True))


def _without_row(photo: SourcePhoto | None) -> Verdict:
    if photo is None:
        return Settled("no photo, and none was ever copied", Outcome.NO_PHOTO, Write.INSERT)
    return Different("nobody has looked at this photo yet")


def _under_way(row: StatusRow, at: Circumstances) -> Settled | None:
    """Somebody is at it, or a photo event is on its way."""
    if row.lease_until is not None and row.lease_until > at.now:
        return Settled("a worker is at it", Outcome.LEFT_TO_HOLDER)
    if row.next_attempt_at is None:
        return None
    # While a service fails for everybody photo events are put off, and no row says so.
    due = max(row.next_attempt_at, at.recovered_at or row.next_attempt_at)
    if at.now - due < LOST_AFTER:
        return Settled("a photo event is on its way", Outcome.DEFERRED)
    return None


def _stuck(row: StatusRow, at: Circumstances) -> str | None:
    """Why the row is one that somebody left behind; None when it is not."""
    if row.lease_until is not None and row.lease_until <= at.now:
        return "the worker that held it is gone"
    match row.state:
        case UserState.COPYING:
            return "a copy was broken off"
        case UserState.DEFERRED:
            return "it was put off, and its photo event is overdue"
        case UserState.PENDING:
            return "its photo event is overdue"
        case _:
            return None


def _back_in_scope(row: StatusRow, at: Circumstances) -> Verdict:
    if not at.asked and _within(row.checked_at, ONCE_AN_HOUR, at.now):
        return Settled("a worker found it out of scope just now", Outcome.OUT_OF_SCOPE)
    return Different("in scope again")


def _left_alone(row: StatusRow, at: Circumstances) -> Verdict:
    """A person had it undone: only what is left of that is done."""
    if row.state is UserState.OUT_OF_SCOPE:
        return Settled("restored, and no copy asked for since", Outcome.OUT_OF_SCOPE, _vouch(row, at))
    if not at.asked and row.state is UserState.FAILED and _within(row.checked_at, ONCE_A_DAY, at.now):
        return Settled("the restore failed within a day", Outcome.FAILED)
    return Different("the restore is not finished")


def restores(row: StatusRow | None, *, or_clear: bool) -> Verdict:
    """Whether somebody has something to be put back, as far as the row knows."""
    if row is None or row.picture_timestamp is None:
        return Settled("the app never wrote this picture", Outcome.NEVER_WRITTEN)
    if row.left_alone is not None and row.state is UserState.OUT_OF_SCOPE:
        return Settled("restored before", Outcome.RESTORED)
    if row.before_at is None and not or_clear:
        return Different("asked for", Outcome.FAILED, FailureCode.EARLIER_NOT_KNOWN)
    return Different("asked for", Outcome.WOULD_RESTORE)


def _without_photo(row: StatusRow, at: Circumstances) -> Verdict:
    none = Outcome.NO_PHOTO
    if row.picture_url is None:
        if row.state is not UserState.NO_PHOTO:
            return Different("the photo is gone", none)
        return Settled("no photo, and nothing of it in SharePoint", none, _vouch(row, at))
    if row.no_photo_since is None or row.state is not UserState.NO_PHOTO:
        return Different("the photo is gone: first observation", none)
    if not at.may_clear:
        return Settled("the photo is gone, and the picture in SharePoint stays", none, _vouch(row, at))
    if at.now - row.no_photo_since < GONE_FOR_GOOD_AFTER:
        return Settled("the photo is gone, but not for long", none)
    return Different("the photo is gone for good", none)


def _with_photo(etag: str, row: StatusRow, at: Circumstances) -> Verdict:
    if row.state is UserState.NO_PHOTO:
        return Different("the photo is back")
    if row.state is UserState.FAILED:
        return _failed(etag, row, at)
    if etag and row.source_etag == etag and row.recipe == at.recipe:
        return Settled("in step", Outcome.UNCHANGED, _vouch(row, at))
    if not etag and row.recipe == at.recipe and not at.asked and _within(row.checked_at, ONCE_A_DAY, at.now):
        return Settled("Graph names no version, and it was looked at within a day", Outcome.UNCHANGED)
    if row.source_etag is not None and row.source_etag == etag:
        return Different("pictures are made in another way now")
    return Different("another version of the photo")


def _failed(etag: str, row: StatusRow, at: Circumstances) -> Verdict:
    if at.asked:
        return Different("it failed before")
    if etag and row.refused_etag == etag:
        return Settled("this very photo cannot be used", Outcome.FAILED, _vouch(row, at))
    if etag and row.seen_etag is not None and row.seen_etag != etag:
        return Different("another version than the one that failed")
    if _is_systemic(row.error_code) and _before(row.checked_at, at.recovered_at) and at.recovered_at != at.now:
        return Different("it failed when everything did, which is over")
    if _within(row.checked_at, ONCE_A_DAY, at.now):
        return Settled("it failed within a day", Outcome.FAILED)
    return Different("it failed more than a day ago")


def _is_systemic(error_code: str | None) -> bool:
    return error_code is not None and FailureCode.read(error_code) in SYSTEMIC


def _vouch(row: StatusRow, at: Circumstances) -> Write:
    held = row.lease_owner is not None
    return Write.NOTHING if held or _within(row.checked_at, VOUCHED_AFTER, at.now) else Write.VOUCH


def _before(moment: datetime | None, other: datetime | None) -> bool:
    return other is not None and (moment is None or moment < other)


def _within(moment: datetime | None, span: timedelta, now: datetime) -> bool:
    return moment is not None and now - moment < span

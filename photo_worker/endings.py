"""How a look can end, and what each ending changes in the status row. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from photo_worker.decide import (
    ClearTarget,
    Download,
    InStep,
    LeaveAlone,
    NothingToCopy,
    Plan,
    RefusedBefore,
    UserIsGone,
)
from shared.after_failure import GiveUp, TryAgain
from shared.failures import Failure, FailureCode
from shared.status import StatusRow
from shared.words import Outcome, UserState

NOTHING_AGREED: dict[str, Any] = {"source_etag": None, "source_sha256": None, "recipe": None}
"""What the row says from before the first write to SharePoint until after the last."""


@dataclass(frozen=True)
class Ending:
    """How a look ended, and the fields of the status row that it changes."""

    outcome: Outcome
    changes: dict[str, Any]
    failure: Failure | None = None
    """What the record of the attempt tells, when the row itself goes on to tell something else."""


@dataclass(frozen=True)
class Agreement:
    """What the target is now made from, and how."""

    media_etag: str
    sha256: str
    recipe: str

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that say so."""
        return {"source_etag": self.media_etag, "source_sha256": self.sha256, "recipe": self.recipe}


def settled(plan: Plan, row: StatusRow, now: datetime) -> Ending | None:
    """The ending of a plan that needs no further request; None for one that does."""
    match plan:
        case UserIsGone():
            changes = _no_error(now) | {
                "state": UserState.OUT_OF_SCOPE,
                "error_code": str(FailureCode.USER_NOT_FOUND),
            }
            return Ending(Outcome.OUT_OF_SCOPE, changes)
        case LeaveAlone(why):
            return Ending(Outcome.OUT_OF_SCOPE, _no_error(now) | {"state": UserState.OUT_OF_SCOPE, "error_detail": why})
        case NothingToCopy():
            return no_photo(row, now)
        case InStep():
            return Ending(Outcome.UNCHANGED, _in_step(now))
        case RefusedBefore():
            # The error that the row tells of still stands.
            return Ending(Outcome.FAILED, {"state": UserState.FAILED, "checked_at": now, "next_attempt_at": None})
        case Download() | ClearTarget():
            return None


def no_photo(row: StatusRow, now: datetime) -> Ending:
    """The person has no photo; what was agreed stays, since SharePoint still shows it."""
    since = row.no_photo_since or now
    return Ending(Outcome.NO_PHOTO, _no_error(now) | {"state": UserState.NO_PHOTO, "no_photo_since": since})


def cleared(row: StatusRow, now: datetime) -> Ending:
    """SharePoint no longer shows the picture of somebody whose photo is gone."""
    changes = no_photo(row, now).changes | NOTHING_AGREED | {"picture_url": None}
    return Ending(Outcome.CLEARED, changes)


def not_cleared(row: StatusRow, failure: Failure, now: datetime) -> Ending:
    """The picture stays until a person has said that so many may go."""
    told = {"error_code": str(failure.code), "error_detail": failure.detail or None}
    return Ending(Outcome.NO_PHOTO, no_photo(row, now).changes | told)


def same_bytes(agreement: Agreement, now: datetime) -> Ending:
    """A new version with the old bytes: recorded, nothing written."""
    return Ending(Outcome.SAME_BYTES, _in_step(now) | agreement.changes)


def copied(agreement: Agreement, picture_url: str, now: datetime) -> Ending:
    """SharePoint has the picture."""
    changes = _in_step(now) | agreement.changes | {"picture_url": picture_url, "copied_at": now}
    return Ending(Outcome.COPIED, changes)


def restored(outcome: Outcome, mark: dict[str, Any], now: datetime) -> Ending:
    """The app's picture is out of SharePoint, as far as there was one; the person is left alone from now on."""
    changes = _no_error(now) | NOTHING_AGREED | mark
    told = {"state": UserState.OUT_OF_SCOPE, "error_detail": mark["left_alone"]}
    return Ending(outcome, changes | told | {"picture_url": None, "exchange_sync_state": None, "restored_at": now})


def not_restored(failure: Failure) -> Ending:
    """A restore that cannot be done and has changed nothing: where the user stands is as true as before."""
    return Ending(Outcome.FAILED, {}, failure)


def left_alone(row: StatusRow, now: datetime) -> Ending:
    """A person had it undone, and nobody has asked for a copy since."""
    changes = _no_error(now) | {"state": UserState.OUT_OF_SCOPE, "error_detail": row.left_alone}
    return Ending(Outcome.OUT_OF_SCOPE, changes)


def passed_over() -> Ending:
    """A restore that came late: a copy was asked for after it, and made."""
    return Ending(Outcome.KEPT, {})


def failed(failure: Failure, what_follows: TryAgain | GiveUp, now: datetime) -> Ending:
    """It did not work; it is tried again, or it is not."""
    changes = {
        "attempts": what_follows.attempts,
        "error_code": str(failure.code),
        "error_detail": failure.detail or None,
        "error_request_id": failure.request_id or None,
        "checked_at": now,
    }
    match what_follows:
        case TryAgain(delay):
            changes |= {"state": UserState.DEFERRED, "next_attempt_at": now + delay}
            return Ending(Outcome.DEFERRED, changes)
        case GiveUp():
            return Ending(Outcome.FAILED, changes | {"state": UserState.FAILED, "next_attempt_at": None})


def _in_step(now: datetime) -> dict[str, Any]:
    return _no_error(now) | {"state": UserState.IN_STEP}


def _no_error(now: datetime) -> dict[str, Any]:
    """The matter is settled: whatever was wrong before is over."""
    return {
        "checked_at": now,
        "attempts": 0,
        "next_attempt_at": None,
        "error_code": None,
        "error_detail": None,
        "error_request_id": None,
        "no_photo_since": None,
        "refused_etag": None,
    }

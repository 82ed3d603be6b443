"""One person's view: where they stand, every attempt, and what Microsoft's support asks for."""

from dataclasses import dataclass
from datetime import datetime

from shared.failures import FailureCode
from shared.services import Services
from shared.status import HistoryRow, StatusRow
from shared.words import Outcome, Reason, object_id
from status_page import actions
from status_page.actions import Action

OUTCOMES = {
    Outcome.COPIED: "Copied to SharePoint",
    Outcome.UNCHANGED: "Unchanged, nothing to copy",
    Outcome.SAME_BYTES: "New version, same picture",
    Outcome.NO_PHOTO: "No photo",
    Outcome.CLEARED: "Picture cleared in SharePoint",
    Outcome.WOULD_COPY: "Would be copied (dry run)",
    Outcome.RESTORED: "What was there before is back",
    Outcome.WOULD_RESTORE: "Would be put back (dry run)",
    Outcome.KEPT: "Left as it is: changed since",
    Outcome.NEVER_WRITTEN: "Nothing to put back",
    Outcome.DEFERRED: "Put off, tried again by itself",
    Outcome.FAILED: "Failed",
    Outcome.OUT_OF_SCOPE: "Out of scope",
    Outcome.CANCELLED: "Cancelled before it began",
    Outcome.LEFT_TO_HOLDER: "Left to the worker that was at it",
}
REASONS = {
    Reason.NOTIFICATION: "Graph told of a change",
    Reason.SWEEP: "the sweep looked",
    Reason.MANUAL: "an administrator asked",
}


@dataclass(frozen=True)
class Attempt:
    """One attempt, ready to be shown."""

    row: HistoryRow
    code: FailureCode | None

    @property
    def outcome(self) -> str:
        """How it ended, in words."""
        return OUTCOMES[self.row.outcome]

    @property
    def reason(self) -> str:
        """Why the photo was looked at, in words."""
        return REASONS[self.row.reason]

    @property
    def waited_seconds(self) -> float:
        """From being noticed to the beginning of this attempt."""
        return max(0.0, (self.row.at - self.row.noticed_at).total_seconds() - self.row.milliseconds / 1000)


@dataclass(frozen=True)
class UserView:
    """Everything that the view shows."""

    now: datetime
    row: StatusRow
    code: FailureCode | None
    attempts: list[Attempt]
    copy_again: Action
    put_back: Action | None
    """None: the app never wrote, or it is put back already."""

    @property
    def before(self) -> str:
        """What SharePoint had before the app, in words."""
        if self.row.picture_timestamp is None:
            return "the app has never written this picture"
        if self.row.before_at is None:
            return "not known"
        return "a picture" if self.row.before_picture_url else "no picture"


def gather_user(services: Services, user_id: str) -> UserView | None:
    """The view of a user by object id; None when there is no such row. Raises `ValueError` when it is no object id."""
    seen = services.status.get(object_id(user_id))
    if seen is None:
        return None
    row = seen.row
    return UserView(
        services.clock.now(),
        row,
        _code(row.error_code),
        [Attempt(attempt, _code(attempt.error_code)) for attempt in services.history.of(row.user_id)],
        actions.copy_again(row.user_id),
        actions.put_back_earlier(row.user_id) if row.picture_timestamp and not row.left_alone else None,
    )


def _code(stored: str | None) -> FailureCode | None:
    return FailureCode.read(stored) if stored else None

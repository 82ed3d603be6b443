"""What the host gave up on is written down at once: evidence on a poison queue lasts a week, and nobody looks there."""

import logging

from photo_worker.lease import take
from shared.failures import FailureCode
from shared.logs import Happened, tell
from shared.runs import ItemRow
from shared.services import Services
from shared.spans import span, worth_sending
from shared.words import Outcome, PhotoEvent, UserState

_LONGEST_TEXT = 30_000
"""Characters of a message that are kept; a table property holds 32 Ki."""
_log = logging.getLogger("photosync.worker")


def record_poison(services: Services, message_id: str, text: str) -> None:
    """Write down that a message was given up on: in its user's status row, or, when it is none of ours, in Control."""
    try:
        event = PhotoEvent.from_message(text)
    except ValueError:
        code = FailureCode.UNREADABLE_MESSAGE
        services.control.put(f"unreadable-message {message_id}", {"text": text[:_LONGEST_TEXT], "errorCode": str(code)})
        tell(_log, Happened.UNREADABLE_MESSAGE, code=code, message_id=message_id, todo=code.remedy)
        return
    with span("poison", event.traceparent):
        _give_up(services, event)


def _give_up(services: Services, event: PhotoEvent) -> None:
    """Let the user's row say that the host gave up."""
    worth_sending()
    code = FailureCode.UNEXPECTED_ERROR
    now = services.clock.now()
    # Held: somebody is at work on this very user, and will say how it ended.
    lease = take(services.status, event.user_id, now, mark_dirty=True)
    if lease is not None:
        lease.let_go(
            now,
            look_again=False,
            state=UserState.FAILED,
            error_code=str(code),
            error_detail="the host gave up on this photo event",
            error_request_id=None,
            next_attempt_at=None,
        )
        if event.job_id is not None:
            services.runs.record(event.job_id, ItemRow(event.user_id, Outcome.FAILED, now, lease.row.upn, str(code)))
    tell(_log, Happened.POISON, code=code, reason=event.reason, attempt=event.attempt, todo=code.remedy)
    _log.debug("the photo event of %s was poison", event.user_id)

"""Tells in the log how a check of up to twenty users ended."""

import logging
from datetime import timedelta

from shared.failures import Failure
from shared.logs import Happened, tell
from shared.spans import worth_sending
from sync_trigger.check_messages import CheckMessage
from sync_trigger.check_plan import CheckPlan

_log = logging.getLogger("photosync.sweep")


def tell_check(message: CheckMessage, plan: CheckPlan) -> None:
    """The users were checked. A check that found nothing to do is told at debug: there are thousands of those."""
    put_off = len(plan.unanswered) + len(plan.without_room)
    tell(
        _log,
        Happened.CHECK_DONE,
        level=None if plan.given or put_off else logging.DEBUG,
        run=message.run_kind,
        run_id=message.run_id,
        chunk=message.chunk,
        users=len(message.users),
        queued=len(plan.given),
        put_off=put_off,
        settled=len(plan.settled),
    )


def tell_deferred(message: CheckMessage, failure: Failure, delay: timedelta) -> None:
    """The whole check comes again later."""
    worth_sending()
    tell(_log, Happened.CHECK_DEFERRED, level=None, **_of(message, failure), seconds=round(delay.total_seconds()))


def tell_failed(message: CheckMessage, failure: Failure) -> None:
    """Users could not be checked, and the check does not come again."""
    worth_sending()
    tell(_log, Happened.CHECK_FAILED, level=None, **_of(message, failure), todo=failure.code.remedy)


def _of(message: CheckMessage, failure: Failure) -> dict[str, str | float | None]:
    """What the two have in common. A failure's detail stays out: it may name somebody."""
    return {
        "run": message.run_kind,
        "run_id": message.run_id,
        "chunk": message.chunk,
        "users": len(message.users),
        "attempt": message.attempt,
        "code": failure.code,
        "request_id": failure.request_id or None,
    }

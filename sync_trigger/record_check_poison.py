"""A list or check message that the host gave up on is written down at once, where somebody looks: in its run."""

import logging

from shared import sweep_wanted
from shared.failures import Failure, FailureCode
from shared.logs import Happened, tell
from shared.runs import RunKind
from shared.services import Services
from shared.spans import span, worth_sending
from shared.words import QUEUE_OF_CHECKS, Outcome
from sync_trigger.check_messages import CheckMessage, ListMessage, read_message
from sync_trigger.check_plan import CheckPlan
from sync_trigger.list_users import fail_run, with_error
from sync_trigger.notified_users import NotifiedMessage
from sync_trigger.retry import UNREADABLE

_LONGEST_TEXT = 30_000
"""Characters of a message that are kept; a table property holds 32 Ki."""
_log = logging.getLogger("photosync.sweep")


def record_check_poison(services: Services, message_id: str, text: str) -> None:
    """Write down that a message was given up on: in its run, or, when it is none of ours, in Control."""
    try:
        message = read_message(text)
    except ValueError:
        code = FailureCode.UNREADABLE_MESSAGE
        row = {"text": text[:_LONGEST_TEXT], "errorCode": str(code), "queue": QUEUE_OF_CHECKS}
        services.control.put(UNREADABLE + message_id, row)
        tell(_log, Happened.UNREADABLE_MESSAGE, code=code, message_id=message_id, todo=code.remedy)
        return
    failure = Failure(FailureCode.UNEXPECTED_ERROR, "the host gave up on a message of this run")
    with span("poison", message.traceparent):
        worth_sending()
        run = (None, None) if isinstance(message, NotifiedMessage) else (message.run_kind, message.run_id)
        tell(_log, Happened.POISON, code=failure.code, run=run[0], run_id=run[1])
        match message:
            case ListMessage():
                fail_run(services, message, failure)
            case CheckMessage():
                _fail_chunk(services, message, failure)
            case NotifiedMessage():
                # They belong to no run: the sweep that is asked for checks them, with everybody.
                why = "Notified users could not be checked."
                sweep_wanted.ask_for_sweep(services.control, why, services.clock.now())


def _fail_chunk(services: Services, message: CheckMessage, failure: Failure) -> None:
    """Its users are the run's failures, unless their chunk was decided on before; the next sweep checks them again."""
    services.runs.change(message.run_kind, message.run_id, lambda run: with_error(run, failure))
    if message.run_kind is RunKind.SWEEP or services.runs.chunk(message.run_id, message.key) is None:
        plan = CheckPlan(settled=(Outcome.FAILED,) * len(message.users), error_code=str(failure.code))
        services.runs.record_chunk(message.run_id, plan.as_chunk(message.key))

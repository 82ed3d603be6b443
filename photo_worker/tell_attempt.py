"""Tells how one look at one photo ended: a line in the log, the hour's measures, the metrics."""

import logging
from datetime import datetime

from photo_worker.attempt import Attempt
from shared.failures import FailureCode
from shared.gates import Service
from shared.logs import Happened, tell
from shared.measures import Measure, Measures
from shared.spans import worth_sending
from shared.status import StatusRow
from shared.telemetry import Metric, measure
from shared.words import Outcome, PhotoEvent, Reason

_HAPPENED = {
    Outcome.COPIED: Happened.COPIED,
    Outcome.CLEARED: Happened.CLEARED,
    Outcome.RESTORED: Happened.RESTORED,
    Outcome.DEFERRED: Happened.DEFERRED,
    Outcome.FAILED: Happened.FAILED,
}
"""What else can happen is that there was nothing to write."""
_MEASURES = {
    Outcome.COPIED: Measure.COPIED,
    Outcome.DEFERRED: Measure.DEFERRED,
    Outcome.FAILED: Measure.FAILED,
}
_log = logging.getLogger("photosync.worker")


def tell_begun(event: PhotoEvent, now: datetime) -> None:
    """A worker has taken a photo event. Only those that nobody has put off say how long the queue keeps them."""
    if event.attempt == 1 and event.reason is Reason.NOTIFICATION:
        measure(Metric.QUEUE_SECONDS, max(0.0, (now - event.noticed_at).total_seconds()), reason=event.reason)


def tell_attempt(measures: Measures, event: PhotoEvent, outcome: Outcome, row: StatusRow, attempt: Attempt) -> None:
    """The look is over, and `row` is what the table holds now."""
    has_error = outcome in {Outcome.DEFERRED, Outcome.FAILED}
    code = FailureCode.read(row.error_code) if has_error and row.error_code else None
    waited = (attempt.ended - event.noticed_at).total_seconds()
    tell(
        _log,
        _HAPPENED.get(outcome, Happened.SKIPPED),
        outcome=outcome,
        reason=event.reason,
        attempt=event.attempt,
        milliseconds=attempt.milliseconds,
        seconds_since_noticed=round(waited, 1),
        graph_requests=attempt.requests(Service.GRAPH),
        sharepoint_requests=attempt.requests(Service.SHAREPOINT),
        code=code,
        request_id=row.error_request_id if code else None,
        graph_request_ids=attempt.request_ids(Service.GRAPH) or None,
        sharepoint_request_ids=attempt.request_ids(Service.SHAREPOINT) or None,
        job_id=event.job_id,
    )
    _log.debug("that was the photo of %s", event.user_id)
    if outcome in _HAPPENED:
        worth_sending()
    if outcome in _MEASURES:
        measures.count(_MEASURES[outcome])
    measure(Metric.LOOKS, outcome=outcome, reason=event.reason)
    if code is not None:
        measure(Metric.FAILURES, code=code, outcome=outcome)
    if outcome is Outcome.COPIED:
        measure(Metric.SECONDS_TO_COPY, max(0.0, waited), reason=event.reason)

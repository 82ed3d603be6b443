"""The webhook: it only receives.

It proves itself to Graph, believes what carries our client state, puts what it was told on a queue and answers: 202
when all is stored, 503 when not, so that Graph sends it again. A few users get a photo event each and are looked at at
once; many users of one POST go into one message, so that a burst costs Storage little and stands in nobody's way. It
must answer within 3 seconds, or Graph first delays and then drops notifications; so it asks nobody but Storage, and
gives Storage little time.
Source: "Receive change notifications through webhooks".
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor, wait
from enum import StrEnum

import azure.functions as func
from azure.core.exceptions import AzureError

from shared.deliveries import DeliveryRow
from shared.logs import Happened, tell
from shared.photo_queue import QueueUnavailable
from shared.problem import problem
from shared.services import Services
from shared.spans import span, worth_sending
from shared.telemetry import Metric, measure
from shared.words import PhotoEvent, Reason
from sync_trigger.judge_delivery import LARGEST_BODY, NotFromGraph, Verdict, judge_delivery
from sync_trigger.notified_users import FEW, notified

LONGEST_TOKEN = 2048
"""Characters of a validation token; those seen in the wild have about 110."""
QUEUE_SECONDS = 2.0
"""The queue gets this long; then Graph hears 503, still in time."""
ANSWER_SECONDS = 2.5
"""The record of the delivery gets what is left of this."""
_log = logging.getLogger("photosync.webhook")


class Endpoint(StrEnum):
    """Which of the two URLs was called; Graph may send anything to either."""

    NOTIFICATIONS = "notifications"
    LIFECYCLE = "lifecycle"


class Webhook:
    """Receives Graph's POSTs; one per process, safe for its threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._recorder = ThreadPoolExecutor(max_workers=4, thread_name_prefix="deliveries")

    def receive(self, endpoint: Endpoint, token: str | None, body: bytes) -> func.HttpResponse:
        """The answer to one POST. `token` is the decoded `validationToken` of the query, None when there is none."""
        if token is not None:
            return _echo(token)
        with span("delivery") as told:
            answer = self._receive(endpoint, body)
            told.attributes |= {"endpoint": endpoint, "status": answer.status_code}
            return answer

    def _receive(self, endpoint: Endpoint, body: bytes) -> func.HttpResponse:
        started = time.monotonic()
        if len(body) > LARGEST_BODY:
            return problem(413, "too-large", "The body is too large.", f"At most {LARGEST_BODY} bytes are taken.")
        settings, previous = self._services.settings, self._services.settings.client_state_previous
        try:
            verdict = judge_delivery(
                body,
                settings.client_state.get_secret_value(),
                settings.tenant_id,
                previous.get_secret_value() if previous else None,
            )
        except NotFromGraph as error:
            return problem(400, "not-a-notification", "The body is no change notification.", str(error))
        stored = self._store(verdict, started)
        self._record(endpoint, 202 if stored else 503, verdict, started)
        if stored:
            return func.HttpResponse(status_code=202)
        return problem(
            503, "not-stored", "The notifications could not be stored.", "Send them again later.", {"Retry-After": "30"}
        )

    def _store(self, verdict: Verdict, started: float) -> bool:
        """Whether everything believed is now safe in Storage."""
        users = list(verdict.user_ids)
        events: list[PhotoEvent] = []
        try:
            if len(users) <= FEW:
                events = [PhotoEvent(user_id=user_id, reason=Reason.NOTIFICATION) for user_id in users]
                self._services.quick_queue.put_all(events, within=QUEUE_SECONDS)
            else:
                self._services.quick_checks.put_all(notified(users), within=QUEUE_SECONDS)
            if verdict.lifecycle_events:
                self._keep_events(verdict, QUEUE_SECONDS - (time.monotonic() - started))
        except (QueueUnavailable, AzureError, TimeoutError) as error:
            tell(_log, Happened.DELIVERY_NOT_STORED, elements=verdict.elements, error=type(error).__name__)
            worth_sending()
            return False
        if events:
            worth_sending()
            tell(_log, Happened.EVENTS_QUEUED, events=len(events), reason=Reason.NOTIFICATION)
            measure(Metric.PHOTO_EVENTS, len(events), reason=Reason.NOTIFICATION)
        return True

    def _keep_events(self, verdict: Verdict, within: float) -> None:
        """Write the lifecycle events down for the upkeep of the subscription; unknown kinds are only logged.

        Raises:
            AzureError, TimeoutError: when not all are stored within so many seconds; Graph then sends them again.
        """
        from sync_trigger.lifecycle_events import is_known, write_down  # rare, and a cold start need not wait for it

        now, control = self._services.clock.now(), self._services.quick_control
        known = [event for event in verdict.lifecycle_events if is_known(event)]
        for event in verdict.lifecycle_events.keys() - known:
            tell(_log, Happened.UNKNOWN_LIFECYCLE_EVENT, lifecycle_event=event)
        work = [self._recorder.submit(write_down, control, event, now) for event in known]
        done, late = wait(work, timeout=max(0.0, within))
        if late:
            raise TimeoutError
        for future in done:
            future.result()

    def _record(self, endpoint: Endpoint, status: int, verdict: Verdict, started: float) -> None:
        """Write the delivery down, if that goes quickly; a delivery is not refused because its record is late."""
        elapsed = time.monotonic() - started
        row = DeliveryRow(
            at=self._services.clock.now(),
            endpoint=str(endpoint),
            status=status,
            elements=verdict.elements,
            accepted=verdict.accepted,
            events=len(verdict.user_ids) if status == 202 else 0,
            milliseconds=round(elapsed * 1000),
            refusals=", ".join(f"{why}: {count}" for why, count in sorted(verdict.refusals.items())) or None,
        )
        tell(
            _log,
            Happened.DELIVERY_JUDGED,
            endpoint=endpoint,
            status=status,
            elements=row.elements,
            accepted=row.accepted,
            events=row.events,
            milliseconds=row.milliseconds,
            refusals=row.refusals,
        )
        done, _ = wait(
            [self._recorder.submit(self._services.deliveries.add, row)], timeout=max(0.0, ANSWER_SECONDS - elapsed)
        )
        for future in done:
            if error := future.exception():
                tell(_log, Happened.DELIVERY_NOT_RECORDED, error=type(error).__name__)


def _echo(token: str) -> func.HttpResponse:
    """Prove that the endpoint is ours: the token comes back, decoded, as text that no browser takes for a page."""
    if len(token) > LONGEST_TOKEN:
        return problem(400, "token-too-long", "The validation token is too long.", "It is not one of Graph's.")
    return func.HttpResponse(
        token,
        status_code=200,
        mimetype="text/plain",
        charset="utf-8",
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
    )

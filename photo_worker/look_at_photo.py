"""One photo event, from the queue to the record: take the lease, attempt, record, let go."""

import random
from dataclasses import replace
from datetime import timedelta

from photo_worker.attempt import Attempt
from photo_worker.endings import Ending, failed
from photo_worker.lease import Lease, LeaseLost, take
from photo_worker.picture_folder import PictureFolders
from photo_worker.tell_attempt import tell_attempt, tell_begun
from shared.after_failure import GiveUp, TryAgain, after_failure
from shared.correlation import correlation_id
from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.paused import spread
from shared.runs import ItemRow
from shared.services import Services
from shared.spans import span
from shared.status import HistoryRow, StatusRow
from shared.words import Action, Outcome, PhotoEvent, UserState

BUSY_DELAY = timedelta(seconds=10)
"""How long an event that must be answered for itself (a job's, a forced one) waits for another worker."""


class PhotoWorker:
    """Handles photo events; one per process, safe for its threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._folders = PictureFolders(services.control, services.settings.picture_folder)

    def handle(self, event: PhotoEvent, deliveries: int = 1) -> Outcome:
        """Look at the photo that the event names, and do what that calls for. `deliveries`: of its message, with this.

        Returns when the message may be deleted: the matter is settled, or on the queue again, or in the hands of
        another worker. Raises only for a bug, or when Storage fails; then the host tries again.
        """
        with span("look", event.traceparent) as told:
            tell_begun(event, self._services.clock.now())
            outcome = self._handle(event, deliveries)
            told.attributes |= {"outcome": outcome, "reason": event.reason, "attempt": event.attempt}
            told.failed = outcome is Outcome.FAILED
            return outcome

    def _handle(self, event: PhotoEvent, deliveries: int) -> Outcome:
        if event.job_id is not None and event.attempt == 1 and self._services.runs.is_cancelled(event.job_id):
            # What an earlier attempt has begun is brought to its end.
            now = self._services.clock.now()
            self._services.runs.record(event.job_id, ItemRow(event.user_id, Outcome.CANCELLED, now))
            return Outcome.CANCELLED
        if (delay := self._must_wait(event)) is not None:
            self._services.queue.put(event, spread(delay))
            return Outcome.DEFERRED
        if event.dry_run:
            return self._rehearse(event)
        with self._services.allowance.turn(waits=event.bulk) as has_turn:
            if has_turn:
                return self._look(event, deliveries)
        self._services.queue.put(event, spread(timedelta()))
        return Outcome.DEFERRED

    def _look(self, event: PhotoEvent, deliveries: int) -> Outcome:
        must_answer = event.force or event.job_id is not None or event.action is not Action.COPY
        lease = take(self._services.status, event.user_id, self._services.clock.now(), mark_dirty=not must_answer)
        if lease is None:
            if must_answer:
                self._services.queue.put(event, BUSY_DELAY)
            elif deliveries > 1:
                self._come_back_after_lease(event)
            return Outcome.LEFT_TO_HOLDER
        try:
            return self._hold(event, lease)
        except LeaseLost:
            # What we wrote may lie over something newer. A forced look puts that right, whatever the record says.
            self._services.queue.put(event.again().model_copy(update={"force": True}))
            return Outcome.DEFERRED

    def _must_wait(self, event: PhotoEvent) -> timedelta | None:
        """How long nothing is worth looking at: a person has paused the app, or nearly everything fails.

        A restore goes through the pause: so an administrator can stop all copying and then have everything undone.
        """
        now = self._services.clock.now()
        paused = self._services.pause_switch.wait(now) if event.action is Action.COPY else None
        return self._services.breakers.wait(now) if paused is None else paused

    def _come_back_after_lease(self, event: PhotoEvent) -> None:
        """Put the event back until the lease has ended.

        A message comes again when its first worker died or could not write its ending. The holder may be that very
        worker, which will never see the dirty mark.
        """
        now = self._services.clock.now()
        seen = self._services.status.get(event.user_id)
        until = seen.row.lease_until if seen else None
        self._services.queue.put(event, max(until or now, now) - now + timedelta(seconds=1))

    def _hold(self, event: PhotoEvent, lease: Lease) -> Outcome:
        """Look, and look again for as long as the row is dirty when the lease is to be let go."""
        while True:
            attempt = Attempt(self._services, self._folders, self._services.clock.now())
            failure: Failure | None = None
            try:
                try:
                    ending = attempt.answer(lease, event)
                except Failure as caught:
                    failure = caught
                    ending = self._after(failure, event, lease.row.attempts)
            except LeaseLost:
                raise
            except Exception:
                # The host tries again; until then nobody must wait for our lease.
                unexpected = {"state": UserState.DEFERRED, "error_code": str(FailureCode.UNEXPECTED_ERROR)}
                lease.let_go(attempt.started, look_again=False, **unexpected)
                raise
            deferred = ending.outcome is Outcome.DEFERRED
            attempt.end()
            done = lease.let_go(self._services.clock.now(), look_again=not deferred, **ending.changes)
            self._record(event, ending, lease.row, attempt)
            self._services.breakers.count(attempt.called, failure, self._services.clock.now())
            if done:
                return ending.outcome
            event = event.model_copy(update={"force": False})

    def _after(self, failure: Failure, event: PhotoEvent, attempts: int) -> Ending:
        """Put the event back on the queue, or give up."""
        what_follows = self._what_follows(failure, attempts, bulk=event.bulk)
        if isinstance(what_follows, TryAgain):
            self._services.queue.put(event.again(), what_follows.delay)
        return failed(failure, what_follows, self._services.clock.now())

    def _what_follows(self, failure: Failure, attempts: int, *, bulk: bool) -> TryAgain | GiveUp:
        jitter = random.random()  # noqa: S311 - spreads retries, hides nothing
        return after_failure(failure, attempts, self._services.settings.max_attempts, jitter, bulk=bulk)

    def _rehearse(self, event: PhotoEvent) -> Outcome:
        """A dry run: check and decide, write nothing but the job's item."""
        seen = self._services.status.get(event.user_id)
        row = seen.row if seen else StatusRow(event.user_id, UserState.PENDING)
        attempt = Attempt(self._services, self._folders, self._services.clock.now())
        try:
            ending = attempt.rehearse(row, event)
        except Failure as failure:
            ending = self._after(failure, event, event.attempt - 1)
        self._record_item(event, ending.outcome, _telling(replace(row, **ending.changes), ending))
        return ending.outcome

    def _record(self, event: PhotoEvent, ending: Ending, row: StatusRow, attempt: Attempt) -> None:
        """Write the attempt down: the history, the job's item, the log. `row` is as the attempt left it."""
        outcome, row = ending.outcome, _telling(row, ending)
        self._services.history.add(
            HistoryRow(
                user_id=event.user_id,
                at=attempt.ended,
                reason=event.reason,
                outcome=outcome,
                milliseconds=attempt.milliseconds,
                graph_requests=attempt.requests(Service.GRAPH),
                sharepoint_requests=attempt.requests(Service.SHAREPOINT),
                noticed_at=event.noticed_at,
                job_id=event.job_id,
                source_etag=row.source_etag,
                error_code=row.error_code,
                error_detail=row.error_detail,
                error_request_id=row.error_request_id,
                correlation_id=correlation_id(),
                **attempt.kept_before,
            )
        )
        self._record_item(event, outcome, row)
        tell_attempt(self._services.measures, event, outcome, row, attempt)

    def _record_item(self, event: PhotoEvent, outcome: Outcome, row: StatusRow) -> None:
        if event.job_id is not None:
            now = self._services.clock.now()
            item = ItemRow(event.user_id, outcome, now, row.upn, row.error_code, row.error_detail)
            self._services.runs.record(event.job_id, item)


def _telling(row: StatusRow, ending: Ending) -> StatusRow:
    """The row as the records of the attempt tell of it: with the attempt's own error, when the row keeps none."""
    failure = ending.failure
    return row if failure is None else replace(row, error_code=str(failure.code), error_detail=failure.detail or None)

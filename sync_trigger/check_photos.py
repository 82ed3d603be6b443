"""Checks up to twenty users at once: one request to Graph for all photos' versions, photo events for those who differ.

    chunk ──$batch──▶ differs? ──┬─ settled ────────────▶ counted; the row vouched for now and then
                                 ├─ different ──pace───▶ photo event, visible when its turn has come
                                 └─ throttled, or the line is too long ──▶ another check of these users, later

Everything here may happen twice. A sweep's second delivery finds those that it gave to a worker marked in their rows. A
job's finds its plan recorded, and does the same again.
"""

import logging
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from shared import safety_stop
from shared.after_failure import GiveUp, TryAgain, after_failure
from shared.answers import Answer, failure_of
from shared.failures import Failure, FailureCode, FailureKind
from shared.gates import Service
from shared.graph import BatchItem, photo_of
from shared.recipe import recipe
from shared.runs import ItemRow, RunKind, RunRow, RunState
from shared.services import Services
from shared.setting_values import RemovedPhoto
from shared.spans import span, worth_sending
from shared.status import RowChanged, Seen, StatusRow
from shared.telemetry import Metric, measure
from shared.words import Action, Outcome, PhotoEvent, UserState
from sync_trigger.check_messages import CheckedUser, CheckMessage
from sync_trigger.check_plan import CheckPlan
from sync_trigger.differs import Circumstances, Different, Settled, Verdict, Write, differs, restores
from sync_trigger.list_users import with_error
from sync_trigger.tell_check import tell_check, tell_deferred, tell_failed

LINE_TOO_LONG_DELAY = timedelta(hours=6)
"""When the line of bulk work has no room, it is looked at again so much later."""
_CHECK_TIME = timedelta(minutes=1)
_QUEUE_SECONDS = 30.0
STAY = {UserState.FAILED, UserState.DEFERRED}
"""States that still say something while a photo event is on its way; the others become `pending`."""
_log = logging.getLogger("photosync.sweep")

type _Change = tuple[Seen | None, StatusRow]
"""What was read, None for no row; and what is to be written."""


@dataclass
class _Found:
    """What one batch told."""

    different: list[tuple[CheckedUser, Seen | None, Different]] = field(default_factory=list)
    settled: list[tuple[CheckedUser, Seen | None, Settled]] = field(default_factory=list)
    unanswered: list[tuple[CheckedUser, Failure]] = field(default_factory=list)
    """Those whose own request in the batch failed in a way that passes."""


class PhotoCheck:
    """Handles messages that ask for a check; one per process, safe for its threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="status-rows")

    def handle(self, message: CheckMessage) -> None:
        """Check the users, unless that was done.

        Returns when the message may be deleted. Raises for a bug, or when Storage fails; then the host tries again.
        """
        with span("check", message.traceparent) as told:
            told.attributes |= {"run": message.run_kind, "users": len(message.users)}
            self._handle(message)

    def _handle(self, message: CheckMessage) -> None:
        runs = self._services.runs
        run = runs.seen(message.run_kind, message.run_id)
        if run is None or run.row.state not in {RunState.LISTING, RunState.RUNNING}:
            return
        chunk = runs.chunk(message.run_id, message.key) if message.job_id is not None else None
        if chunk is not None:
            self._act(message, run.row, CheckPlan.from_chunk(chunk), {})
            return
        rows = dict(zip(message.users, self._threads.map(self._row, message.users), strict=True))
        try:
            found = self._compare(message, rows) if message.ask else _without_asking(message, rows)
        except Failure as failure:
            self._after(failure, message)
            return
        if message.dry_run:
            self._rehearse(message, found)
        else:
            self._write_settled(found.settled)
        plan = self._plan(message, found)
        if message.job_id is not None:
            runs.record_chunk(message.run_id, plan.as_chunk(message.key))
        self._act(message, run.row, plan, rows)

    def _row(self, user: CheckedUser) -> Seen | None:
        return self._services.status.get(user.id)

    def _compare(self, message: CheckMessage, rows: dict[CheckedUser, Seen | None]) -> _Found:
        """Ask Graph for all photos' versions at once, and decide for each.

        Raises:
            Failure: when the batch failed, or when every request in it was refused.
        """
        services, now = self._services, self._services.clock.now()
        graph = services.graph(services.caller(give_up_at=now + _CHECK_TIME))
        answers = graph.batch([BatchItem(f"/users/{user.id}/photo") for user in message.users], urgent=False)
        may_clear = services.settings.removed_photo is RemovedPhoto.CLEAR and not safety_stop.is_set(services.control)
        recovered_at = services.breakers.recovered_at(now)
        found, refused = _Found(), list[Failure]()
        for user, answer in zip(message.users, answers, strict=True):
            if (passing := passing_failure(answer, now)) is not None:
                found.unanswered.append((user, passing))
                continue
            seen = rows[user]
            at = Circumstances(
                now=now,
                recipe=recipe(services.settings, user.id, user.upn, user.loc),
                asked=message.job_id is not None,
                force=message.force,
                may_clear=may_clear,
                recovered_at=recovered_at,
            )
            try:
                verdict = differs(photo_of(answer), seen.row if seen else None, at)
            except Failure as failure:
                refused.append(failure)
                verdict = Different(f"Graph refuses: {failure.code}", Outcome.FAILED)
            if isinstance(verdict, Different):
                found.different.append((user, seen, verdict))
            else:
                found.settled.append((user, seen, verdict))
        if waits := [failure.retry_after for _, failure in found.unanswered if failure.retry_after]:
            services.gates.close(Service.GRAPH, now + timedelta(seconds=max(waits)))
        if len(refused) == len(message.users):
            # That says something of the app, not of twenty users.
            raise refused[0]
        return found

    def _plan(self, message: CheckMessage, found: _Found) -> CheckPlan:
        """Who gets a photo event when, and who is checked again; claims places in the line."""
        services, now = self._services, self._services.clock.now()
        settled = [verdict.outcome for _, _, verdict in found.settled]
        different = [] if message.dry_run else [user for user, _, _ in found.different]
        delays = services.pace.claim(len(different), now)
        plan = CheckPlan(
            given=tuple((user.id, now + delay) for user, delay in zip(different, delays, strict=False)),
            without_room=tuple(different[len(delays) :]),
            look_again_at=now + LINE_TOO_LONG_DELAY,
            attempt=message.attempt,
        )
        if found.unanswered:
            users = tuple(user for user, _ in found.unanswered)
            longest = max((failure for _, failure in found.unanswered), key=lambda failure: failure.retry_after or 0.0)
            what_follows = self._what_follows(longest, message)
            if isinstance(what_follows, TryAgain):
                again_at, attempt = now + what_follows.delay, what_follows.attempts + 1
                plan = replace(plan, unanswered=users, ask_again_at=again_at, attempt=attempt)
            else:
                settled += [Outcome.FAILED] * len(users)
                plan = replace(plan, error_code=str(longest.code))
                self._note(message, longest)
        return replace(plan, settled=tuple(settled))

    def _act(self, message: CheckMessage, run: RunRow, plan: CheckPlan, rows: dict[CheckedUser, Seen | None]) -> None:
        """Put the photo events and the later checks on their queues, then mark the rows of those given to a worker."""
        services, now = self._services, self._services.clock.now()
        lift = message.job_id is not None and message.force and message.ask
        # Of two wishes for one person the later counts, so these say when they were asked for.
        noticed_at = run.requested_at if lift or message.action is Action.RESTORE else now
        events = [
            (
                PhotoEvent(
                    user_id=user_id,
                    reason=message.reason,
                    action=message.action,
                    force=message.force,
                    lift=lift,
                    or_clear=message.or_clear,
                    bulk=True,
                    job_id=message.job_id,
                    noticed_at=noticed_at,
                ),
                max(timedelta(), due - now),
            )
            for user_id, due in plan.given
        ]
        services.queue.put_all_later(events, within=_QUEUE_SECONDS)
        if events:
            worth_sending()
            measure(Metric.PHOTO_EVENTS, len(events), reason=message.reason)
        tell_check(message, plan)
        if plan.unanswered:
            again = message.next_round(plan.unanswered, plan.attempt)
            services.checks.put(again, max(timedelta(), plan.ask_again_at - now))
        if plan.without_room:
            services.checks.put(
                message.next_round(plan.without_room, message.attempt), max(timedelta(), plan.look_again_at - now)
            )
        if message.run_kind is RunKind.SWEEP:
            self._mark(dict(plan.given), rows)
            if plan.given or plan.error_code:
                services.runs.record_chunk(message.run_id, replace(plan.as_chunk(message.key), plan=None))

    def _mark(self, due: dict[str, datetime], rows: dict[CheckedUser, Seen | None]) -> None:
        """Let the rows say that a photo event is on its way, so that the next sweep puts no second one.

        A row that anybody has written since it was read is left alone: whoever did that is at the photo already.
        """
        changes: list[_Change] = []
        for user, seen in rows.items():
            if user.id not in due:
                continue
            if seen is None:
                row = StatusRow(user.id, UserState.PENDING, upn=user.upn or None, next_attempt_at=due[user.id])
                changes.append((None, row))
            elif seen.row.lease_owner is None:
                state = seen.row.state if seen.row.state in STAY else UserState.PENDING
                changes.append((seen, replace(seen.row, state=state, next_attempt_at=due[user.id])))
        self._write(changes)

    def _write_settled(self, settled: Sequence[tuple[CheckedUser, Seen | None, Settled]]) -> None:
        now = self._services.clock.now()
        changes: list[_Change] = []
        for user, seen, verdict in settled:
            if verdict.write is Write.INSERT:
                row = StatusRow(user.id, UserState.NO_PHOTO, checked_at=now, no_photo_since=now)
                changes.append((None, replace(row, upn=user.upn, display_name=user.name)))
            elif verdict.write is Write.VOUCH and seen is not None:
                changes.append((seen, replace(seen.row, checked_at=now)))
        self._write(changes)

    def _write(self, changes: Sequence[_Change]) -> None:
        """Write rows, each over the version that it was read at; who was quicker knows better."""
        for _ in self._threads.map(self._write_one, changes):
            pass

    def _write_one(self, change: _Change) -> None:
        seen, row = change
        try:
            if seen is None:
                self._services.status.insert(row)
            else:
                self._services.status.replace(row, seen.etag)
        except RowChanged:
            _log.debug("the row of %s has been written since", row.user_id)

    def _rehearse(self, message: CheckMessage, found: _Found) -> None:
        """A dry run: the job's items are all that is written."""
        now = self._services.clock.now()
        for user, _, verdict in found.different:
            self._services.runs.record(message.run_id, ItemRow(user.id, verdict.would, now, user.upn, verdict.code))

    def _after(self, failure: Failure, message: CheckMessage) -> None:
        """The whole chunk again later, or not: then its users are the run's failures, until the next sweep."""
        what_follows = self._what_follows(failure, message)
        if isinstance(what_follows, TryAgain):
            self._services.checks.put(message.at_attempt(what_follows.attempts + 1), what_follows.delay)
            tell_deferred(message, failure, what_follows.delay)
            return
        self._note(message, failure)
        plan = CheckPlan(settled=(Outcome.FAILED,) * len(message.users), error_code=str(failure.code))
        self._services.runs.record_chunk(message.run_id, plan.as_chunk(message.key))

    def _what_follows(self, failure: Failure, message: CheckMessage) -> TryAgain | GiveUp:
        jitter = random.random()  # noqa: S311 - spreads retries, hides nothing
        return after_failure(failure, message.attempt - 1, self._services.settings.max_attempts, jitter)

    def _note(self, message: CheckMessage, failure: Failure) -> None:
        """Let the run's row tell of the error; one that is the administrator's to mend ends the run."""

        def with_it(run: RunRow) -> RunRow:
            told = with_error(run, failure)
            return replace(told, state=RunState.FAILED) if failure.code.kind is FailureKind.MEND else told

        self._services.runs.change(message.run_kind, message.run_id, with_it)
        tell_failed(message, failure)


def passing_failure(answer: Answer, now: datetime) -> Failure | None:
    """The failure of one user's request that passes by itself; None when there is none."""
    if answer.status < HTTPStatus.BAD_REQUEST:
        return None
    failure = failure_of(Service.GRAPH, answer, now)
    passing = failure.code in {FailureCode.TOO_MANY_REQUESTS, FailureCode.SERVICE_UNAVAILABLE}
    return failure if passing else None


def _without_asking(message: CheckMessage, rows: dict[CheckedUser, Seen | None]) -> _Found:
    """What needs no answer of Graph: everybody is given to a worker, or whoever has something to be put back."""
    found = _Found()
    for user, seen in rows.items():
        verdict: Verdict = Different("asked for")
        if message.action is Action.RESTORE:
            verdict = restores(seen.row if seen else None, or_clear=message.or_clear)
        if isinstance(verdict, Different):
            found.different.append((user, seen, verdict))
        else:
            found.settled.append((user, seen, verdict))
    return found

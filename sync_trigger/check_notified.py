"""Checks the many users of one notification: twenty photos' versions a request, photo events for those who differ.

A change of a user is seldom one of the photo; so of a burst, such as an import into the directory, little is left to
do. The few who differ are looked at like anybody whom a small notification names, at once. When more than a few of
twenty do, and the notification names more people than a person would change by hand, that is bulk work, and takes its
place in the line like a sweep's.

Everything here may happen twice. What is given up is found by the next sweep.
"""

import logging
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from shared import safety_stop
from shared.after_failure import TryAgain, after_failure
from shared.failures import Failure
from shared.gates import Service
from shared.graph import BatchItem, photo_of
from shared.logs import Happened, tell
from shared.pace import AT_ONCE
from shared.services import Services
from shared.setting_values import RemovedPhoto
from shared.spans import span, worth_sending
from shared.status import RowChanged, Seen, StatusRow
from shared.telemetry import Metric, measure
from shared.words import PhotoEvent, Reason, UserState
from sync_trigger.check_messages import CHUNK
from sync_trigger.check_photos import LINE_TOO_LONG_DELAY, STAY, passing_failure
from sync_trigger.differs import Circumstances, Different, differs_after_notification
from sync_trigger.notified_users import FEW, NotifiedMessage

_CHECK_TIME = timedelta(minutes=3)
_QUEUE_SECONDS = 30.0
_log = logging.getLogger("photosync.notified")


class NotifiedCheck:
    """Handles messages of many notified users; one per process, safe for its threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="notified-rows")

    def handle(self, message: NotifiedMessage) -> None:
        """Check the users, twenty at a time.

        Returns when the message may be deleted. Raises for a bug, or when Storage fails; then the host tries again.
        """
        with span("check", message.traceparent) as told:
            told.attributes |= {"run": "notification", "users": len(message.users)}
            self._handle(message)

    def _handle(self, message: NotifiedMessage) -> None:
        unanswered: list[str] = []
        latest: Failure | None = None
        for start in range(0, len(message.users), CHUNK):
            chunk = message.users[start : start + CHUNK]
            try:
                different, refused = self._compare(chunk)
            except Failure as failure:
                unanswered += message.users[start:]
                latest = failure
                break
            self._give(message, different)
            unanswered += refused
            latest = max((latest, *refused.values()), key=_wait) if refused else latest
        if latest is not None:
            self._again(message, unanswered, latest)

    def _compare(self, users: Sequence[str]) -> tuple[dict[str, Seen | None], dict[str, Failure]]:
        """Whose photo differs, with their rows; and whom Graph did not answer for now. Raises `Failure`."""
        services = self._services
        rows = dict(zip(users, self._threads.map(services.status.get, users), strict=True))
        now = services.clock.now()
        graph = services.graph(services.caller(give_up_at=now + _CHECK_TIME))
        answers = graph.batch([BatchItem(f"/users/{user}/photo") for user in users], urgent=False)
        may_clear = services.settings.removed_photo is RemovedPhoto.CLEAR and not safety_stop.is_set(services.control)
        recovered_at = services.breakers.recovered_at(now)
        different: dict[str, Seen | None] = {}
        refused: dict[str, Failure] = {}
        for user, answer in zip(users, answers, strict=True):
            seen = rows[user]
            if (passing := passing_failure(answer, now)) is not None:
                refused[user] = passing
                continue
            # Another way of making pictures is the sweep's to find: here nothing is known of the user but the id.
            recipe = (seen.row.recipe if seen else None) or ""
            at = Circumstances(now, recipe, may_clear=may_clear, recovered_at=recovered_at)
            try:
                verdict = differs_after_notification(photo_of(answer), seen.row if seen else None, at)
            except Failure as failure:
                verdict = Different(f"Graph refuses: {failure.code}")  # the worker will, and writes it down
            if isinstance(verdict, Different):
                different[user] = seen
        if waits := [failure.retry_after for failure in refused.values() if failure.retry_after]:
            services.gates.close(Service.GRAPH, now + timedelta(seconds=max(waits)))
        return different, refused

    def _give(self, message: NotifiedMessage, different: Mapping[str, Seen | None]) -> None:
        """Photo events for these users: at once when they are few, else each when its turn in the line has come."""
        services, now = self._services, self._services.clock.now()
        few = len(different) <= FEW or len(message.users) <= AT_ONCE
        delays = (timedelta(),) * len(different) if few else services.pace.claim(len(different), now)
        given = dict(zip(different, delays, strict=False))
        events = [
            (PhotoEvent(user_id=user, reason=Reason.NOTIFICATION, bulk=not few, noticed_at=message.noticed_at), delay)
            for user, delay in given.items()
        ]
        services.queue.put_all_later(events, within=_QUEUE_SECONDS)
        if events:
            worth_sending()
            tell(_log, Happened.EVENTS_QUEUED, events=len(events), reason=Reason.NOTIFICATION)
            measure(Metric.PHOTO_EVENTS, len(events), reason=Reason.NOTIFICATION)
        if without_room := [user for user in different if user not in given]:
            services.checks.put(message.rest(without_room, message.attempt), LINE_TOO_LONG_DELAY)
        if not few:
            for user, delay in given.items():
                self._mark(user, different[user], now + delay)

    def _mark(self, user: str, seen: Seen | None, due: datetime) -> None:
        """Let the row say that a photo event is on its way, so that neither a sweep nor a burst puts a second one."""
        try:
            if seen is None:
                self._services.status.insert(StatusRow(user, UserState.PENDING, next_attempt_at=due))
            elif seen.row.lease_owner is None:
                state = seen.row.state if seen.row.state in STAY else UserState.PENDING
                self._services.status.replace(replace(seen.row, state=state, next_attempt_at=due), seen.etag)
        except RowChanged:
            _log.debug("the row of %s has been written since", user)

    def _again(self, message: NotifiedMessage, users: Sequence[str], failure: Failure) -> None:
        """Check these users again later, or leave them to the next sweep."""
        jitter = random.random()  # noqa: S311 - spreads retries, hides nothing
        what_follows = after_failure(failure, message.attempt - 1, self._services.settings.max_attempts, jitter)
        if isinstance(what_follows, TryAgain):
            self._services.checks.put(message.rest(users, what_follows.attempts + 1), what_follows.delay)
            seconds = what_follows.delay.total_seconds()
            tell(_log, Happened.CHECK_DEFERRED, code=failure.code, users=len(users), seconds=round(seconds))
        else:  # they are left to the next sweep
            tell(_log, Happened.CHECK_FAILED, code=failure.code, users=len(users), request_id=failure.request_id)


def _wait(failure: Failure | None) -> float:
    return -1.0 if failure is None else failure.retry_after or 0.0

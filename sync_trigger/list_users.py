"""Lists the users of a run, a page a message, and puts them on the queue of checks in chunks of twenty.

Each message lists one page and puts the message for the next, so memory stays flat however large the tenant is, and a
process that dies loses nothing: its message comes again. How far the listing has come stands in the run's row and moves
on by compare-and-set; so of two deliveries of a page one goes on, and the other ends.

    page n ──▶ check messages ──▶ row: page n+1, next link, carry ──▶ message for page n+1
                (twice: harmless)    (once)                            (again, if nobody knows that it was put)
"""

import logging
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from shared.after_failure import TryAgain, after_failure
from shared.failures import Failure, FailureCode
from shared.graph import Graph, GraphUser
from shared.logs import Happened, tell
from shared.runs import RunKind, RunRow, RunState, Users
from shared.scope import Scope
from shared.services import Services
from shared.spans import span, worth_sending
from shared.words import Action, Reason, UserState
from sync_trigger.check_messages import CHUNK, CheckedUser, CheckMessage, ListMessage, read_users, write_users
from sync_trigger.sweep_record import listing_ended

ROWS_A_PAGE = 500
"""Of the status table, for the runs that take their users from there."""
UNSEEN_AFTER = timedelta(hours=48)
_PAGE_TIME = timedelta(minutes=3)
_QUEUE_SECONDS = 60.0
_log = logging.getLogger("photosync.sweep")


@dataclass(frozen=True)
class Page:
    """One page of a run's users."""

    users: tuple[CheckedUser, ...]
    next_link: str | None
    """None: this was the last page."""


def cut(
    users: Sequence[CheckedUser], *, is_last: bool, size: int
) -> tuple[list[tuple[CheckedUser, ...]], tuple[CheckedUser, ...]]:
    """Full chunks, and those left over for the next page; on the last page nobody is. Pure."""
    end = len(users) if is_last else len(users) - len(users) % size
    return [tuple(users[start : min(start + size, end)]) for start in range(0, end, size)], tuple(users[end:])


class UserLister:
    """Handles messages that ask for a page; one per process, safe for its threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._members = _Members()

    def handle(self, message: ListMessage) -> None:
        """List the page, unless that was done.

        Returns when the message may be deleted. Raises for a bug, or when Storage fails; then the host tries again.
        """
        with span("list", message.traceparent):
            self._handle(message)

    def _handle(self, message: ListMessage) -> None:
        seen = self._services.runs.seen(message.run_kind, message.run_id)
        if seen is None or seen.row.state is not RunState.LISTING:
            return
        run = seen.row
        if run.page != message.page:
            if run.page == message.page + 1:
                self._continue(message.run_kind, run)
            return
        try:
            page = self._page(run)
        except Failure as failure:
            self._after(failure, message)
            return
        self._go_on(message, run, page)

    def _go_on(self, message: ListMessage, run: RunRow, page: Page) -> None:
        """Put the chunks, move the row on, put the message for the next page."""
        is_last = page.next_link is None
        chunks, carry = cut((*read_users(run.carry), *page.users), is_last=is_last, size=CHUNK)
        checks = [_check(message.run_kind, run, run.chunks + number, users) for number, users in enumerate(chunks)]
        self._services.checks.put_all(checks, within=_QUEUE_SECONDS)
        now = self._services.clock.now()

        def move_on(present: RunRow) -> RunRow | None:
            if present.state is not RunState.LISTING or present.page != message.page:
                return None
            return replace(
                present,
                page=present.page + 1,
                link=page.next_link,
                carry=write_users(carry),
                chunks=present.chunks + len(chunks),
                total=present.total + len(page.users),
                progress_at=now,
                state=RunState.RUNNING if is_last else RunState.LISTING,
                listed_at=now if is_last else None,
            )

        listed = self._services.runs.change(message.run_kind, message.run_id, move_on)
        if listed is None:
            return  # somebody else has listed this page, or stopped the run
        if is_last:
            self._end(message.run_kind, listed)
        else:
            self._continue(message.run_kind, listed)

    def _continue(self, kind: RunKind, run: RunRow) -> None:
        """Put the message for the next page, unless that is known to be done: so deliveries never multiply."""
        if run.continued >= run.page:
            return
        self._services.checks.put(ListMessage(run_kind=kind, run_id=run.run_id, action=run.action, page=run.page))
        self._services.runs.change(kind, run.run_id, lambda present: _continued(present, run.page))

    def _end(self, kind: RunKind, run: RunRow) -> None:
        self._members.forget(run.run_id)
        if kind is RunKind.SWEEP:
            listing_ended(self._services.control, run)
        tell(_log, Happened.RUN_LISTED, run=kind, run_id=run.run_id, users=run.total, chunks=run.chunks)

    def _after(self, failure: Failure, message: ListMessage) -> None:
        """Try again when waiting helps; otherwise the run has failed, and says why."""
        services, now = self._services, self._services.clock.now()
        jitter = random.random()  # noqa: S311 - spreads retries, hides nothing
        what_follows = after_failure(failure, message.attempt - 1, services.settings.max_attempts, jitter)
        if isinstance(what_follows, TryAgain):
            delay = what_follows.delay
            services.checks.put(message.at_attempt(what_follows.attempts + 1), delay)
            services.runs.change(message.run_kind, message.run_id, lambda run: replace(run, progress_at=now + delay))
            return
        fail_run(services, message, failure)

    def _page(self, run: RunRow) -> Page:
        match run.users:
            case Users.ALL if run.action is Action.RESTORE:
                # Also those who are out of scope by now: whoever has a row may have a picture of ours.
                return self._page_of_table(run)
            case Users.ALL | Users.GROUP:
                return self._page_of_graph(run)
            case Users.FAILED | Users.UNSEEN | Users.NAMED:
                return self._page_of_table(run)

    def _page_of_graph(self, run: RunRow) -> Page:
        services = self._services
        graph = services.graph(services.caller(give_up_at=services.clock.now() + _PAGE_TIME))
        scope = Scope.of(services.settings)
        listed_group = run.group or scope.group
        found = graph.users_page(run.link, listed_group)
        asked = [group for group in scope.groups if group != listed_group]
        members = {group: self._members.of(run.run_id, group, graph) for group in asked}

        def in_scope(user: GraphUser) -> bool:
            if run.action is Action.RESTORE:
                return True
            member_of = {group for group, ids in members.items() if user.id in ids}
            if listed_group is not None:
                member_of.add(listed_group)
            return scope.why_not(user, frozenset(member_of)) is None

        users = (
            CheckedUser(id=user.id, upn=user.upn, loc=user.data_location, name=user.display_name or None)
            for user in found.users
            if in_scope(user)
        )
        return Page(tuple(users), found.next_link)

    def _page_of_table(self, run: RunRow) -> Page:
        """Rows of the status table; the link is the last object id."""
        status = self._services.status
        if run.users is Users.UNSEEN:
            rows = status.unseen(run.requested_at - UNSEEN_AFTER, run.link, ROWS_A_PAGE)
            wanted = [row for row in rows if not _is_due_later(row.next_attempt_at, self._services.clock.now())]
        else:
            state = None if run.users is Users.ALL else UserState.FAILED
            rows = wanted = status.page(state, run.link, ROWS_A_PAGE)
        users = tuple(CheckedUser(id=row.user_id, upn=row.upn or "") for row in wanted)
        return Page(users, rows[-1].user_id if len(rows) == ROWS_A_PAGE else None)


def _continued(run: RunRow, page: int) -> RunRow | None:
    return replace(run, continued=page) if run.continued < page else None


def fail_run(services: Services, message: ListMessage, failure: Failure) -> None:
    """The run's users cannot be listed: its row says why."""

    def failed(run: RunRow) -> RunRow | None:
        if run.state is not RunState.LISTING:
            return None
        return with_error(replace(run, state=RunState.FAILED), failure)

    services.runs.change(message.run_kind, message.run_id, failed)
    code = failure.code
    worth_sending()
    tell(
        _log,
        Happened.RUN_FAILED,
        run=message.run_kind,
        run_id=message.run_id,
        code=code,
        request_id=failure.request_id or None,
        todo=code.remedy,
    )


def with_error(run: RunRow, failure: Failure) -> RunRow:
    """The run's row with the latest error."""
    return replace(
        run,
        error_code=str(failure.code),
        error_detail=failure.detail or None,
        error_request_id=failure.request_id or None,
    )


def is_unknown_group(failure: Failure) -> bool:
    """Whether the failure of a page says that there is no such group."""
    return failure.code is FailureCode.REQUEST_REFUSED and failure.status == HTTPStatus.NOT_FOUND


def _is_due_later(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment > now


def _check(kind: RunKind, run: RunRow, number: int, users: tuple[CheckedUser, ...]) -> CheckMessage:
    needs_no_answer = run.action is Action.RESTORE or run.users in {Users.FAILED, Users.UNSEEN}
    return CheckMessage(
        run_kind=kind,
        run_id=run.run_id,
        chunk=number,
        reason=Reason.SWEEP if kind is RunKind.SWEEP else Reason.MANUAL,
        users=users,
        job_id=run.run_id if kind is RunKind.JOB else None,
        action=run.action,
        force=run.force,
        or_clear=run.or_clear,
        dry_run=run.dry_run,
        ask=not needs_no_answer,
    )


class _Members:
    """Who is in a group, read once for each run and process, page by page; only ids are kept.

    That is about 100 bytes for each member: 10 MB for a group of 100,000, until the run is listed or another begins.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._run_id = ""
        self._ids: dict[str, frozenset[str]] = {}

    def of(self, run_id: str, group: str, graph: Graph) -> frozenset[str]:
        """The object ids of the group's members, direct or through other groups; raises `Failure`."""
        with self._lock:
            if self._run_id == run_id and group in self._ids:
                return self._ids[group]
        ids: set[str] = set()
        link: str | None = None
        while True:
            page = graph.users_page(link, group)
            ids.update(user.id for user in page.users)
            link = page.next_link
            if link is None:
                break
        with self._lock:
            if self._run_id != run_id:
                self._run_id, self._ids = run_id, {}
            self._ids[group] = frozenset(ids)
            return self._ids[group]

    def forget(self, run_id: str) -> None:
        """The run is listed."""
        with self._lock:
            if self._run_id == run_id:
                self._run_id, self._ids = "", {}

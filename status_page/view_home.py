"""The first view: is all well, who is where, what is going on."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.deliveries import DeliveryRow
from shared.pace import AT_ONCE
from shared.runs import RunKind
from shared.services import Services
from shared.status import StatusRow
from shared.words import UserState
from status_page import actions
from status_page.actions import Action
from status_page.chart_hours import Chart, LastHours, chart_of
from status_page.facts import Facts, gather
from status_page.find_users import SORTABLE, Asked, Sort, find_users, in_order
from status_page.health_line import Finding, Health, health_line
from status_page.runs_told import RunBook, RunTold
from status_page.tally import Tallies

PAGE = 50
FIRST_SECONDS = 0.6
"""So long a view searches before it shows what was found so far."""
_JOBS = 5
_SWEEPS = 3
_DELIVERIES = 8
_ORDER = (
    UserState.IN_STEP,
    UserState.PENDING,
    UserState.COPYING,
    UserState.DEFERRED,
    UserState.FAILED,
    UserState.NO_PHOTO,
    UserState.OUT_OF_SCOPE,
)


@dataclass(frozen=True)
class Counter:
    """One state with its number."""

    state: UserState
    count: int


@dataclass(frozen=True)
class UserList:
    """The people shown, and how to go on."""

    rows: list[StatusRow]
    first: int | None
    """Number of the first one shown, when all are counted."""
    total: int | None
    """How many match; None: too many to count on each view."""
    next_place: str | None
    sortable: bool
    stopped: bool = False
    looked_at: int = 0


@dataclass(frozen=True)
class Home:
    """Everything that the first view shows."""

    now: datetime
    facts: Facts
    health: Health
    counters: list[Counter]
    users: UserList
    jobs: list[RunTold]
    sweeps: list[RunTold]
    deliveries: list[DeliveryRow]
    actions: list[Action]
    people: int
    """In scope, as far as is known: over so many a job for everybody goes."""
    per_minute: int
    """The pace of bulk work."""
    at_once: int
    """So many named users do not stand in its line."""
    chart: Chart
    remedies: dict[str, Action]
    """By the kind of the finding that they are for."""


class HomeView:
    """Gathers the first view; one for a process."""

    def __init__(self, services: Services, book: RunBook) -> None:
        self._services = services
        self._book = book
        self.tallies = Tallies(services.status, services.control, services.clock)
        """How many users are in each state."""
        self.last_hours = LastHours(services.measures, services.clock)
        """What was counted by the hour."""

    def facts(self) -> Facts:
        """The facts behind the first line."""
        return gather(self._services, self.tallies.get())

    def gather(self, state: UserState | None, text: str, sort: Sort, place: str | None, looked_at: int = 0) -> Home:
        """Everything; `looked_at` people were looked at before `place`.

        Raises `ValueError` when `place` is no place in the list, `AzureError` when Storage is away.
        """
        services, facts = self._services, self.facts()
        now = services.clock.now()
        health = health_line(facts, now)
        # With a text, rows of the whole state are looked at.
        expected = facts.tally.of(state) if state else facts.tally.users
        if facts.tally.counting:
            expected = max(expected, SORTABLE + 1)
        jobs = [self._book.tell(RunKind.JOB, run.run_id) for run in services.runs.newest(RunKind.JOB, _JOBS)]
        sweeps = [self._book.tell(RunKind.SWEEP, run.run_id) for run in facts.sweeps[:_SWEEPS]]
        users = list_users(services, state, text, sort, place, expected=expected)
        return Home(
            now=now,
            facts=facts,
            health=health,
            counters=[Counter(member, facts.tally.of(member)) for member in _ORDER],
            users=replace(users, looked_at=users.looked_at + looked_at),
            jobs=[job for job in jobs if job],
            sweeps=[sweep for sweep in sweeps if sweep],
            deliveries=services.deliveries.latest(now, _DELIVERIES),
            actions=_offered(facts),
            people=_in_scope(facts),
            per_minute=services.settings.bulk_copies_per_minute,
            at_once=AT_ONCE,
            chart=chart_of(self.last_hours.get()),
            remedies=_remedies([health.first, *health.others], facts, services.settings.bulk_copies_per_minute),
        )


def list_users(
    services: Services, state: UserState | None, text: str, sort: Sort, place: str | None, *, expected: int
) -> UserList:
    """One page of people: sorted when all of them fit one answer of Table storage, else in the order of their ids.

    `place`: a number when they are sorted, what `StatusTable.scan` takes when not. `expected`: rows to be looked at.
    """
    counted = place is None or place.isdecimal()
    offset = int(place) if place and counted else 0
    sortable = expected <= SORTABLE
    # Whoever searches among many sees what was found so far, rather than wait.
    asked = Asked(state, text, None if counted else place, SORTABLE if sortable else PAGE)
    found = find_users(services.status, asked, seconds=FIRST_SECONDS)
    if found.after is None and counted:
        total, following = len(found.rows), offset + PAGE
        rows = in_order(found.rows, sort)[offset:following]
        more = str(following) if following < total else None
        return UserList(rows, offset + 1 if rows else None, total, more, sortable=True)
    rows = in_order(found.rows[:PAGE], sort) if text else found.rows[:PAGE]
    if len(found.rows) > PAGE:
        return UserList(rows, None, None, found.rows[PAGE - 1].user_id, sortable=False)
    return UserList(rows, None, None, found.after, False, found.stopped, found.looked_at)


def _in_scope(facts: Facts) -> int:
    swept = facts.last_sweep.total if facts.last_sweep else 0
    return max(facts.tally.users - facts.tally.of(UserState.OUT_OF_SCOPE), swept)


def _offered(facts: Facts) -> list[Action]:
    """The buttons that are there whatever was found. While the app is paused no sweep begins, and a job waits."""
    return [actions.resume_app()] if facts.pause is not None else [actions.sweep_now(), actions.pause_app()]


def _remedies(findings: list[Finding], facts: Facts, per_minute: int) -> dict[str, Action]:
    """The button that does what a finding says, where a button can."""
    offered: dict[str, Action] = {"sweep-late": actions.sweep_now(), "paused": actions.resume_app()}
    if facts.stop:
        offered["safety-stop"] = actions.lift_stop(facts.stop.would_remove)
    if facts.unreadable:
        offered["unreadable"] = actions.put_back(facts.unreadable)
    if failed := facts.tally.of(UserState.FAILED):
        offered["failed"] = actions.retry_failed(failed, per_minute)
    return {finding.kind: offered[finding.kind] for finding in findings if finding.kind in offered}

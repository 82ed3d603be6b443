"""What the upkeep does next: in a world of values, whatever happens there, one subscription of ours is kept."""

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.failures import Failure, FailureCode
from shared.graph import Subscription
from shared.subscription_record import SubscriptionHealth, SubscriptionRecord, health
from sync_trigger.lifecycle_events import LifecycleEvent
from sync_trigger.pace_subscription import LIFETIME, Wanted, after_failure, heed, is_due
from sync_trigger.plan_subscription import (
    Answer,
    Blocked,
    Create,
    Delete,
    Look,
    Renew,
    Settled,
    State,
    Step,
    before,
    begin,
    learn,
    next_step,
    settle,
)

START = datetime(2026, 11, 22, tzinfo=UTC)
MOST_STEPS = 30


def wanted(address: int = 0, secret: int = 0) -> Wanted:
    """What settings want that were changed so many times."""
    origin = f"https://app{address}.example/api"
    return Wanted(f"{origin}/notifications", f"{origin}/lifecycle", f"{secret:064d}")


def subscription(name: str, of: Wanted, days: float = 20, **changes: Any) -> Subscription:
    """A subscription at Graph as the app would make it, with changes."""
    made = Subscription(
        name, "users", "updated", of.url, START + timedelta(days=days), of.lifecycle_url, of.client_state_sha256
    )
    return replace(made, **changes)


def remembered(name: str, of: Wanted, days: float = 20) -> SubscriptionRecord:
    """A record of that subscription, not yet to be renewed."""
    return SubscriptionRecord(
        id=name,
        url=of.url,
        client_state_sha256=of.client_state_sha256,
        expires_at=START + timedelta(days=days),
        checked_at=START,
        renewed_at=START,
        next_renewal=START + timedelta(days=1),
    )


W = wanted()
MINE, OTHER = subscription("mine", W), subscription("other", wanted(9), 25)


@pytest.mark.parametrize(
    ("record", "listed", "refused", "step"),
    [
        # Nothing is known of Graph yet.
        (remembered("mine", W), None, False, Look()),
        # Ours is there and does what is wanted.
        (remembered("mine", W), [MINE, OTHER], False, Settled()),
        (remembered("mine", W), [replace(MINE, client_state_sha256=None, lifecycle_url=None)], False, Settled()),
        (replace(remembered("mine", W), next_renewal=START), [MINE], False, Renew("mine", START + LIFETIME)),
        (replace(remembered("mine", W), reauthorize_since=START), [MINE], False, Renew("mine", START + LIFETIME)),
        # The record was lost; what Graph shows decides.
        (SubscriptionRecord(), [subscription("mine", W, 28)], False, Settled()),
        (SubscriptionRecord(), [subscription("mine", W, 28, notification_url=W.url.upper())], False, Settled()),
        (SubscriptionRecord(), [subscription("mine", W, 28, client_state_sha256=None)], True, Delete("mine")),
        (SubscriptionRecord(), [subscription("mine", W, 28, lifecycle_url=None)], True, Delete("mine")),
        # Duplicates: the longest-lived stays.
        (remembered("mine", W), [MINE, subscription("twin", W, 2)], False, Delete("twin")),
        (remembered("mine", W), [MINE, subscription("twin", W, 28)], False, Delete("mine")),
        (remembered("mine", W), [MINE, subscription("twin", W, 28, change_type="deleted")], False, Settled()),
        # There is none.
        (SubscriptionRecord(), [], False, Create(START + LIFETIME)),
        (SubscriptionRecord(), [OTHER], False, Create(START + LIFETIME)),
        (SubscriptionRecord(), [OTHER], True, Blocked(("other",))),
        (SubscriptionRecord(), [], True, Blocked(())),
        # Another address, another secret: a new one is tried first, then what is in its way goes.
        (remembered("old", wanted(1)), [subscription("old", wanted(1))], False, Create(START + LIFETIME)),
        (remembered("old", wanted(1)), [subscription("old", wanted(1)), OTHER], True, Delete("old")),
        (remembered("old", wanted(0, 1)), [subscription("old", wanted(0, 1))], True, Delete("old")),
        (remembered("gone", wanted(1)), [subscription("unknown", wanted(1))], True, Delete("unknown")),
        (remembered("old", wanted(1)), [subscription("old", wanted(1)), MINE], False, Renew("mine", START + LIFETIME)),
    ],
)
def test_what_is_done_next(
    record: SubscriptionRecord, listed: list[Subscription] | None, refused: bool, step: Step
) -> None:
    """One row for each situation."""
    state = replace(begin(record, W), listed=None if listed is None else tuple(listed), refused=refused)
    assert next_step(state, START) == step


def test_a_sweep_is_owed_from_the_moment_that_a_gap_is_known() -> None:
    """Even when nothing can be made in its place, and whatever reason comes later."""
    state = learn(begin(remembered("mine", W), W), Look(), [OTHER], START)
    assert state.record.sweep_owed == "The subscription was gone."
    assert health(state.record, START) is SubscriptionHealth.MISSING
    later = learn(begin(state.record, W), Look(), [], START + timedelta(days=1))
    assert later.record.sweep_owed == "The subscription was gone."


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (remembered("mine", W), None),
        (remembered("mine", W, days=-1), "only after it had ended"),
        (replace(remembered("mine", W), reauthorize_since=START - timedelta(minutes=14)), None),
        (replace(remembered("mine", W), reauthorize_since=START - timedelta(minutes=16)), "to be reauthorized"),
    ],
)
def test_a_late_renewal_owes_a_sweep(record: SubscriptionRecord, reason: str | None) -> None:
    """Renewed after its end, or long after Graph asked to be reauthorized: notifications may have been lost."""
    state = replace(begin(record, W), listed=(MINE,))
    moved = subscription("mine", W, 28)
    owed = learn(state, Renew("mine", moved.expires), moved, START).record.sweep_owed
    assert (owed is None) if reason is None else (reason in (owed or ""))


def test_one_that_is_found_and_renewed_owes_a_sweep() -> None:
    """Nobody remembers since when it was the one that sends."""
    state = learn(begin(SubscriptionRecord(), W), Look(), [MINE], START)
    moved = subscription("mine", W, 28)
    record = learn(state, Renew("mine", moved.expires), moved, START).record
    assert (record.id, record.expires_at) == ("mine", moved.expires)
    assert record.sweep_owed == "The subscription was found to be another than the app had made."


def test_an_answer_that_fits_no_question_is_a_bug() -> None:
    """The plan refuses to learn nonsense."""
    with pytest.raises(TypeError):
        learn(begin(SubscriptionRecord(), W), Delete("x"), HTTPStatus.CONFLICT, START)


@dataclass
class World:
    """Graph, the app's settings and memory, as values."""

    one_only: bool = True
    """Graph refuses a second subscription for the same resource and changes."""
    tells_secrets: bool = True
    """Graph shows the client state."""
    longest: timedelta = LIFETIME
    """What Graph grants at most."""
    now: datetime = START
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    address: int = 0
    secret: int = 0
    down: bool = False
    loses: int = 0
    """So many next answers to a change are lost, though it was done."""
    record: SubscriptionRecord = field(default_factory=SubscriptionRecord)
    sweeps: list[datetime] = field(default_factory=list)
    moved: list[datetime] = field(default_factory=list)
    made: int = 0
    deleted: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> Wanted:
        """What the settings want."""
        return wanted(self.address, self.secret)

    def working(self) -> bool:
        """Whether Graph notifies the app of changes."""
        w = self.wanted
        return any(
            (one.notification_url, one.client_state_sha256) == (w.url, w.client_state_sha256)
            for one in self.living()
            if one.resource == "users"
        )

    def living(self) -> list[Subscription]:
        """Those that have not expired."""
        self.subscriptions = {name: one for name, one in self.subscriptions.items() if one.expires > self.now}
        return list(self.subscriptions.values())

    def put(self, of: Wanted, expires: datetime, **changes: Any) -> Subscription:
        """A new subscription at Graph."""
        self.made += 1
        made = replace(subscription(f"s{self.made}", of, **changes), expires=expires)
        self.subscriptions[made.id] = made
        return made

    def shown(self, one: Subscription) -> Subscription:
        """As Graph shows it."""
        return one if self.tells_secrets else replace(one, client_state_sha256=None)

    def answer(self, step: Step) -> Answer:
        """What Graph answers."""
        if self.down:
            raise Failure(FailureCode.SERVICE_UNAVAILABLE)
        answered = self.do(step)
        if not isinstance(step, Look) and self.loses:
            self.loses -= 1
            raise Failure(FailureCode.SERVICE_UNAVAILABLE)
        return answered

    def do(self, step: Step) -> Answer:
        """Graph does it."""
        match step:
            case Look():
                return [self.shown(one) for one in self.living()]
            case Delete(subscription_id=name):
                self.deleted.append(name)
                del self.subscriptions[name]
                return None
            case Renew(subscription_id=name, expires=expires):
                self.moved.append(self.now)
                self.living()
                if name not in self.subscriptions:
                    return HTTPStatus.NOT_FOUND
                granted = min(expires, self.now + self.longest)
                self.subscriptions[name] = replace(self.subscriptions[name], expires=granted)
                return self.shown(self.subscriptions[name])
            case Create(expires=expires):
                if self.one_only and any(
                    (one.resource, one.change_type) == ("users", "updated") for one in self.living()
                ):
                    return HTTPStatus.CONFLICT
                return self.shown(self.put(self.wanted, min(expires, self.now + self.longest)))
            case Blocked():
                raise Failure(FailureCode.SUBSCRIPTION_REFUSED, status=409)

    def run(self, *, called: bool = False) -> None:
        """One run of the timer, as `ensure_subscription` does it."""
        if not is_due(self.record, self.wanted, self.now, called=called):
            return
        state: State = begin(self.record, self.wanted)
        try:
            for _ in range(MOST_STEPS):
                step = next_step(state, self.now)
                if isinstance(step, Settled):
                    break
                state = before(state, step, self.now)
                if isinstance(step, Create):
                    self.record = state.record
                state = learn(state, step, self.answer(step), self.now)
            else:
                raise AssertionError("the conversation has no end")
        except Failure as failure:
            self.record = after_failure(state.record, failure, self.now)
            return
        self.record = settle(state, self.now)
        if self.record.sweep_owed:
            self.sweeps.append(self.now)
            self.record = replace(self.record, sweep_owed=None)


happenings = st.one_of(
    st.tuples(st.just("time"), st.integers(1, 60 * 24 * 3)),
    st.tuples(st.just("time"), st.sampled_from([5, 10, 60, 60 * 24, 60 * 24 * 30])),
    st.tuples(
        st.sampled_from(
            ["lose", "shorten", "twin", "address", "secret", "down", "up", "forget", "answers lost", "reauthorize"]
        ),
        st.just(0),
    ),
)


def happen(world: World, what: str, minutes: int) -> None:
    """Let one thing happen."""
    match what:
        case "time":
            world.now += timedelta(minutes=minutes)
        case "lose":
            world.subscriptions = {name: one for name, one in world.subscriptions.items() if one.resource != "users"}
        case "shorten":
            soon = world.now + timedelta(hours=1)
            world.subscriptions = {
                name: replace(one, expires=min(one.expires, soon)) if one.resource == "users" else one
                for name, one in world.subscriptions.items()
            }
        case "twin":
            world.put(world.wanted, world.now + timedelta(days=27, hours=12))
        case "address":
            world.address += 1
        case "secret":
            world.secret += 1
        case "down" | "up":
            world.down = what == "down"
        case "forget":
            world.record = SubscriptionRecord()
            world.moved.clear()  # forgotten with it: when it was renewed, and which former addresses were ours
            world.subscriptions = {
                name: one
                for name, one in world.subscriptions.items()
                if one.resource != "users" or one.notification_url == world.wanted.url
            }
        case "answers lost":
            world.loses += 1
        case _:
            world.record = heed(world.record, {LifecycleEvent.REAUTHORIZATION_REQUIRED: world.now})


@settings(max_examples=250, deadline=None)
@given(
    st.lists(happenings, max_size=30),
    st.booleans(),
    st.booleans(),
    st.sampled_from([LIFETIME, timedelta(days=3), timedelta(minutes=45)]),
)
def test_whatever_happens_one_subscription_is_kept(
    story: list[tuple[str, int]], one_only: bool, tells_secrets: bool, longest: timedelta
) -> None:
    """Losses, duplicates, changes of settings, lost answers, lost memory: once Graph works, one subscription serves.

    A subscription of other software is never deleted; renewals are ten minutes apart, or more; what the record says is
    what Graph has.
    """
    world = World(one_only=one_only, tells_secrets=tells_secrets, longest=longest)
    foreign = [
        world.put(wanted(99), START + timedelta(days=9999), resource="users/1"),
        world.put(wanted(), START + timedelta(days=9999), change_type="updated,deleted", resource="groups"),
    ]
    for what, minutes in story:
        happen(world, what, minutes)
        world.run()
    world.down, world.loses = False, 0
    for _ in range(40):  # more than three hours: the longest pause, and the time between two renewals
        world.now += timedelta(minutes=5)
        world.run()
    assert world.working()
    assert {one.id for one in foreign} <= {one.id for one in world.living()}
    assert not {one.id for one in foreign} & set(world.deleted)
    ours = [one for one in world.living() if one not in foreign and one.notification_url == world.wanted.url]
    assert [one.id for one in ours] == [world.record.id]
    assert world.record.expires_at == ours[0].expires
    assert health(world.record, world.now) is SubscriptionHealth.VALID
    assert world.sweeps
    pairs = itertools.pairwise(world.moved)
    assert all(later - sooner >= timedelta(minutes=10) for sooner, later in pairs)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 96), st.integers(1, 26 * 24)), min_size=1, max_size=4),
    st.sampled_from([LIFETIME, timedelta(days=29)]),
)
def test_no_outage_shorter_than_the_margin_lapses(outages: list[tuple[int, int]], longest: timedelta) -> None:
    """Whenever outages of up to 26 days begin and end, with a few hours between, notifications come all the time."""
    world = World(longest=longest)
    world.run()
    asked = len(world.sweeps)
    for calm, outage in outages:
        for world.down, hours in ((False, calm + 1), (True, outage)):
            for _ in range(hours):
                world.now += timedelta(hours=1)
                world.run()
                assert world.working()
    assert len(world.sweeps) == asked


@settings(max_examples=40, deadline=None)
@given(st.integers(28 * 24 + 1, 50 * 24))
def test_after_a_longer_outage_the_first_run_makes_it_again_and_asks_for_a_sweep(hours: int) -> None:
    """An outage beyond the margin: alarmed for weeks before, made again within an hour after, one sweep asked for."""
    world = World()
    world.run()
    world.down = True
    alarmed_with = None
    for _ in range(hours):
        world.now += timedelta(hours=1)
        world.run()
        verdict = health(world.record, world.now)
        assert (verdict is SubscriptionHealth.MISSING) is not world.working()
        if verdict is SubscriptionHealth.ALARM and alarmed_with is None:
            assert world.record.expires_at is not None
            alarmed_with = world.record.expires_at - world.now
    assert alarmed_with is not None
    assert alarmed_with > timedelta(days=25)
    assert not world.working()
    world.down = False
    world.now += timedelta(hours=1)
    world.run()
    assert world.working()
    assert len(world.sweeps) == 2

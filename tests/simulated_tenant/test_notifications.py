"""Notifications reach subscribers by Graph's rules: attempts, back-off, slow and dropped receivers, by the clock."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from simulated_tenant.endpoint_health import Health, Pace
from simulated_tenant.notifications import Mode, Settings
from simulated_tenant.outbound import Sent
from simulated_tenant.state import ChangeKind, Subscription
from tests.simulated_tenant.desk import Desk

URL, LIFECYCLE = "https://app.example/api/n?code=key", "https://app.example/api/l"
ACCEPTED, BUSY, SILENT = Sent(202, "", "", 5), Sent(503, "", "", 5), Sent(None, "", "", 3000, "timeout")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    subscribe(desk)
    return desk


def subscribe(desk: Desk, change_type: str = "updated", user_id: str | None = None, name: str = "s") -> Subscription:
    """A subscription as if it had been created."""
    expires = desk.tenant.now() + timedelta(days=20)
    made = Subscription(name, desk.app.client_id, "", "users", user_id, change_type, URL, LIFECYCLE, "secret", expires)
    desk.tenant.subscriptions[made.id] = made
    return made


def deliver(desk: Desk, *steps: Callable[[], None], settings: Settings | None = None) -> list[dict[str, Any]]:
    """Run the notifier; after each step wait until nothing is due; gives every element that arrived, in order."""

    async def all_steps() -> None:
        if settings is not None:
            desk.notifier.use(settings)
        desk.notifier.start()
        try:
            for step in steps:
                step()
                desk.notifier.wake()
                await asyncio.wait_for(quiet(desk), 10)
        finally:
            await desk.notifier.stop()
            desk.tenant.on_change.clear()

    asyncio.run(all_steps())
    return [element for _, body in desk.receivers.got for element in json.loads(body)["value"]]


def quiet(desk: Desk) -> Awaitable[None]:
    """Until nothing is under way, and nothing is due within a second."""

    async def wait() -> None:
        while desk.notifier.under_way or any(  # noqa: ASYNC110 - the notifier has no event for tests
            letter.due < desk.tenant.now() + timedelta(seconds=1) for letter in desk.notifier.pending
        ):
            await asyncio.sleep(0.005)

    return wait()


def change(desk: Desk, user_id: str = "u", kind: ChangeKind = ChangeKind.PHOTO) -> Callable[[], None]:
    return lambda: desk.tenant.record_change(user_id, kind)


def later(desk: Desk, seconds: float) -> Callable[[], None]:
    def move() -> None:
        desk.tenant.clock_offset += timedelta(seconds=seconds)

    return move


def test_element_has_graphs_members(desk: Desk) -> None:
    """An element names subscription, client state, tenant, resource and user, and nothing of what changed."""
    (element,) = deliver(desk, change(desk))
    assert element["subscriptionId"] == "s"
    assert element["clientState"] == "secret"
    assert element["changeType"] == "updated"
    assert element["tenantId"] == desk.tenant.tenant_id
    assert element["resource"].lower() == "users/u"
    assert element["resourceData"]["id"] == "u"
    assert element["resourceData"]["@odata.type"] == "#Microsoft.Graph.User"


def test_casing_and_ids_vary_the_same_way_every_time(desk: Desk) -> None:
    """Both casings of `users` and missing ids occur, and the same seed gives the same."""

    def form(seed: int) -> list[tuple[str, bool]]:
        desk.receivers.got.clear()
        steps = [change(desk, str(number)) for number in range(20)]
        return [(e["resource"][:5], "id" in e) for e in deliver(desk, *steps, settings=Settings(seed=seed))]

    first = form(7)
    assert {casing for casing, _ in first} == {"users", "Users"}
    assert {present for _, present in first} == {True, False}
    assert form(7) == first


def test_several_changes_may_share_a_post(desk: Desk) -> None:
    """Changes that come together travel in fewer POSTs than there are changes, and none is lost."""

    def many() -> None:
        for number in range(40):
            desk.tenant.record_change(str(number), ChangeKind.UPDATED)

    elements = deliver(desk, many)
    assert sorted(int(element["resourceData"]["id"]) for element in elements) == list(range(40))
    assert len(desk.receivers.got) < 40


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (ChangeKind.CREATED, ["updated"]),
        (ChangeKind.UPDATED, ["updated"]),
        (ChangeKind.SOFT_DELETED, ["updated"]),
        (ChangeKind.PHOTO, ["updated"]),
        (ChangeKind.PURGED, []),
    ],
)
def test_updated_covers_all_but_permanent_deletion(desk: Desk, kind: ChangeKind, told: list[str]) -> None:
    """`updated` is told of creation, update and soft deletion; permanent deletion is `deleted`, for who asked."""
    assert [element["changeType"] for element in deliver(desk, change(desk, kind=kind))] == told
    subscribe(desk, "deleted", name="d")
    desk.receivers.got.clear()
    purged = deliver(desk, change(desk, kind=ChangeKind.PURGED))
    assert [(element["subscriptionId"], element["changeType"]) for element in purged] == [("d", "deleted")]


def test_subscription_to_one_user_hears_of_that_one(desk: Desk) -> None:
    """A subscription to a single user is not told of others."""
    desk.tenant.subscriptions.clear()
    subscribe(desk, user_id="a")
    elements = deliver(desk, change(desk, "a"), change(desk, "b"))
    assert [element["resourceData"]["id"] for element in elements] == ["a"]


def test_refusals_are_retried_with_growing_pauses_for_four_hours(desk: Desk) -> None:
    """A receiver that keeps refusing is asked again after 10, 20, 40 … seconds, and given up after four hours."""
    desk.receivers.answers = [BUSY] * 50
    gaps: list[float] = []

    async def run() -> None:
        desk.notifier.start()
        desk.tenant.record_change("u", ChangeKind.UPDATED)
        while True:
            await asyncio.wait_for(quiet(desk), 10)
            if not desk.notifier.pending:
                break
            gap = (desk.notifier.pending[0].due - desk.tenant.now()).total_seconds()
            gaps.append(round(gap))
            desk.tenant.clock_offset += timedelta(seconds=gap)
            desk.notifier.wake()
        await desk.notifier.stop()

    asyncio.run(run())
    assert gaps == [10 * 2**number for number in range(10)]
    assert desk.notifier.counts.given_up == 1
    assert [delivery.attempt for delivery in desk.tenant.deliveries.all] == list(range(1, 12))


def test_receiver_that_recovers_gets_what_it_missed(desk: Desk) -> None:
    """After a refusal the same element comes again and is accepted once."""
    desk.receivers.answers = [BUSY, ACCEPTED]
    first, second = deliver(desk, change(desk), later(desk, 11))
    assert first == second
    assert [delivery.status for delivery in desk.tenant.deliveries.all] == [503, 202]
    assert desk.notifier.pending == []


def test_modes(desk: Desk) -> None:
    """Off sends nothing, duplicate sends twice, delay waits for the clock, reorder loses nothing."""
    assert deliver(desk, change(desk), settings=Settings(Mode.OFF)) == []
    twice = deliver(desk, change(desk), settings=Settings(Mode.DUPLICATE))
    assert [element["resourceData"]["id"] for element in twice] == ["u", "u"]
    desk.receivers.got.clear()
    assert deliver(desk, change(desk), settings=Settings(Mode.DELAY, 600)) == []
    assert len(deliver(desk, later(desk, 601))) == 1
    desk.receivers.got.clear()

    def many() -> None:
        for number in range(20):
            desk.tenant.record_change(str(number), ChangeKind.UPDATED)

    elements = deliver(desk, many, settings=Settings(Mode.REORDER, 0.2, seed=1))
    order = [int(element["resourceData"]["id"]) for element in elements]
    assert sorted(order) == list(range(20))
    assert order != sorted(order)


def test_slow_receiver_is_delayed_and_slower_one_loses(desk: Desk) -> None:
    """Too many answers over 3 s delay new notifications by ten minutes; too many over 10 s lose them."""
    health = Health()
    desk.notifier.health["s"] = health
    now = desk.tenant.now()
    for number in range(20):
        health.note(now, 3.5 if number < 3 else 0.1)
    assert deliver(desk, change(desk)) == []
    assert health.pace is Pace.SLOW
    assert len(deliver(desk, later(desk, 601))) == 1
    now = desk.tenant.now()
    for number in range(20):
        health.note(now, 10.0 if number < 4 else 0.1)
    desk.receivers.got.clear()
    assert deliver(desk, change(desk), later(desk, 590)) == []
    assert desk.notifier.counts.dropped == 1
    assert len(deliver(desk, later(desk, 700), change(desk))) == 1


def test_timeouts_count_as_slow_answers(desk: Desk) -> None:
    """An attempt that was not answered in time counts against the receiver, and comes again."""
    desk.receivers.answers = [SILENT]
    deliver(desk, change(desk))
    assert next(iter(desk.notifier.health["s"].answers))[1] == 3.0
    assert len(desk.notifier.pending) == 1


@pytest.mark.parametrize(
    ("slow", "very_slow", "answers", "pace"),
    [
        (0, 0, 20, Pace.NORMAL),
        (2, 0, 20, Pace.NORMAL),  # exactly 10 %
        (3, 0, 20, Pace.SLOW),
        (0, 3, 20, Pace.SLOW),  # exactly 15 % are over 10 s, and as such over 3 s too
        (0, 4, 20, Pace.DROP),
        (9, 0, 9, Pace.NORMAL),  # too few to conclude anything
    ],
)
def test_pace_follows_the_shares(slow: int, very_slow: int, answers: int, pace: Pace) -> None:
    """More than 10 % over 3 s is slow, more than 15 % over 10 s is dropped, within ten minutes."""
    desk = Desk()
    health, now = Health(), desk.tenant.now()
    seconds = [3.5] * slow + [10.0] * very_slow
    for value in seconds + [0.1] * (answers - len(seconds)):
        health.note(now, value)
    assert health.pace_at(now) is pace
    assert health.pace_at(now + timedelta(minutes=10, seconds=1)) is Pace.NORMAL


def test_lifecycle_events_go_to_their_own_address(desk: Desk) -> None:
    """A lifecycle notification has no resource, carries the client state, and goes to the lifecycle URL."""

    def send() -> None:
        desk.notifier.lifecycle(desk.tenant.subscriptions["s"], "reauthorizationRequired")

    (element,) = deliver(desk, send)
    assert desk.receivers.got[0][0] == LIFECYCLE
    assert element["lifecycleEvent"] == "reauthorizationRequired"
    assert element["clientState"] == "secret"
    assert "resource" not in element


def test_expired_subscriptions_hear_nothing(desk: Desk) -> None:
    """After its expiry a subscription is silent, and gone."""
    assert deliver(desk, later(desk, 21 * 86400), change(desk)) == []
    assert desk.tenant.subscriptions == {}


def test_control_shows_and_sets_how_notifications_are_sent(desk: Desk) -> None:
    """The control API sets the mode, shows the subscriptions, sends lifecycle events and loses a subscription."""
    assert desk.control("POST", "/notifications", {"mode": "loud"})[0] == 400
    status, body = desk.control("POST", "/notifications", {"mode": "delay", "delaySeconds": 5})
    assert (status, body["mode"], body["delaySeconds"]) == (200, "delay", 5)
    assert [one["id"] for one in body["subscriptions"]] == ["s"]
    assert desk.control("POST", "/notifications/lifecycle", {"event": "missed"}) == (202, {"sent": 1})
    assert desk.control("POST", "/notifications/lifecycle", {"event": "other"})[0] == 400
    assert desk.control("DELETE", "/subscriptions/s")[0] == 200
    assert desk.control("POST", "/notifications/lifecycle", {"event": "missed"})[0] == 404

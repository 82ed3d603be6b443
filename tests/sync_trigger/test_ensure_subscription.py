"""The upkeep of the subscription, on real Storage and a running tenant: made, found, replaced, repaired."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared import subscription_record
from shared.failures import FailureCode
from shared.graph import Graph, Subscription, wire_time
from shared.status import RowChanged
from shared.subscription_record import SubscriptionHealth, SubscriptionRecord
from sync_trigger import lifecycle_events
from sync_trigger.ensure_subscription import ensure_subscription
from sync_trigger.lifecycle_events import LifecycleEvent
from sync_trigger.pace_subscription import addresses
from sync_trigger.receive_notification import Endpoint
from tests.bench import CLIENT_STATE
from tests.sync_trigger.kept_subscription import ELSEWHERE, HERE, NEXT_RUN, Kept
from tests.waiting import eventually

NEW_STATE = "another-client-state-of-the-bench"
AT_ONCE = timedelta()


def made_by_other_software(kept: Kept, change_type: str = "updated") -> Subscription:
    """A subscription that other software of the same app registration made."""
    graph = kept.bench.services.graph(kept.bench.services.caller())
    return graph.create_subscription(
        {
            "changeType": change_type,
            "resource": "users",
            "notificationUrl": f"{ELSEWHERE}/api/notifications",
            "expirationDateTime": wire_time(kept.now + timedelta(days=20)),
            "clientState": CLIENT_STATE,
        }
    )


def ids(kept: Kept) -> list[str]:
    """The app registration's subscriptions."""
    return [one["id"] for one in kept.subscriptions()]


def say(kept: Kept, event: str) -> None:
    """Graph sends a lifecycle event, and the webhook has taken it."""
    before = len(kept.bench.control.deliveries())
    kept.bench.control.lifecycle(event, kept.record.id)
    kept.bench.control.wait_until(lambda control: len(control.deliveries()) > before, what="the delivery")


def test_the_first_run_makes_a_subscription_and_asks_for_a_sweep(kept: Kept) -> None:
    """Both endpoints are validated; Control tells the page everything; the next runs leave Graph alone for an hour."""
    record = kept.run()
    assert sorted(kept.endpoint.handshakes) == ["lifecycle", "notifications"]
    assert ids(kept) == [record.id]
    assert record.url == f"{HERE}/api/notifications"
    assert record.expires_at is not None
    assert record.renewed_at is not None
    assert record.next_renewal is not None
    assert timedelta(days=27) < record.expires_at - kept.now <= timedelta(days=28)
    assert record.next_renewal - record.renewed_at == timedelta(days=1)
    assert (record.failing_since, record.attempts, record.error_code) == (None, 0, None)
    assert kept.health() is SubscriptionHealth.VALID
    assert kept.asked_for_sweep() == "The subscription is the first."
    assert kept.requests() == ["list", "create"]
    for _ in range(11):
        kept.run()
    assert kept.requests() == []
    kept.run()
    assert kept.requests() == ["list"]
    assert kept.asked_for_sweep() is None


def test_the_client_state_is_kept_nowhere(kept: Kept) -> None:
    """Control holds a fingerprint of the secret, never the secret."""
    kept.run()
    row = kept.bench.services.control.get(subscription_record.ROW)
    assert CLIENT_STATE not in str(row)
    assert len(row["clientStateSha256"]) == 64


def test_a_subscription_that_vanished_is_made_again_within_the_hour(kept: Kept) -> None:
    """For users Graph tells nobody; the hourly look finds it, and a sweep finds what was missed."""
    lost = kept.run().id
    kept.asked_for_sweep()
    kept.bench.control.call("DELETE", f"/subscriptions/{lost}")
    for _ in range(12):
        kept.run()
    assert ids(kept) == [kept.record.id]
    assert kept.record.id != lost
    assert kept.asked_for_sweep() == "The subscription was gone."


@pytest.mark.parametrize("deleting", ["ok", "lost", "404"])
def test_another_address_moves_the_subscription(kept: Kept, deleting: str) -> None:
    """The next run after a change of PHOTOSYNC_PUBLIC_URL replaces the one at the former address, which is forgotten.

    However Graph answers when the old one is deleted.
    """
    old = kept.run().id
    kept.asked_for_sweep()
    kept.bench.control.fault("graph.subscriptions.delete", deleting)
    kept.restart(PHOTOSYNC_PUBLIC_URL=ELSEWHERE)
    record = kept.run()
    assert addresses(record) == {f"{ELSEWHERE}/api/notifications"}
    assert ids(kept) == [record.id] != [old]
    assert kept.health() is SubscriptionHealth.VALID
    assert kept.asked_for_sweep() == "The app's address has changed, and with it the subscription."


def test_the_subscription_at_the_former_address_is_known_even_when_the_answer_to_its_making_was_lost(
    kept: Kept,
) -> None:
    """The address is written down before Graph is asked, so what came of it is recognised as ours."""
    kept.bench.control.fault("graph.subscriptions.create", "lost", "503", "503")
    assert kept.run().id is None
    [unknown] = ids(kept)
    kept.restart(PHOTOSYNC_PUBLIC_URL=ELSEWHERE)
    record = kept.run()
    assert ids(kept) == [record.id] != [unknown]
    assert record.url == f"{ELSEWHERE}/api/notifications"


def test_a_process_that_ends_in_the_middle_forgets_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed right after Graph made the subscription: the next process knows it as ours, and that a sweep is owed."""
    make = Graph.create_subscription

    def make_and_end(graph: Graph, wanted: Mapping[str, str]) -> Subscription:
        make(graph, wanted)
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Graph, "create_subscription", make_and_end)
        with pytest.raises(SystemExit):
            kept.run()
    [unknown] = ids(kept)
    kept.restart(PHOTOSYNC_PUBLIC_URL=ELSEWHERE)
    record = kept.run()
    assert ids(kept) == [record.id] != [unknown]
    assert kept.asked_for_sweep() == "The subscription is the first."


def test_a_mended_address_is_tried_at_once(kept: Kept) -> None:
    """However long a wrong address has failed, the next run after the change of settings tries the new one."""
    kept.restart(PHOTOSYNC_PUBLIC_URL="https://wrong.contoso.example")
    for _ in range(24):
        kept.run()
    assert kept.record.error_code == FailureCode.SUBSCRIPTION_REFUSED
    kept.restart(PHOTOSYNC_PUBLIC_URL=HERE)
    assert kept.run().id is not None
    assert kept.health() is SubscriptionHealth.VALID


def test_a_changed_client_state_replaces_the_subscription_while_both_are_accepted(kept: Kept) -> None:
    """The webhook believes the old and the new secret during the change, and no other; the new one is Graph's soon."""
    old = kept.run().id
    kept.asked_for_sweep()
    kept.restart(PHOTOSYNC_CLIENT_STATE=NEW_STATE, PHOTOSYNC_CLIENT_STATE_PREVIOUS=CLIENT_STATE)
    say(kept, "missed")  # by the old subscription, with the old secret
    assert [noted.event for noted in lifecycle_events.read(kept.bench.services.control)] == [LifecycleEvent.MISSED]
    record = kept.run()
    assert ids(kept) == [record.id] != [old]
    assert kept.asked_for_sweep() == "The client state has changed, and with it the subscription."
    say(kept, "missed")  # by the new one
    assert lifecycle_events.read(kept.bench.services.control)
    kept.restart(PHOTOSYNC_CLIENT_STATE_PREVIOUS="")
    kept.run()
    assert ids(kept) == [record.id]
    kept.asked_for_sweep()
    assert not believed(kept, CLIENT_STATE), "the secret before is worth nothing any more"


def believed(kept: Kept, state: str) -> bool:
    """Whether the webhook heeds a lifecycle event with this client state."""
    body = json.dumps({"value": [{"clientState": state, "lifecycleEvent": "missed"}]}).encode()
    assert kept.endpoint.webhook.receive(Endpoint.LIFECYCLE, None, body).status_code == 202
    return bool(lifecycle_events.read(kept.bench.services.control))


def test_other_softwares_subscription_is_never_touched(kept: Kept) -> None:
    """Graph allows no second one: that is told, with the other's id; when it ends, ours is made."""
    other = made_by_other_software(kept)
    for _ in range(8):
        kept.run()
    assert ids(kept) == [other.id]
    assert kept.record.error_code == FailureCode.SUBSCRIPTION_REFUSED
    assert other.id in (kept.record.error_detail or "")
    assert kept.health() is SubscriptionHealth.MISSING
    kept.bench.control.call("DELETE", f"/subscriptions/{other.id}")
    kept.run(timedelta(hours=1))
    assert ids(kept) == [kept.record.id]
    assert kept.health() is SubscriptionHealth.VALID


def test_another_combination_of_other_software_is_no_hindrance(kept: Kept) -> None:
    """A subscription to other changes stays beside ours, also when ours is moved."""
    other = made_by_other_software(kept, "updated,deleted")
    kept.run()
    kept.restart(PHOTOSYNC_PUBLIC_URL=ELSEWHERE)
    record = kept.run()
    assert set(ids(kept)) == {other.id, record.id}


@pytest.mark.parametrize(
    ("operation", "script"),
    [
        ("graph.subscriptions.create", ["lost"]),
        ("graph.subscriptions.create", ["lost", "503", "503"]),
        ("graph.subscriptions.create", ["garbage"]),
        ("graph.subscriptions.list", ["reset", "503", "cut"]),
    ],
)
def test_a_lost_answer_leaves_no_second_subscription(kept: Kept, operation: str, script: list[str]) -> None:
    """Whatever became of the answer, soon there is exactly one subscription, and it is the one remembered."""
    kept.bench.control.fault(operation, *script)
    kept.run()
    kept.run(timedelta(minutes=10))
    assert ids(kept) == [kept.record.id]
    assert kept.health() is SubscriptionHealth.VALID
    assert kept.asked_for_sweep() is not None


def test_a_lost_record_is_no_lost_subscription(kept: Kept) -> None:
    """When Control is emptied, the subscription is found again by its address and client state, and kept."""
    kept.run()
    before = ids(kept)
    kept.bench.services.control.remove(subscription_record.ROW)
    assert [kept.run().id] == before == ids(kept)


def test_a_cold_app_is_given_time(kept: Kept) -> None:
    """Endpoints that do not answer are tried at each run, and told as the administrator's only after half an hour."""
    kept.endpoint.cold = True
    for _ in range(6):
        assert kept.run().error_code == FailureCode.ENDPOINT_NOT_REACHED
    assert kept.requests().count("create") == 6
    record = kept.run()
    assert record.error_code == FailureCode.SUBSCRIPTION_REFUSED
    assert record.attempts == 7
    assert record.error_request_id
    assert "validation request failed" in (record.error_detail or "")
    assert kept.health() is SubscriptionHealth.MISSING
    kept.endpoint.cold = False
    kept.run(timedelta(hours=1))
    assert kept.health() is SubscriptionHealth.VALID
    assert (kept.record.error_code, kept.record.failing_since, kept.record.attempts) == (None, None, 0)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("403:code=Authorization_RequestDenied", FailureCode.NOT_PERMITTED),
        (
            "403:code=Forbidden;message=Maximum number of user subscriptions per tenant",
            FailureCode.SUBSCRIPTION_REFUSED,
        ),
    ],
)
def test_a_refusal_is_told_and_tried_again_at_growing_intervals(kept: Kept, fault: str, code: FailureCode) -> None:
    """A missing permission and an exhausted quota each have their code; Graph is asked hourly in the end."""
    kept.bench.control.fault("graph.subscriptions.create", *[fault] * 20)
    tried = []
    for run in range(1, 49):
        before = kept.record.attempts
        if kept.run().attempts > before:
            tried.append(run * 5)
    assert tried == [5, 10, 20, 40, 80, 140, 200]
    assert kept.record.error_code == code
    kept.bench.control.clear_faults()
    kept.run(timedelta(hours=1))
    assert kept.health() is SubscriptionHealth.VALID


def test_retry_after_is_obeyed_across_runs(kept: Kept) -> None:
    """A run before the time that Graph named does not even ask; the tenant would complain."""
    kept.bench.control.fault("graph.subscriptions.list", "429:Retry-After=900")
    assert kept.run().error_code == FailureCode.TOO_MANY_REQUESTS
    kept.restart()  # another instance knows of it too
    kept.run()
    kept.run()
    assert kept.requests() == ["list"]
    kept.run()
    assert kept.health() is SubscriptionHealth.VALID


def test_a_renewal_that_says_not_found_does_no_harm(kept: Kept) -> None:
    """Graph lists the subscription and denies it by turns: no second one, no loop, and renewed in the end."""
    first = kept.run().id
    kept.bench.control.fault("graph.subscriptions.update", "404")
    kept.run(timedelta(days=1))
    assert ids(kept) == [first]
    kept.run(timedelta(minutes=10))
    kept.run(timedelta(days=1))
    assert ids(kept) == [first] == [kept.record.id]
    assert kept.health() is SubscriptionHealth.VALID
    assert kept.record.expires_at is not None
    assert kept.record.expires_at - kept.now > timedelta(days=27)


def test_renewal_may_ask_the_endpoints_again(kept: Kept) -> None:
    """Where Graph validates at renewal, a cold app delays it, no more."""
    kept.bench.control.notifications(validateOnRenewal=True)
    kept.run()
    kept.endpoint.cold = True
    assert kept.run(timedelta(days=1)).error_code == FailureCode.ENDPOINT_NOT_REACHED
    assert kept.health() is SubscriptionHealth.RETRYING
    kept.endpoint.cold = False
    kept.run()
    assert kept.record.failing_since is not None, "never two renewals within ten minutes, failed ones included"
    kept.run()
    assert kept.health() is SubscriptionHealth.VALID


def test_reauthorization_is_answered_by_renewals_ten_minutes_apart(kept: Kept) -> None:
    """However many events come, Graph gets a renewal at most every ten minutes, and never a reauthorize call."""
    kept.run()
    kept.run(timedelta(hours=2))
    kept.requests()
    before = kept.record.expires_at
    for _ in range(6):
        for _ in range(3):
            say(kept, "reauthorizationRequired")
        kept.run()
    asked = kept.requests()
    assert asked.count("update") == 3
    assert "reauthorize" not in asked
    assert before is not None
    assert kept.record.expires_at is not None
    assert kept.record.expires_at > before
    for _ in range(4):
        kept.run()
    assert kept.requests().count("update") == 1, "one renewal answers all that came in the last minutes"


def test_a_removed_subscription_is_made_again_at_the_next_run(kept: Kept) -> None:
    """subscriptionRemoved: made again, and a sweep."""
    old = kept.run().id
    kept.asked_for_sweep()
    say(kept, "subscriptionRemoved")
    assert ids(kept) == []
    record = kept.run()
    assert ids(kept) == [record.id] != [old]
    assert kept.asked_for_sweep() is not None


def test_missed_asks_for_one_sweep(kept: Kept) -> None:
    """missed: the subscription is looked at and a sweep is asked for, once for what was read."""
    kept.run()
    kept.asked_for_sweep()
    kept.requests()
    say(kept, "missed")
    kept.run()
    assert kept.asked_for_sweep() == "Graph said missed."
    assert kept.requests() == ["list"]
    kept.run()
    assert kept.asked_for_sweep() is None


def test_a_missed_during_an_outage_asks_for_one_sweep_too(kept: Kept) -> None:
    """As long as Graph cannot be asked, the event is not heeded again and again."""
    kept.run()
    kept.asked_for_sweep()
    say(kept, "missed")
    kept.bench.control.fault("graph.subscriptions.list", *["503"] * 30)
    kept.run()
    assert kept.asked_for_sweep() == "Graph said missed."
    kept.run()
    kept.run()
    assert kept.asked_for_sweep() is None
    assert kept.record.attempts == 2


def test_an_unknown_event_is_ignored(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    """What Graph may say one day is accepted and logged; known events in the same POST are kept."""
    elements: list[dict[str, Any]] = [
        {"clientState": CLIENT_STATE, "lifecycleEvent": event}
        for event in ("renamed", "missed", "reauthorizationRequired")
    ]
    body = json.dumps({"value": elements}).encode()
    assert kept.endpoint.webhook.receive(Endpoint.LIFECYCLE, None, body).status_code == 202
    kinds = {noted.event for noted in lifecycle_events.read(kept.bench.services.control)}
    assert kinds == {LifecycleEvent.MISSED, LifecycleEvent.REAUTHORIZATION_REQUIRED}
    assert "renamed" in caplog.text


def test_an_event_that_comes_while_others_are_heeded_stays(kept: Kept) -> None:
    """Only what was read is cleared: the same kind, come again since, waits for the next run."""
    control = kept.bench.services.control
    lifecycle_events.write_down(control, "missed", kept.now)
    lifecycle_events.write_down(control, "subscriptionRemoved", kept.now)
    noted = lifecycle_events.read(control)
    lifecycle_events.write_down(control, "missed", kept.now)
    lifecycle_events.write_down(control, "reauthorizationRequired", kept.now)
    lifecycle_events.clear(control, noted)
    left = {event.event for event in lifecycle_events.read(control)}
    assert left == {LifecycleEvent.MISSED, LifecycleEvent.REAUTHORIZATION_REQUIRED}


def test_runs_at_the_same_time_end_with_one_subscription(kept: Kept) -> None:
    """Four instances look after a new subscription at once: none fails, and soon one subscription is remembered."""
    with ThreadPoolExecutor(4) as instances:
        for run in [instances.submit(ensure_subscription, kept.bench.services) for _ in range(4)]:
            run.result()
    kept.run(NEXT_RUN)
    assert ids(kept) == [kept.record.id]
    assert kept.health() is SubscriptionHealth.VALID
    assert kept.asked_for_sweep() is not None


def test_the_record_is_written_over_what_was_read_only(kept: Kept) -> None:
    """A run that has read an older version of the row cannot write over a newer one."""
    kept.run()
    control = kept.bench.services.control
    record, etag = subscription_record.read(control)
    subscription_record.write(control, record, etag)
    with pytest.raises(RowChanged):
        subscription_record.write(control, SubscriptionRecord(), etag)
    with pytest.raises(RowChanged):
        subscription_record.write(control, SubscriptionRecord(), None)
    assert kept.record == record


def test_somebody_may_ask_for_a_look_at_once(kept: Kept) -> None:
    """Whatever the pace says, an administrator's request is done now."""
    kept.run()
    kept.bench.control.call("DELETE", f"/subscriptions/{kept.record.id}")
    ensure_subscription(kept.bench.services, at_once=True)
    assert ids(kept) == [kept.record.id]


def test_notifications_reach_the_queue_through_the_kept_subscription(kept: Kept) -> None:
    """What the upkeep made is what Graph uses: a changed photo becomes a photo event."""
    kept.run()
    user = kept.bench.person()
    waiting = kept.bench.waiting()
    kept.bench.control.put_photo(user, b"a photo")
    eventually(lambda: kept.bench.waiting() > waiting, what="a photo event")

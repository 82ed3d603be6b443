"""When Graph is asked about the subscription: tables that anyone can check by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.failures import Failure, FailureCode
from shared.subscription_record import SubscriptionRecord, health
from sync_trigger.lifecycle_events import LifecycleEvent
from sync_trigger.pace_subscription import (
    Wanted,
    after_failure,
    after_success,
    heed,
    is_due,
    next_renewal,
    renewal_is_due,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WANTED = Wanted("https://app.example/api/notifications", "https://app.example/api/lifecycle", "f" * 64)
GOOD = SubscriptionRecord(
    id="s",
    url=WANTED.url,
    client_state_sha256=WANTED.client_state_sha256,
    expires_at=NOW + timedelta(days=27, hours=20),
    checked_at=NOW - timedelta(minutes=30),
    renewed_at=NOW - timedelta(hours=4),
    next_renewal=NOW + timedelta(hours=20),
    asked_at=NOW - timedelta(hours=4),
)
FAILING = replace(
    GOOD,
    failing_since=NOW - timedelta(hours=2),
    attempts=3,
    error_code="ServiceUnavailable",
    next_attempt_at=NOW + timedelta(minutes=10),
)


def minutes(count: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("record", "due"),
    [
        (GOOD, False),
        (SubscriptionRecord(), True),
        (replace(GOOD, checked_at=NOW - minutes(60)), True),
        (replace(GOOD, checked_at=NOW + minutes(60)), True),
        (replace(GOOD, checked_at=None), True),
        (replace(GOOD, next_renewal=NOW), True),
        (replace(GOOD, next_renewal=NOW, asked_at=NOW - minutes(9)), False),
        (replace(GOOD, next_renewal=NOW, asked_at=NOW + minutes(60)), True),
        (replace(GOOD, expires_at=NOW), True),
        (replace(GOOD, url="https://old.example/api/notifications"), True),
        (replace(GOOD, client_state_sha256="0" * 64), True),
        (replace(GOOD, sweep_owed="a gap"), True),
        (replace(GOOD, reauthorize_since=NOW - minutes(5)), True),
        (replace(GOOD, reauthorize_since=NOW - minutes(5), asked_at=NOW - minutes(5)), False),
        (FAILING, False),
        (replace(FAILING, next_attempt_at=NOW), True),
        (replace(FAILING, next_attempt_at=NOW + timedelta(days=300)), True),
        (replace(FAILING, url="https://old.example/api/notifications"), True),
        (replace(FAILING, url="https://old.example/api/notifications", urls=WANTED.url), False),
        (replace(FAILING, expires_at=NOW), False),
    ],
)
def test_when_graph_is_asked(record: SubscriptionRecord, due: bool) -> None:
    """Hourly and daily; at once when something is unknown, changed or over; not before the time after a failure."""
    assert is_due(record, WANTED, NOW) is due


def test_a_lifecycle_event_asks_for_a_look_unless_graph_must_be_left_alone() -> None:
    """An event brings the look forward, except while a pause after a failure lasts, which ends with a look anyway."""
    assert is_due(GOOD, WANTED, NOW, called=True)
    assert not is_due(FAILING, WANTED, NOW, called=True)


@pytest.mark.parametrize(
    ("given", "after"),
    [
        (timedelta(days=28), timedelta(days=1)),
        (timedelta(days=3), timedelta(days=1)),
        (timedelta(days=1), timedelta(hours=8)),
        (minutes(45), minutes(15)),
        (timedelta(days=-1), timedelta()),
    ],
)
def test_when_it_is_renewed(given: timedelta, after: timedelta) -> None:
    """Daily; when Graph gives less than three days, after a third of what it gave."""
    assert next_renewal(NOW, NOW + given) == NOW + after


@pytest.mark.parametrize(
    ("came", "answered"), [(minutes(-5), True), (minutes(0), True), (minutes(1), False), (minutes(600), False)]
)
def test_a_renewal_answers_what_graph_asked_before_it(came: timedelta, answered: bool) -> None:
    """The event reauthorizationRequired is remembered until a renewal that is later."""
    assert GOOD.renewed_at is not None
    heeded = heed(GOOD, {LifecycleEvent.REAUTHORIZATION_REQUIRED: GOOD.renewed_at + came})
    assert (heeded.reauthorize_since is None) is answered
    assert renewal_is_due(heeded, NOW) is not answered
    assert heed(GOOD, {LifecycleEvent.MISSED: NOW}) == GOOD


@pytest.mark.parametrize(
    ("failed_before", "failure", "pause"),
    [
        (0, Failure(FailureCode.SERVICE_UNAVAILABLE), 4.5),
        (1, Failure(FailureCode.SERVICE_UNAVAILABLE), 9),
        (2, Failure(FailureCode.NOT_PERMITTED), 18),
        (3, Failure(FailureCode.NOT_PERMITTED), 36),
        (4, Failure(FailureCode.SIGN_IN_FAILED), 59),
        (5000, Failure(FailureCode.SIGN_IN_FAILED), 59),
        (0, Failure(FailureCode.TOO_MANY_REQUESTS, retry_after=1200), 20),
        (4, Failure(FailureCode.TOO_MANY_REQUESTS, retry_after=1200), 59),
        (4, Failure(FailureCode.TOO_MANY_REQUESTS, retry_after=7200), 120),
        (0, Failure(FailureCode.TOO_MANY_REQUESTS, retry_after=1e9), 24 * 60),
        (2, Failure(FailureCode.SUBSCRIPTION_REFUSED, status=400), 4.5),
        (2, Failure(FailureCode.SUBSCRIPTION_REFUSED, status=409), 4.5),
        (2, Failure(FailureCode.SUBSCRIPTION_REFUSED, status=403), 18),
    ],
)
def test_how_long_it_waits_after_a_failure(failed_before: int, failure: Failure, pause: float) -> None:
    """5, 10, 20, 40 minutes, an hour, each a little less; as long as asked; a cold app is tried at each run."""
    record = after_failure(replace(GOOD, attempts=failed_before), failure, NOW)
    assert record.next_attempt_at == NOW + minutes(pause)
    assert (record.attempts, record.failing_since) == (failed_before + 1, NOW)


@pytest.mark.parametrize(
    ("since", "status", "code"),
    [
        (minutes(29), 400, "EndpointNotReached"),
        (minutes(30), 400, "SubscriptionRefused"),
        (minutes(29), 409, "EndpointNotReached"),
        (minutes(0), 403, "SubscriptionRefused"),
    ],
)
def test_when_a_refusal_becomes_the_administrators(since: timedelta, status: int, code: str) -> None:
    """An endpoint that does not answer yet is ours to wait for during half an hour; a quota never is."""
    failing = replace(GOOD, failing_since=NOW - since)
    refused = Failure(FailureCode.SUBSCRIPTION_REFUSED, "detail", "request", status=status)
    record = after_failure(failing, refused, NOW)
    assert (record.error_code, record.error_detail, record.error_request_id) == (code, "detail", "request")


def test_a_failed_renewal_is_no_success_while_the_next_must_wait() -> None:
    """A look that goes well does not end a failure that is about renewing; a renewal does."""
    failed = after_failure(replace(GOOD, next_renewal=NOW, asked_at=NOW), Failure(FailureCode.SERVICE_UNAVAILABLE), NOW)
    assert failed.next_attempt_at == NOW + minutes(10)
    looked = after_success(failed, NOW + minutes(5))
    assert looked.failing_since == NOW
    renewed = after_success(replace(failed, next_renewal=NOW + timedelta(days=1)), NOW + minutes(10))
    assert (renewed.failing_since, renewed.attempts, renewed.error_code) == (None, 0, None)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "valid"),
        ({"checked_at": NOW - timedelta(hours=7)}, "alarm"),
        ({"expires_at": NOW}, "missing"),
        ({"id": None}, "missing"),
        ({"failing_since": NOW - minutes(5), "error_code": "ServiceUnavailable"}, "retrying"),
        ({"failing_since": NOW - timedelta(hours=25), "error_code": "ServiceUnavailable"}, "alarm"),
        ({"failing_since": NOW, "error_code": "ServiceUnavailable", "expires_at": NOW + timedelta(days=2)}, "alarm"),
        ({"failing_since": NOW, "error_code": "NotPermitted"}, "alarm"),
        ({"failing_since": NOW, "error_code": "EndpointNotReached"}, "retrying"),
        ({"failing_since": NOW, "error_code": "a code of a later version"}, "alarm"),
    ],
)
def test_what_the_page_says(changes: dict[str, Any], verdict: str) -> None:
    """An alarm long before the end: what a person must mend at once, everything else after a day."""
    assert health(replace(GOOD, **changes), NOW) == verdict

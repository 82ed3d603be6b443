"""When Graph is asked about the subscription, and when it is renewed. Pure: what is remembered and a moment, no more.

The timer calls every five minutes; most runs read two rows and end. A healthy subscription is looked at every hour,
since for users Graph tells nobody when one is gone, and renewed every day: that leaves nearly four weeks for whatever
goes wrong, proves daily that renewing works, and gives Graph a fresh token, without which it delivers nothing. Failures
are tried again at growing intervals, at least every hour.
Sources: "subscription resource type"; "Reduce missing subscriptions and change notifications".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.failures import Failure, FailureCode
from shared.subscription_record import SubscriptionRecord
from sync_trigger.lifecycle_events import LifecycleEvent

LIFETIME = timedelta(days=28)
"""What is asked for. Graph's longest for users is 29 days (41,760 minutes); the rest is for clocks that differ."""
RENEW_EVERY = timedelta(days=1)
SHARE_OF_LIFE = 3
"""When Graph gives less than is asked, it is renewed after this part of what was given."""
BETWEEN_RENEWALS = timedelta(minutes=10)
"""Graph wants no two renewals, nor a renewal and a reauthorization, within this time."""
LOOK_EVERY = timedelta(minutes=59)
"""Just below the hour, since a timer may be a moment early."""
SHORTEST_PAUSE = timedelta(minutes=4, seconds=30)
"""After a failure: until the timer's next run."""
LONGEST_PAUSE = timedelta(minutes=59)
LONGEST_ASKED = timedelta(days=1)
"""A Retry-After is believed up to this."""
PATIENCE = timedelta(minutes=30)
"""So long an endpoint may fail to answer Graph, or Graph be of two minds, before it is the administrator's to mend."""
ANSWERED_LATE = timedelta(minutes=15)
"""Graph, asking to be reauthorized, pauses delivery when nobody answers; beyond this it may have."""
_PATIENT_STATUSES = {400, 409}


@dataclass(frozen=True)
class Wanted:
    """What the settings want of the subscription. None of it can be changed in one that exists."""

    url: str
    lifecycle_url: str
    client_state_sha256: str


def is_due(record: SubscriptionRecord, wanted: Wanted, now: datetime, *, called: bool = False) -> bool:
    """Whether Graph is to be asked now. `called`: a lifecycle event asks for a look."""
    if wanted.url not in addresses(record):
        return True  # new settings are tried at once
    if record.next_attempt_at is not None and record.next_attempt_at - now <= LONGEST_ASKED:
        return now >= record.next_attempt_at
    return (
        called
        or record.failing_since is not None
        or record.sweep_owed is not None
        or record.expires_at is None
        or now >= record.expires_at
        or not fits(record, wanted)
        or renewal_is_due(record, now)
        or record.checked_at is None
        or not is_recent(record.checked_at, now, LOOK_EVERY)
    )


def addresses(record: SubscriptionRecord) -> frozenset[str]:
    """Every address that a subscription of ours may have."""
    return frozenset((record.urls or "").split()) | ({record.url} if record.url else frozenset())


def fits(record: SubscriptionRecord, wanted: Wanted) -> bool:
    """Whether the remembered subscription was made with what the settings want now."""
    return (record.url, record.client_state_sha256) == (wanted.url, wanted.client_state_sha256)


def is_recent(moment: datetime | None, now: datetime, span: timedelta) -> bool:
    """Whether `moment` is less than `span` ago; one that is yet to come is a clock's error, and is not."""
    return moment is not None and timedelta() <= now - moment < span


def renewal_is_due(record: SubscriptionRecord, now: datetime) -> bool:
    """Whether to renew now: it is time, or Graph asks for it, and the last time is long enough ago."""
    return renewal_is_overdue(record, now) and not is_recent(record.asked_at, now, BETWEEN_RENEWALS)


def renewal_is_overdue(record: SubscriptionRecord, now: datetime) -> bool:
    """Whether it is time to renew, or Graph asks for it, even if it must wait because the last time is too recent."""
    return record.reauthorize_since is not None or record.next_renewal is None or now >= record.next_renewal


def next_renewal(renewed_at: datetime, expires: datetime) -> datetime:
    """When a subscription renewed then, and valid until then, is renewed next: daily, sooner when it is given less."""
    return renewed_at + min(RENEW_EVERY, max(timedelta(), expires - renewed_at) / SHARE_OF_LIFE)


def heed(record: SubscriptionRecord, events: Mapping[LifecycleEvent, datetime]) -> SubscriptionRecord:
    """The record after these events: a reauthorization that no renewal has answered yet is remembered."""
    asked = events.get(LifecycleEvent.REAUTHORIZATION_REQUIRED)
    if asked is None or (record.renewed_at is not None and asked <= record.renewed_at):
        return record
    return replace(record, reauthorize_since=record.reauthorize_since or asked)


def after_failure(record: SubscriptionRecord, failure: Failure, now: datetime) -> SubscriptionRecord:
    """The record after a run that failed: since when, how often, why, and when it is tried again."""
    since = record.failing_since or now
    patient = (
        failure.code is FailureCode.SUBSCRIPTION_REFUSED
        and failure.status in _PATIENT_STATUSES
        and now - since < PATIENCE
    )
    again = now + (SHORTEST_PAUSE if patient else _pause(record.attempts, failure))
    if record.asked_at is not None and is_recent(record.asked_at, now, BETWEEN_RENEWALS):
        again = max(again, record.asked_at + BETWEEN_RENEWALS)
    return replace(
        record,
        failing_since=since,
        attempts=record.attempts + 1,
        next_attempt_at=again,
        error_code=str(FailureCode.ENDPOINT_NOT_REACHED if patient else failure.code),
        error_detail=failure.detail or None,
        error_request_id=failure.request_id or None,
    )


def _pause(failed_before: int, failure: Failure) -> timedelta:
    """5, 10, 20, 40 minutes, then an hour, each a little less; never shorter than Microsoft asks."""
    growing = min(SHORTEST_PAUSE * (1 << min(failed_before, 8)), LONGEST_PAUSE)
    asked = timedelta(seconds=failure.retry_after or 0.0)
    return max(growing, min(asked, LONGEST_ASKED))


def after_success(record: SubscriptionRecord, now: datetime) -> SubscriptionRecord:
    """The record after a run that found, or brought about, what is wanted.

    When a renewal failed, and the next must wait for being too close to it, the failure is not over.
    """
    if record.failing_since is not None and renewal_is_overdue(record, now):
        return replace(record, checked_at=now)
    return replace(
        record,
        checked_at=now,
        failing_since=None,
        attempts=0,
        next_attempt_at=None,
        error_code=None,
        error_detail=None,
        error_request_id=None,
    )

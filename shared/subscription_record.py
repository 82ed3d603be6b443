"""What the app remembers of Graph's subscription: one row of Control, written by the upkeep, shown on the page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.control import Control
from shared.failures import FailureCode, FailureKind
from shared.rows import from_entity, to_entity
from shared.told import Told

ROW = "subscription"
ALARM_AFTER = timedelta(days=1)
"""Failing for so long is for a person to see, whatever the reason."""
ALARM_BEFORE_END = timedelta(days=3)
"""Failing this shortly before the end is, too."""
UNSEEN_AFTER = timedelta(hours=6)
"""The upkeep looks every hour. When it has not for so long, it does not run."""


class SubscriptionHealth(Told):
    """How the subscription does."""

    VALID = "valid", "Graph notifies the app of changes, and the subscription is renewed by itself."
    RETRYING = "retrying", "The subscription is valid. Looking after it failed, and is tried again by itself."
    ALARM = "alarm", "The subscription is still valid, but will end unless what is wrong is mended."
    MISSING = "missing", "There is no valid subscription: no notification comes; the sweep still finds every change."


@dataclass(frozen=True)
class SubscriptionRecord:
    """The row. A record of which every field is None or 0 is that of an app that has never run."""

    id: str | None = None
    """Graph's id of our subscription."""
    url: str | None = None
    """Where it sends notifications."""
    client_state_sha256: str | None = None
    """Fingerprint of the client state that it was made with."""
    expires_at: datetime | None = None
    """As Graph said last."""
    checked_at: datetime | None = None
    """When all was last found, or made, as it should be."""
    renewed_at: datetime | None = None
    """When the expiry was last moved; of a new subscription, when it was made."""
    next_renewal: datetime | None = None
    asked_at: datetime | None = None
    """When a renewal was last asked for, whether or not Graph did it."""
    reauthorize_since: datetime | None = None
    """When Graph asked to be reauthorized, as long as it was not."""
    urls: str | None = None
    """Addresses that subscriptions of ours may still have, one a line."""
    sweep_owed: str | None = None
    """Why a sweep is to be asked for as soon as notifications come again."""
    failing_since: datetime | None = None
    attempts: int = 0
    """Runs in a row that failed."""
    next_attempt_at: datetime | None = None
    error_code: str | None = None
    error_detail: str | None = None
    error_request_id: str | None = None


def read(control: Control) -> tuple[SubscriptionRecord, str | None]:
    """The record and its version; None when nothing was recorded yet."""
    seen = control.seen(ROW)
    return (SubscriptionRecord(), None) if seen is None else (from_entity(SubscriptionRecord, seen.values), seen.etag)


def write(control: Control, record: SubscriptionRecord, etag: str | None) -> str:
    """Write the record over that version; gives the new one. Raises `RowChanged` when somebody else has written."""
    entity = to_entity(record, "", "")
    return control.replace(ROW, {name: value for name, value in entity.items() if name not in _KEYS}, etag)


_KEYS = {"PartitionKey", "RowKey"}


def health(record: SubscriptionRecord, now: datetime) -> SubscriptionHealth:
    """How the subscription does at this moment. Pure."""
    if record.id is None or record.expires_at is None or record.expires_at <= now:
        return SubscriptionHealth.MISSING
    if record.failing_since is None:
        unseen = record.checked_at is None or now - record.checked_at > UNSEEN_AFTER
        return SubscriptionHealth.ALARM if unseen else SubscriptionHealth.VALID
    theirs = FailureCode.read(record.error_code or "").kind is not FailureKind.WAIT
    long = now - record.failing_since >= ALARM_AFTER
    late = record.expires_at - now <= ALARM_BEFORE_END
    return SubscriptionHealth.ALARM if theirs or long or late else SubscriptionHealth.RETRYING

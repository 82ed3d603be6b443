"""What to do next so that exactly one subscription of ours sends notifications to where we listen. Pure.

A run is a conversation: `next_step` says what to ask of Graph, `learn` takes in what Graph answered, until `next_step`
says `Settled`. Graph allows one subscription for the same resource and changes (409), and lets nothing but the expiry
be changed. So one at a former address, or with a former client state, is replaced: the new one is tried first, and only
when the old one is in its way is that deleted first. Subscriptions that are not ours are never touched.
Sources: "subscription resource type"; "Create subscription"; "Update subscription".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from shared.graph import Subscription, wire_time
from shared.subscription_record import SubscriptionRecord
from sync_trigger.pace_subscription import (
    ANSWERED_LATE,
    LIFETIME,
    Wanted,
    addresses,
    after_success,
    fits,
    next_renewal,
    renewal_is_due,
)

RESOURCE = "users"
CHANGE_TYPE = "updated"
"""Covers creation and soft deletion too; a permanent deletion changes no picture."""


@dataclass(frozen=True)
class Look:
    """List all subscriptions of the app registration."""


@dataclass(frozen=True)
class Renew:
    """Move the expiry of this one."""

    subscription_id: str
    expires: datetime


@dataclass(frozen=True)
class Create:
    """Make a new one."""

    expires: datetime


@dataclass(frozen=True)
class Delete:
    """Delete this one, which is ours and not needed."""

    subscription_id: str


@dataclass(frozen=True)
class Blocked:
    """Graph refuses a new one because of another, and none of ours is in the way."""

    others: tuple[str, ...]
    """Ids of subscriptions that may be what is in the way."""


@dataclass(frozen=True)
class Settled:
    """There is nothing to do."""


Step = Look | Renew | Create | Delete | Blocked
Answer = Sequence[Subscription] | Subscription | HTTPStatus | None
"""What Graph said: the list to `Look`; the subscription, or 404 or 409, to `Renew` and `Create`; None to `Delete`."""


@dataclass(frozen=True)
class State:
    """What a run knows."""

    wanted: Wanted
    record: SubscriptionRecord
    listed: tuple[Subscription, ...] | None = None
    """The app registration's subscriptions; None when they must be looked at first."""
    refused: bool = False
    """Graph would not make a new one since another exists, and nothing was deleted since."""

    @property
    def ours(self) -> list[Subscription]:
        """Those that this app made; others of the same app registration belong to other software."""
        return [one for one in self.listed or () if _is_ours(one, self.record)]

    @property
    def serving(self) -> list[Subscription]:
        """Those of ours that do what is wanted, the longest-lived first."""
        fitting = [one for one in self.ours if _serves(one, self.record, self.wanted)]
        return sorted(fitting, key=lambda one: (one.expires, one.id), reverse=True)


def begin(record: SubscriptionRecord, wanted: Wanted) -> State:
    """The state at the start of a run. The wanted address is remembered from here on, however the run ends."""
    return State(wanted, replace(record, urls="\n".join(sorted(addresses(record) | {wanted.url}))))


def next_step(state: State, now: datetime) -> Step | Settled:
    """What to do next."""
    if state.listed is None:
        return Look()
    if serving := state.serving:
        best = serving[0]
        adopted = _adopted(state.record, best, state.wanted)
        if renewal_is_due(adopted, now):
            return Renew(best.id, now + LIFETIME)
        needless = [one for one in state.ours if one.id != best.id]
        return Delete(needless[0].id) if needless else Settled()
    if not state.refused:
        return Create(now + LIFETIME)
    if in_the_way := state.ours:
        return Delete(in_the_way[0].id)
    return Blocked(tuple(one.id for one in state.listed if _same_combination(one)))


def before(state: State, step: Step, now: datetime) -> State:
    """The state just before the step is done: what must be remembered even if its answer never comes."""
    match step:
        case Renew():
            return replace(state, record=replace(state.record, asked_at=now))
        case Create():
            owed = state.record.sweep_owed or _why_new(state)
            return replace(state, record=replace(state.record, sweep_owed=owed))
        case _:
            return state


def learn(state: State, step: Step, answer: Answer, now: datetime) -> State:
    """The state after the step."""
    match step, answer:
        case Look(), [*listed]:
            known = replace(state, listed=tuple(listed))
            lost = state.record.id is not None and state.record.id not in {one.id for one in listed}
            return _lost(known, str(state.record.id), now) if lost else known
        case Create(), Subscription() as made:
            record = _created(state.record, made, state.wanted, now)
            return replace(state, record=record, listed=(*(state.listed or ()), made), refused=False)
        case Create(), HTTPStatus.CONFLICT:
            return replace(state, listed=None, refused=True)
        case Renew(), Subscription() as moved:
            others = [one for one in state.listed or () if one.id != moved.id]
            return replace(state, record=_renewed(state, moved, now), listed=(*others, moved))
        case Renew(subscription_id=gone), HTTPStatus.NOT_FOUND:
            return _lost(state, gone, now)
        case Delete(subscription_id=gone), None:
            return replace(_lost(state, gone, now), refused=False)
        case _:
            raise TypeError(f"{type(answer).__name__} is no answer to {type(step).__name__}")


def settle(state: State, now: datetime) -> SubscriptionRecord:
    """The record at the end of a run that came to `Settled`."""
    record = _adopted(state.record, state.serving[0], state.wanted)
    return after_success(replace(record, urls=None), now)


def _is_ours(found: Subscription, record: SubscriptionRecord) -> bool:
    return _same_combination(found) and (
        found.id == record.id or found.notification_url.lower() in {url.lower() for url in addresses(record)}
    )


def _same_combination(found: Subscription) -> bool:
    return (found.resource.strip("/").lower(), found.change_type.strip().lower()) == (RESOURCE, CHANGE_TYPE)


def _serves(found: Subscription, record: SubscriptionRecord, wanted: Wanted) -> bool:
    """Whether it does what is wanted.

    Of the one that is remembered we know what it was made with, whatever Graph shows of it; it may well hide the client
    state. Any other must show everything: one with an unknown client state would be refused by our own webhook.
    """
    if found.id == record.id:
        return fits(record, wanted)
    return (
        found.notification_url.lower() == wanted.url.lower()
        and (found.lifecycle_url or "").lower() == wanted.lifecycle_url.lower()
        and found.client_state_sha256 == wanted.client_state_sha256
    )


def _adopted(record: SubscriptionRecord, found: Subscription, wanted: Wanted) -> SubscriptionRecord:
    """The record with this subscription as ours; one that was not remembered counts as renewed when its end tells."""
    if found.id == record.id:
        if found.expires == record.expires_at:
            return record
        renewed = record.renewed_at or found.expires - LIFETIME
        return replace(record, expires_at=found.expires, next_renewal=next_renewal(renewed, found.expires))
    renewed = found.expires - LIFETIME
    return replace(
        record,
        id=found.id,
        url=wanted.url,
        client_state_sha256=wanted.client_state_sha256,
        expires_at=found.expires,
        renewed_at=renewed,
        next_renewal=next_renewal(renewed, found.expires),
        sweep_owed=record.sweep_owed or "The subscription was found to be another than the app had made.",
    )


def _created(record: SubscriptionRecord, made: Subscription, wanted: Wanted, now: datetime) -> SubscriptionRecord:
    return replace(
        record,
        id=made.id,
        url=wanted.url,
        client_state_sha256=wanted.client_state_sha256,
        expires_at=made.expires,
        renewed_at=now,
        asked_at=now,
        next_renewal=next_renewal(now, made.expires),
        reauthorize_since=None,
    )


def _renewed(state: State, moved: Subscription, now: datetime) -> SubscriptionRecord:
    record = state.record
    adopted = _adopted(record, moved, state.wanted)
    owed = adopted.sweep_owed
    if record.expires_at is not None and record.expires_at <= now:
        owed = owed or f"The subscription was renewed only after it had ended at {wire_time(record.expires_at)}."
    if record.reauthorize_since is not None and now - record.reauthorize_since > ANSWERED_LATE:
        owed = owed or f"Graph had waited since {wire_time(record.reauthorize_since)} to be reauthorized."
    return replace(
        adopted,
        renewed_at=now,
        next_renewal=next_renewal(now, moved.expires),
        reauthorize_since=None,
        sweep_owed=owed,
    )


def _lost(state: State, gone: str, now: datetime) -> State:
    """The state without that subscription; when it was the remembered one, a sweep is owed."""
    left = tuple(one for one in state.listed or () if one.id != gone)
    record = state.record
    if record.id == gone:
        owed = record.sweep_owed or _why_lost(state, now)
        record = replace(
            record,
            id=None,
            expires_at=None,
            renewed_at=None,
            next_renewal=None,
            reauthorize_since=None,
            sweep_owed=owed,
        )
    return replace(state, record=record, listed=left)


def _why_lost(state: State, now: datetime) -> str:
    """Why the remembered subscription is no more, in words for the administrator."""
    record = state.record
    if record.expires_at is not None and record.expires_at <= now:
        return f"The subscription had ended at {wire_time(record.expires_at)}."
    return "The subscription was gone." if fits(record, state.wanted) else _why_new(state)


def _why_new(state: State) -> str:
    """Why there has to be a new subscription, and with it a sweep."""
    record = state.record
    if record.url is None:
        return "The subscription is the first."
    if record.url != state.wanted.url:
        return "The app's address has changed, and with it the subscription."
    return "The client state has changed, and with it the subscription."

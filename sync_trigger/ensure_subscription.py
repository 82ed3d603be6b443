"""Keeping Graph's subscription to user changes alive: a timer's run.

What to do, and when, is decided in `plan_subscription` and `pace_subscription`; here it is done. Whatever goes wrong is
written down, logged, and tried again by a later run.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from shared import subscription_record
from shared.control import Control
from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.graph import Graph, Subscription, fingerprint, wire_time
from shared.logs import Happened, tell
from shared.services import Services
from shared.settings import Settings
from shared.spans import span, worth_sending
from shared.status import RowChanged
from shared.subscription_record import SubscriptionHealth, SubscriptionRecord
from shared.sweep_wanted import ask_for_sweep
from sync_trigger import lifecycle_events
from sync_trigger.lifecycle_events import LifecycleEvent
from sync_trigger.pace_subscription import Wanted, after_failure, heed, is_due
from sync_trigger.plan_subscription import (
    CHANGE_TYPE,
    RESOURCE,
    Answer,
    Blocked,
    Create,
    Delete,
    Look,
    Renew,
    Settled,
    Step,
    before,
    begin,
    learn,
    next_step,
    settle,
)

MOST_STEPS = 30
"""Requests of one run. Three are usual; more duplicates than this are for the next run."""
_SWEEP_AFTER = {LifecycleEvent.SUBSCRIPTION_REMOVED, LifecycleEvent.MISSED}
_log = logging.getLogger("photosync.subscription")


@span("subscription")
def ensure_subscription(services: Services, *, at_once: bool = False) -> None:
    """See to it that Graph notifies us. `at_once`: somebody asks for it, whatever the pace says.

    Raises:
        AzureError: when Storage fails; nothing is lost by it.
    """
    try:
        _Upkeep(services).run(at_once=at_once)
    except RowChanged:
        tell(_log, Happened.SUBSCRIPTION_BUSY)


def wanted_of(settings: Settings) -> Wanted:
    """What the settings want. There is no key in the addresses: the client state is what we trust."""
    return Wanted(
        url=f"{settings.public_url}/api/notifications",
        lifecycle_url=f"{settings.public_url}/api/lifecycle",
        client_state_sha256=fingerprint(settings.client_state.get_secret_value()),
    )


class _Upkeep:
    """One run."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._control: Control = services.control
        self._wanted = wanted_of(services.settings)
        self._record, self._etag = subscription_record.read(self._control)
        self._state = begin(self._record, self._wanted)

    def run(self, *, at_once: bool) -> None:
        """Heed what Graph has said; when it is time, bring about what is wanted; write down how that went."""
        called = self._heed_events()
        if not (at_once or is_due(self._record, self._wanted, self._now(), called=called)):
            return
        self._state = begin(self._record, self._wanted)
        try:
            self._converse(self._services.graph(self._services.caller()))
        except Failure as failure:
            self._write(after_failure(self._state.record, failure, self._now()))
            self._tell(failure)
        else:
            self._finish(settle(self._state, self._now()))

    def _converse(self, graph: Graph) -> None:
        """Ask and learn until nothing is left to do."""
        for _ in range(MOST_STEPS):
            step = next_step(self._state, self._now())
            if isinstance(step, Settled):
                return
            self._state = before(self._state, step, self._now())
            if isinstance(step, Create):  # should its answer be lost, the next run knows what it may find
                self._write(self._state.record)
            self._state = learn(self._state, step, self._do(graph, step), self._now())
        raise Failure(FailureCode.SUBSCRIPTION_REFUSED, f"not settled after {MOST_STEPS} requests")

    def _heed_events(self) -> bool:
        """Take over what the webhook wrote down; whether that asks for a look at Graph.

        The events are cleared only when everything that follows from them is in Storage.
        """
        noted = lifecycle_events.read(self._control)
        if not noted:
            return False
        kinds = {event.event: event.at for event in noted}
        tell(_log, Happened.LIFECYCLE_EVENTS, kinds=",".join(sorted(kinds)))
        if lost := sorted(_SWEEP_AFTER & kinds.keys()):
            ask_for_sweep(self._control, f"Graph said {' and '.join(lost)}.", self._now())
        heeded = heed(self._record, kinds)
        if heeded != self._record:
            self._write(heeded)
        lifecycle_events.clear(self._control, noted)
        return bool(lost)

    def _do(self, graph: Graph, step: Step) -> Answer:
        """Do one step; 404 and 409 are answers where the plan knows what to do about them."""
        match step:
            case Look():
                return graph.subscriptions()
            case Delete(subscription_id=needless):
                tell(_log, Happened.SUBSCRIPTION_DELETED, subscription=needless)
                graph.delete_subscription(needless)
                return None
            case Renew(subscription_id=ours, expires=expires):
                return _unless(HTTPStatus.NOT_FOUND, lambda: graph.renew_subscription(ours, expires))
            case Create(expires=expires):
                asked = _properties(self._services.settings, self._wanted, expires)
                return _unless(HTTPStatus.CONFLICT, lambda: graph.create_subscription(asked))
            case Blocked(others=others):
                detail = f"HTTP 409: in the way is {', '.join(others) or 'a subscription that Graph does not list'}"
                raise Failure(
                    FailureCode.SUBSCRIPTION_REFUSED, detail, service=Service.GRAPH, status=HTTPStatus.CONFLICT
                )

    def _finish(self, record: SubscriptionRecord) -> None:
        """Write down that all is well. A sweep that is owed is asked for first, lest an end in between forget it."""
        if record.sweep_owed is not None:
            ask_for_sweep(self._control, record.sweep_owed, self._now())
            tell(_log, Happened.SWEEP_ASKED_FOR, why=record.sweep_owed)
            record = replace(record, sweep_owed=None)
        if record.expires_at != self._record.expires_at and record.expires_at is not None:
            worth_sending()
            tell(_log, Happened.SUBSCRIPTION_VALID, subscription=record.id, until=wire_time(record.expires_at))
        self._write(record)

    def _tell(self, failure: Failure) -> None:
        record = self._record
        health = subscription_record.health(record, self._now())
        level = logging.WARNING if health is SubscriptionHealth.RETRYING else logging.ERROR
        worth_sending()
        tell(
            _log,
            Happened.SUBSCRIPTION_TROUBLE,
            level=level,
            health=health,
            until=wire_time(record.expires_at) if record.expires_at else None,
            code=failure.code,
            request_id=failure.request_id or None,
            todo=failure.code.remedy,
        )

    def _write(self, record: SubscriptionRecord) -> None:
        self._etag = subscription_record.write(self._control, record, self._etag)
        self._record = record

    def _now(self) -> datetime:
        return self._services.clock.now()


def _unless(status: HTTPStatus, do: Callable[[], Subscription]) -> Answer:
    """What `do` returns; the status, when it fails with that one."""
    try:
        return do()
    except Failure as failure:
        if failure.status != status:
            raise
        return status


def _properties(settings: Settings, wanted: Wanted, expires: datetime) -> dict[str, str]:
    return {
        "changeType": CHANGE_TYPE,
        "resource": RESOURCE,
        "notificationUrl": wanted.url,
        "lifecycleNotificationUrl": wanted.lifecycle_url,
        "expirationDateTime": wire_time(expires),
        "clientState": settings.client_state.get_secret_value(),
        "latestSupportedTlsVersion": "v1_2",
    }

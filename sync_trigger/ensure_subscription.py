"""Keeping Graph's subscription to user changes alive.

A timer calls this often; most calls read one table row and end. Graph is asked when the row says that the subscription
is unknown, belongs to another address, nears its end or was not seen for an hour: for users Graph tells nobody when a
subscription is gone. Sources: "subscription resource type"; "Create subscription"; "Reduce missing subscriptions and
change notifications".
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from shared.failures import Failure, FailureCode
from shared.graph import Graph, Subscription, wire_time
from shared.services import Services
from shared.settings import Settings

ROW = "subscription"
RESOURCE = "users"
CHANGE_TYPE = "updated"
"""Covers creation and soft deletion too; a permanent deletion changes no picture."""
LIFETIME = timedelta(minutes=41_760) - timedelta(hours=1)
"""Graph's longest for users, less an hour: our clock may differ from Graph's."""
RENEW_BEFORE = timedelta(days=14)
"""So long before its end it is renewed, which leaves a fortnight of failures before anything is lost."""
LOOK_AGAIN_AFTER = timedelta(hours=1)
_log = logging.getLogger("photosync.subscription")


@dataclass(frozen=True)
class Known:
    """What the Control row says of the subscription."""

    notification_url: str | None = None
    expires: datetime | None = None
    checked: datetime | None = None
    attention: bool = False
    """A lifecycle notification came since."""


def is_due(known: Known, wanted_url: str, now: datetime) -> bool:
    """Whether Graph is to be asked. Pure."""
    return (
        known.attention
        or known.expires is None
        or known.checked is None
        or known.notification_url != wanted_url
        or known.expires - now <= RENEW_BEFORE
        or now - known.checked >= LOOK_AGAIN_AFTER
    )


def ours(subscriptions: Sequence[Subscription], url: str) -> Subscription | None:
    """The subscription that serves our address, the one that lives longest. Pure."""
    fitting = [
        subscription
        for subscription in subscriptions
        if subscription.notification_url == url
        and subscription.resource.strip("/").lower() == RESOURCE
        and subscription.change_type.lower() == CHANGE_TYPE
    ]
    return max(fitting, key=lambda subscription: subscription.expires, default=None)


def ensure_subscription(services: Services) -> None:
    """See to it that Graph notifies us; what goes wrong is written down, logged, and tried again at the next call."""
    settings, now = services.settings, services.clock.now()
    url = notification_url(settings)
    row = services.control.get(ROW)
    lifecycle = services.control.get("lifecycle")
    known = Known(
        notification_url=row.get("notificationUrl"),
        expires=row.get("expiresAt"),
        checked=row.get("checkedAt"),
        attention=bool(lifecycle),
    )
    if not is_due(known, url, now):
        return
    try:
        subscription = _find_or_make(services.graph(services.caller()), settings, now, force_renewal=known.attention)
    except Failure as failure:
        _log.error("the subscription is not looked after: %s", failure)
        wrong = {"errorCode": str(failure.code), "errorDetail": failure.detail, "errorRequestId": failure.request_id}
        services.control.put(ROW, row | wrong | {"failedAt": now})
        return
    if lifecycle:
        services.control.remove("lifecycle")
    entry: dict[str, Any] = {
        "subscriptionId": subscription.id,
        "notificationUrl": url,
        "expiresAt": subscription.expires,
        "checkedAt": now,
    }
    services.control.put(ROW, entry)
    _log.info("the subscription %s is valid until %s", subscription.id, wire_time(subscription.expires))


def notification_url(settings: Settings) -> str:
    """Where Graph posts notifications. There is no key in it: the client state is what we trust."""
    return f"{settings.public_url}/api/notifications"


def _find_or_make(graph: Graph, settings: Settings, now: datetime, *, force_renewal: bool) -> Subscription:
    """Our subscription, renewed or created as need be."""
    found = ours(graph.subscriptions(), notification_url(settings))
    if found is not None:
        if found.expires - now > RENEW_BEFORE and not force_renewal:
            return found
        try:
            return graph.renew_subscription(found.id, now + LIFETIME)
        except Failure as failure:
            if failure.status != HTTPStatus.NOT_FOUND:
                raise
    try:
        return graph.create_subscription(_wanted(settings, now))
    except Failure as failure:
        if failure.status == HTTPStatus.CONFLICT and (other := ours(graph.subscriptions(), notification_url(settings))):
            return other  # another instance was quicker
        if failure.code is FailureCode.REQUEST_REFUSED:
            failure.code = FailureCode.SUBSCRIPTION_REFUSED
        raise


def _wanted(settings: Settings, now: datetime) -> dict[str, str]:
    return {
        "changeType": CHANGE_TYPE,
        "resource": RESOURCE,
        "notificationUrl": notification_url(settings),
        "lifecycleNotificationUrl": f"{settings.public_url}/api/lifecycle",
        "expirationDateTime": wire_time(now + LIFETIME),
        "clientState": settings.client_state.get_secret_value(),
        "latestSupportedTlsVersion": "v1_2",
    }

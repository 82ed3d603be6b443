"""Graph: subscriptions to changes of users.

https://learn.microsoft.com/graph/api/subscription-post-subscriptions
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from simulated_tenant import graph, odata
from simulated_tenant.state import Subscription, Tenant
from simulated_tenant.wire import Answer, Operations, Pending, Received, Refused

OPERATIONS = Operations(graph.HOST)
LONGEST = timedelta(minutes=41_760)
SHORTEST = timedelta(minutes=45)
MOST_FOR_APP, MOST_FOR_TENANT = 100, 1000
HANDSHAKE_SECONDS = 10
CLIENT_STATE_CHARACTERS = 128
PAGE = 100
QUOTA_WINDOW = timedelta(seconds=20)
QUOTAS = {"write": 500, "reauthorize": 1000, "get": 500, "list": 25}
"""Calls of an app in the window, by kind."""

_FIELDS = {
    "changeType",
    "notificationUrl",
    "lifecycleNotificationUrl",
    "resource",
    "expirationDateTime",
    "clientState",
    "latestSupportedTlsVersion",
    "includeResourceData",
}
_ONE = r"/v1\.0/subscriptions/(?P<subscription>[^/]+)"


def _shown(tenant: Tenant, subscription: Subscription, context: str | None = None) -> dict[str, Any]:
    head = {} if context is None else {"@odata.context": graph.context(tenant, context)}
    return head | {
        "id": subscription.id,
        "resource": subscription.resource,
        "applicationId": subscription.app,
        "changeType": subscription.change_type,
        "clientState": subscription.client_state,
        "notificationUrl": subscription.notification_url,
        "notificationQueryOptions": None,
        "lifecycleNotificationUrl": subscription.lifecycle_url,
        "expirationDateTime": f"{subscription.expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "creatorId": subscription.creator,
        "includeResourceData": None,
        "latestSupportedTlsVersion": subscription.tls_version,
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
        "notificationUrlAppId": None,
        "notificationContentType": "application/json",
    }


def living(tenant: Tenant, app: str | None = None) -> list[Subscription]:
    """The subscriptions that have not expired, of one app or of all; the others are gone for good."""
    now = tenant.now()
    for subscription in [found for found in tenant.subscriptions.values() if found.expires <= now]:
        del tenant.subscriptions[subscription.id]
    return [found for found in tenant.subscriptions.values() if app in {None, found.app}]


def _count(tenant: Tenant, received: Received, kind: str) -> None:
    """Count a call against the app's quota of its kind; raises 429 when that is used up."""
    app, now = graph.claims_of(tenant, received).appid, tenant.now()
    calls = tenant.subscription_calls.setdefault((app, kind), deque())
    while calls and calls[0] <= now - QUOTA_WINDOW:
        calls.popleft()
    calls.append(now)
    if len(calls) <= QUOTAS[kind]:
        return
    message = (
        "Too many requests from Identifier:North Europe under "
        f"category:throttle.aad.ags.subscriptionservice.dc.{kind}. Please try again later."
    )
    raise Refused(graph.error(received, 429, "TooManyRequests", message, {"Retry-After": "5"}))


def _invalid(received: Received, message: str) -> Refused:
    return graph.bad_request(received, message, "ValidationError")


@OPERATIONS.add("graph.subscriptions.list", "GET", r"/v1\.0/subscriptions")
def list_subscriptions(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """The app's own subscriptions."""
    _count(tenant, received, "list")
    app = graph.claims_of(tenant, received).appid
    shown = [_shown(tenant, subscription) for subscription in living(tenant, app)]
    page, token = odata.page(received, shown, PAGE)
    body: dict[str, Any] = {"@odata.context": graph.context(tenant, "subscriptions")}
    if token:
        body["@odata.nextLink"] = odata.next_link(received, token)
    return graph.of_json(body | {"value": list(page)})


@OPERATIONS.add("graph.subscriptions.get", "GET", _ONE)
def get_subscription(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """One of the app's own subscriptions."""
    _count(tenant, received, "get")
    return graph.of_json(_shown(tenant, _own(tenant, received, groups), "subscriptions/$entity"))


def _own(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Subscription:
    app = graph.claims_of(tenant, received).appid
    for subscription in living(tenant, app):
        if subscription.id == groups["subscription"].lower():
            return subscription
    raise graph.refused(received, 404, "ResourceNotFound", "The object was not found.")


@OPERATIONS.add("graph.subscriptions.create", "POST", r"/v1\.0/subscriptions")
def create(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """A new subscription, once both endpoints have passed the handshake."""
    _count(tenant, received, "write")
    claims = graph.require(tenant, received, graph.READ_USERS)
    fields = _fields(received)
    subscription = _read(tenant, received, fields, claims.appid, claims.oid)
    _refuse_conflict(tenant, received, subscription)
    _refuse_excess(tenant, received, subscription)

    async def finish() -> Answer:
        await _handshakes(tenant, received, subscription)
        _refuse_conflict(tenant, received, subscription)  # another may have come while the endpoints were asked
        tenant.subscriptions[subscription.id] = subscription
        return graph.of_json(_shown(tenant, subscription, "subscriptions/$entity"), 201)

    return Pending(finish=finish)


@OPERATIONS.add("graph.subscriptions.update", "PATCH", _ONE)
def renew(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """A new expiry; nothing else can be changed."""
    _count(tenant, received, "write")
    subscription = _own(tenant, received, groups)
    fields = _fields(received)
    if set(fields) != {"expirationDateTime"}:
        raise _invalid(received, "Only expirationDateTime can be updated.")
    expires = _expiry(tenant, received, fields["expirationDateTime"])

    async def finish() -> Answer:
        if tenant.validate_on_renewal:
            await _handshakes(tenant, received, subscription)
        subscription.expires = expires
        return graph.of_json(_shown(tenant, subscription, "subscriptions/$entity"))

    return Pending(finish=finish)


@OPERATIONS.add("graph.subscriptions.delete", "DELETE", _ONE)
def delete(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """Nothing more is sent."""
    _count(tenant, received, "write")
    del tenant.subscriptions[_own(tenant, received, groups).id]
    return Answer(204)


@OPERATIONS.add("graph.subscriptions.reauthorize", "POST", _ONE + "/reauthorize")
def reauthorize(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """The answer to the lifecycle event `reauthorizationRequired`; the expiry stays."""
    _count(tenant, received, "reauthorize")
    _own(tenant, received, groups)
    return Answer(204)


def _fields(received: Received) -> dict[str, Any]:
    try:
        fields = received.json()
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise graph.bad_request(received, "Unable to read JSON request payload.", "BadRequest")
    fields = {name: value for name, value in fields.items() if not name.startswith("@odata")}
    strange = sorted(set(fields) - _FIELDS)
    if strange:
        raise _invalid(received, f"The property '{strange[0]}' is not valid for a webhook subscription to users.")
    return fields


def _read(tenant: Tenant, received: Received, fields: Mapping[str, Any], app: str, creator: str) -> Subscription:
    for name in ("changeType", "notificationUrl", "resource", "expirationDateTime"):
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise _invalid(received, f"The '{name}' property is required.")
    change_type = ",".join(part.strip() for part in fields["changeType"].split(","))
    if not set(change_type.split(",")) <= {"updated", "deleted"}:
        raise _invalid(received, f"The changeType '{fields['changeType']}' is not supported for users.")
    client_state = fields.get("clientState")
    if client_state is not None and len(str(client_state)) > CLIENT_STATE_CHARACTERS:
        raise _invalid(received, f"The clientState is longer than {CLIENT_STATE_CHARACTERS} characters.")
    if fields.get("includeResourceData"):
        raise _invalid(received, "Resource data is not supported for users.")
    lifecycle = fields.get("lifecycleNotificationUrl")
    for name in ("notificationUrl", "lifecycleNotificationUrl"):
        if fields.get(name) is not None and urlsplit(str(fields[name])).scheme != "https":
            raise _invalid(received, f"The '{name}' must use https.")
    return Subscription(
        id=str(uuid4()),
        app=app,
        creator=creator,
        resource=fields["resource"],
        user_id=_user_id(tenant, received, fields["resource"]),
        change_type=change_type,
        notification_url=fields["notificationUrl"],
        lifecycle_url=None if lifecycle is None else str(lifecycle),
        client_state=None if client_state is None else str(client_state),
        expires=_expiry(tenant, received, fields["expirationDateTime"]),
        tls_version=str(fields.get("latestSupportedTlsVersion") or "v1_2"),
    )


def _user_id(tenant: Tenant, received: Received, resource: str) -> str | None:
    """The user of `users/{id}`, None for `users`; there is nothing else, photos included, to subscribe to here."""
    segments = resource.strip("/").split("/")
    if segments[0].lower() == "users" and len(segments) == 1:
        return None
    if segments[0].lower() == "users" and len(segments) == 2:
        user = tenant.find_user(segments[1])
        if user is None:
            raise graph.no_such_object(received, segments[1])
        return user.id
    raise graph.bad_request(received, f"Resource '{resource}' is not supported.", "InvalidRequest")


def _expiry(tenant: Tenant, received: Received, text: str) -> datetime:
    """The expiry that the subscription gets: at most 41,760 minutes ahead, and never less than 45."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise _invalid(
            received, f"Cannot convert the literal '{text}' to the expected type 'Edm.DateTimeOffset'."
        ) from None
    moment = moment.replace(tzinfo=moment.tzinfo or UTC)
    now = tenant.now()
    if moment <= now:
        raise _invalid(received, "Subscription expiration must be in the future.")
    # A minute of grace: the caller's clock and the time on the way.
    if moment > now + LONGEST + timedelta(minutes=1):
        minutes = int(LONGEST.total_seconds() // 60)
        raise _invalid(received, f"Subscription expiration can only be {minutes} minutes in the future.")
    return max(moment, now + SHORTEST)


def _refuse_conflict(tenant: Tenant, received: Received, wanted: Subscription) -> None:
    for found in living(tenant, wanted.app):
        same = (found.user_id, set(found.change_type.split(","))) == (
            wanted.user_id,
            set(wanted.change_type.split(",")),
        )
        if same:
            message = f"Subscription Id {found.id} already exists for the requested combination"
            raise graph.refused(received, 409, "ObjectIdentifierInUse", message)


def _refuse_excess(tenant: Tenant, received: Received, wanted: Subscription) -> None:
    for name, count, most in (
        ("app and tenant", len(living(tenant, wanted.app)), MOST_FOR_APP),
        ("tenant", len(living(tenant)), MOST_FOR_TENANT),
    ):
        if count >= most:
            message = f"Maximum number of user subscriptions per {name} ({most}) is reached."
            raise graph.refused(received, 403, "Forbidden", message)


async def _handshakes(tenant: Tenant, received: Received, subscription: Subscription) -> None:
    """Both URLs must answer with the token, as plain text; raises the 400 of the first that does not."""
    urls = dict.fromkeys(filter(None, (subscription.notification_url, subscription.lifecycle_url)))
    await asyncio.gather(*(_handshake(tenant, received, url) for url in urls))


async def _handshake(tenant: Tenant, received: Received, url: str) -> None:
    # Spaces, colons and a plus: whoever decodes twice, or not at all, is found out.
    token = (
        f"Validation: Testing client application reachability for subscription Request-Id: {received.request_id}+%2B"
    )
    address = f"{url}{'&' if urlsplit(url).query else '?'}validationToken={quote(token, safe='')}"
    sent = await tenant.internet.post(address, b"", "text/plain; charset=utf-8", HANDSHAKE_SECONDS)
    tenant.deliveries.note(tenant.now(), "validation", url, sent)
    if sent.failure == "timeout":
        raise _invalid(received, "Subscription validation request timed out.")
    must = "Notification endpoint must respond with 200 OK to validation request."
    if sent.status is None:
        raise _invalid(received, f"Subscription validation request failed. {must}")
    if sent.status != 200:
        message = f"Subscription validation request failed. HTTP status code is '{sent.status}'. {must}"
        raise _invalid(received, message)
    if sent.body != token or not sent.content_type.lower().startswith("text/plain"):
        message = "Subscription validation request failed. Response must exactly match validationToken query parameter."
        raise _invalid(received, message)

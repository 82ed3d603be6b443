"""What the app asks of Microsoft Graph: who somebody is, which version their photo has, its bytes; subscriptions.

Sources: Graph v1.0 reference, "Get profilePhoto", "Get a user", "Combine multiple HTTP requests using JSON batching",
"subscription resource type".
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from requests.structures import CaseInsensitiveDict

from shared.answers import Answer, error_code, failure_of
from shared.caller import Call, Caller
from shared.clock import Clock
from shared.failures import Failure, FailureCode
from shared.gates import Gates, Service

BATCH_LIMIT = 20
PAGE_SIZE = 999
_USER_FIELDS = "id,userPrincipalName,displayName,accountEnabled,userType,preferredDataLocation"
_NO_PHOTO_SIZE = "1x1"
_LACKS_PERMISSION = {"Authorization_RequestDenied", "ExtensionError", "AccessDenied", "ErrorAccessDenied"}
"""Codes of a 403 for want of a permission. Any other 403 to a new subscription is Graph's limit of them."""
_LOW_PRIORITY = {"x-ms-throttle-priority": "Low"}
_OK = range(200, 300)
_SUBSCRIPTION_REFUSALS = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
)


@dataclass(frozen=True)
class GraphUser:
    """What the app needs to know of a user object."""

    id: str
    upn: str
    display_name: str
    enabled: bool
    guest: bool
    data_location: str | None


@dataclass(frozen=True)
class SourcePhoto:
    """One version of a photo, as its metadata tells."""

    media_etag: str
    """Says "changed since seen", no more; empty when Graph names none, which equals nothing."""


@dataclass(frozen=True)
class Source:
    """What Graph says of one user at one moment."""

    user: GraphUser | None
    """None: Graph knows no such user."""
    photo: SourcePhoto | None
    """None: no photo."""
    member_of: frozenset[str] = frozenset()
    """Those of the groups asked about that the user belongs to."""


@dataclass(frozen=True)
class UsersPage:
    """One page of a list of users."""

    users: list[GraphUser]
    next_link: str | None
    """Opaque; None: this was the last page."""


@dataclass(frozen=True)
class BatchItem:
    """One request inside a batch: a GET of `url` (relative to the version), or a POST of `body`."""

    url: str
    body: Mapping[str, Any] | None = None

    def as_json(self, number: int) -> dict[str, Any]:
        """As JSON batching wants it."""
        if self.body is None:
            return {"id": str(number), "method": "GET", "url": self.url}
        headers = {"Content-Type": "application/json"}
        return {"id": str(number), "method": "POST", "url": self.url, "headers": headers, "body": self.body}


@dataclass(frozen=True)
class Subscription:
    """A change-notification subscription, as far as the app looks at it."""

    id: str
    resource: str
    change_type: str
    notification_url: str
    expires: datetime
    lifecycle_url: str | None = None
    client_state_sha256: str | None = None
    """Fingerprint of the client state; None when Graph does not tell it. The secret itself goes no further."""


class Graph:
    """Graph for one attempt."""

    def __init__(self, caller: Caller, host: str, gates: Gates, clock: Clock) -> None:
        """`host` comes from the table of clouds."""
        self._caller = caller
        self._root = f"https://{host}/v1.0"
        self._gates = gates
        self._clock = clock

    def look(self, user_id: str, groups: Sequence[str] = ()) -> Source:
        """The user, the photo's version and the membership in these groups, in one HTTP request.

        Asking for both together tells a deleted user from one without a photo (a photo request answers both alike),
        and brings the present UPN, which may have been renamed since the event was made.
        """
        asked = [BatchItem(f"/users/{user_id}?$select={_USER_FIELDS}"), BatchItem(f"/users/{user_id}/photo")]
        if groups:
            asked.append(BatchItem(f"/users/{user_id}/checkMemberGroups", {"groupIds": list(groups)}))
        who, photo, *membership = self._batch_or_wait(asked)
        if who.status == HTTPStatus.NOT_FOUND:
            return Source(None, None)
        member_of = frozenset(group for answer in membership for group in _groups(_checked(answer)))
        return Source(_user(_checked(who).json(), who.request_id), photo_of(photo), member_of)

    def resolve(self, keys: Sequence[str]) -> dict[str, GraphUser | None]:
        """The users with these object ids or user principal names; None for those that Graph does not know."""
        found: dict[str, GraphUser | None] = {}
        for start in range(0, len(keys), BATCH_LIMIT):
            some = keys[start : start + BATCH_LIMIT]
            answers = self._batch_or_wait(
                [BatchItem(f"/users/{quote(key, safe='')}?$select={_USER_FIELDS}") for key in some]
            )
            for key, answer in zip(some, answers, strict=True):
                # A key that could never be a UPN is answered with 400, which says no more than "no such user".
                unknown = answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}
                found[key] = None if unknown else _user(_checked(answer).json(), answer.request_id)
        return found

    def users_page(self, link: str | None, group: str | None = None, size: int | None = None) -> UsersPage:
        """One page of up to `size` users (PAGE_SIZE): the first when `link` is None, else where `link` leads.

        `group`: only its members, direct or through other groups, which Graph lists as an advanced query.
        """
        of = f"groups/{quote(group, safe='')}/transitiveMembers/microsoft.graph.user" if group else "users"
        count = "&$count=true" if group else ""
        url = link or f"{self._root}/{of}?$select={_USER_FIELDS}&$top={size or PAGE_SIZE}{count}"
        headers = _LOW_PRIORITY | ({"ConsistencyLevel": "eventual"} if group else {})
        answer = self._caller.send(Call(Service.GRAPH, "GET", self._own(url), headers=headers))
        page = answer.json()
        try:
            users = [_user(item, answer.request_id) for item in page["value"]]
        except (KeyError, TypeError):
            raise _not_understood(answer, "a page of users") from None
        return UsersPage(users, page.get("@odata.nextLink"))

    def download(self, user_id: str, largest: int) -> bytes | None:
        """The bytes of the largest photo; None when there is none. Beyond `largest` bytes: PhotoRefused."""
        answer = self._caller.send(
            Call(
                Service.GRAPH,
                "GET",
                f"{self._root}/users/{user_id}/photo/$value",
                headers={"Accept": "*/*"},
                handled=(HTTPStatus.NOT_FOUND,),
                largest=largest,
                too_large=FailureCode.PHOTO_REFUSED,
            )
        )
        return None if answer.status == HTTPStatus.NOT_FOUND else answer.body

    def _batch_or_wait(self, items: Sequence[BatchItem]) -> list[Answer]:
        """The answers to a batch of which all are needed.

        Raises:
            Failure: when the batch itself, or any request in it, was throttled or failed for now: by the latest of
                their Retry-After times, with the gate closed for everybody.
        """
        answers = self.batch(items)
        self._raise_what_must_wait(answers)
        return answers

    def batch(self, items: Sequence[BatchItem], *, urgent: bool = True) -> list[Answer]:
        """Make up to 20 requests in one; the answers in the order asked, each with a status of its own.

        `urgent=False`: for bulk work, which Graph may slow down first.
        """
        requests = [item.as_json(number) for number, item in enumerate(items)]
        answer = self._caller.send(
            Call(
                Service.GRAPH,
                "POST",
                f"{self._root}/$batch",
                headers={"Content-Type": "application/json"} | ({} if urgent else _LOW_PRIORITY),
                body=json.dumps({"requests": requests}).encode(),
            )
        )
        return _inner_answers(answer, len(items))

    def _raise_what_must_wait(self, answers: Iterable[Answer]) -> None:
        now = self._clock.now()
        failures = [failure_of(Service.GRAPH, answer, now) for answer in answers if answer.status not in _OK]
        waits = [f for f in failures if f.code in {FailureCode.TOO_MANY_REQUESTS, FailureCode.SERVICE_UNAVAILABLE}]
        if not waits:
            return
        longest = max(waits, key=lambda failure: failure.retry_after or 0.0)
        if longest.retry_after:
            self._gates.close(Service.GRAPH, now + timedelta(seconds=longest.retry_after))
        raise longest

    def subscriptions(self) -> list[Subscription]:
        """All subscriptions of this app in this tenant."""
        found: list[Subscription] = []
        url: str | None = f"{self._root}/subscriptions"
        while url:
            page = self._caller.send(Call(Service.GRAPH, "GET", self._own(url))).json()
            found += [_subscription(item) for item in page.get("value", [])]
            url = page.get("@odata.nextLink")
        return found

    def create_subscription(self, wanted: Mapping[str, str]) -> Subscription:
        """Create a subscription with these properties; Graph calls both of its URLs before it answers.

        Raises:
            Failure: SubscriptionRefused with `status` 400 when an endpoint did not answer the handshake, 409 when there
                is one for the same resource and changes, 403 when there are too many; NotPermitted.
        """
        return self._send_subscription("POST", f"{self._root}/subscriptions", wanted)

    def renew_subscription(self, subscription_id: str, expires: datetime) -> Subscription:
        """Move the expiry, which also reauthorizes. Graph may call the URLs first, and may give less than is asked.

        Raises:
            Failure: SubscriptionRefused with `status` 404 when the subscription is gone, 400 as for a new one.
        """
        return self._send_subscription("PATCH", self._one(subscription_id), {"expirationDateTime": wire_time(expires)})

    def delete_subscription(self, subscription_id: str) -> None:
        """Delete a subscription; fine when it is gone already."""
        self._caller.send(Call(Service.GRAPH, "DELETE", self._one(subscription_id), handled=(HTTPStatus.NOT_FOUND,)))

    def _one(self, subscription_id: str) -> str:
        return f"{self._root}/subscriptions/{quote(subscription_id, safe='')}"

    def _send_subscription(self, method: str, url: str, body: Mapping[str, str]) -> Subscription:
        headers = {"Content-Type": "application/json"}
        content = json.dumps(body).encode()
        answer = self._caller.send(
            Call(Service.GRAPH, method, url, headers=headers, body=content, handled=_SUBSCRIPTION_REFUSALS)
        )
        if answer.status not in _SUBSCRIPTION_REFUSALS:
            return _subscription(answer.json())
        failure = failure_of(Service.GRAPH, answer, self._clock.now())
        if answer.status != HTTPStatus.FORBIDDEN or error_code(answer) not in _LACKS_PERMISSION:
            failure.code = FailureCode.SUBSCRIPTION_REFUSED
        raise failure

    def _own(self, link: str) -> str:
        """A link to a next page, refused when it leads away from Graph, since a token goes with it."""
        if urlsplit(link)[:2] != urlsplit(self._root)[:2]:
            raise Failure(FailureCode.ANSWER_NOT_UNDERSTOOD, "a next link to another host", service=Service.GRAPH)
        return link


def wire_time(moment: datetime) -> str:
    """A moment as Graph writes it: UTC, ISO 8601, with a Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_wire_time(text: str) -> datetime:
    """A moment as Graph writes it, with up to seven digits of the second; raises `ValueError`."""
    whole, _, rest = text.partition(".")
    zone = "" if not rest else rest.lstrip("0123456789")
    moment = datetime.fromisoformat(whole + zone)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _inner_answers(outer: Answer, expected: int) -> list[Answer]:
    """The answers inside a batch's, put into the order of the requests: Graph keeps none."""
    try:
        by_id = {int(item["id"]): item for item in outer.json()["responses"]}
        return [_inner_answer(by_id[number], outer.request_id) for number in range(expected)]
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(
            FailureCode.ANSWER_NOT_UNDERSTOOD,
            f"a batch answer without what was asked: {type(error).__name__}",
            request_id=outer.request_id,
            service=Service.GRAPH,
        ) from None


def _inner_answer(item: Mapping[str, Any], outer_request_id: str) -> Answer:
    headers = CaseInsensitiveDict({str(name): str(value) for name, value in (item.get("headers") or {}).items()})
    return Answer(
        int(item["status"]),
        headers,
        json.dumps(item.get("body")).encode(),
        headers.get("request-id") or outer_request_id,
    )


def _checked(answer: Answer) -> Answer:
    if answer.status in _OK:
        return answer
    raise failure_of(Service.GRAPH, answer, datetime.now(UTC))


def _user(body: Any, request_id: str) -> GraphUser:
    try:
        return GraphUser(
            id=str(body["id"]).lower(),
            upn=str(body["userPrincipalName"]),
            display_name=str(body.get("displayName") or ""),
            enabled=body.get("accountEnabled") is not False,
            guest=body.get("userType") == "Guest",
            data_location=body.get("preferredDataLocation") or None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise Failure(
            FailureCode.ANSWER_NOT_UNDERSTOOD, f"a user without {error}", request_id=request_id, service=Service.GRAPH
        ) from None


def _groups(answer: Answer) -> list[str]:
    try:
        return [str(group).lower() for group in answer.json()["value"]]
    except (KeyError, TypeError):
        raise _not_understood(answer, "a list of groups") from None


def photo_of(answer: Answer) -> SourcePhoto | None:
    """The photo's version in an answer to a request for its metadata; None in both of the shapes that say "no photo".

    One is a 404, whatever its code (ImageNotFound, ErrorEntityNotFound, MailboxNotEnabledForRESTAPI and others were
    seen); the other a 200 whose id is 1x1. Source: "Get profilePhoto", Response. Raises `Failure` for other statuses.
    """
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    body = _checked(answer).json()
    try:
        etag, size = str(body.get("@odata.mediaEtag") or ""), str(body.get("id") or "")
    except AttributeError:
        raise _not_understood(answer, "photo metadata") from None
    return None if size.lower() == _NO_PHOTO_SIZE else SourcePhoto(etag)


def _not_understood(answer: Answer, what: str) -> Failure:
    return Failure(
        FailureCode.ANSWER_NOT_UNDERSTOOD, f"not {what}", request_id=answer.request_id, service=Service.GRAPH
    )


def fingerprint(client_state: str) -> str:
    """What stands for a client state where it may be read: its SHA-256, in hexadecimal."""
    return hashlib.sha256(client_state.encode()).hexdigest()


def _subscription(item: Mapping[str, Any]) -> Subscription:
    try:
        return Subscription(
            id=str(item["id"]),
            resource=str(item["resource"]),
            change_type=str(item["changeType"]),
            notification_url=str(item["notificationUrl"]),
            expires=read_wire_time(str(item["expirationDateTime"])),
            lifecycle_url=item.get("lifecycleNotificationUrl"),
            client_state_sha256=fingerprint(item["clientState"]) if item.get("clientState") else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(
            FailureCode.ANSWER_NOT_UNDERSTOOD, f"a subscription without {error}", service=Service.GRAPH
        ) from None

"""Subscriptions come to life only with a handshake, within Graph's limits, and end when their time is over."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from simulated_tenant.outbound import Sent
from simulated_tenant.state import Subscription
from tests.simulated_tenant.desk import Desk

URL, LIFECYCLE = "https://app.example/api/notifications?code=key", "https://app.example/api/lifecycle?code=key"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def wanted(desk: Desk, **more: Any) -> dict[str, Any]:
    """What a client asks for."""
    moment = desk.tenant.now() + timedelta(days=20)
    usual = {
        "changeType": "updated",
        "notificationUrl": URL,
        "lifecycleNotificationUrl": LIFECYCLE,
        "resource": "users",
        "expirationDateTime": moment.isoformat(),
        "clientState": "secret",
        "latestSupportedTlsVersion": "v1_2",
    }
    return {name: value for name, value in (usual | more).items() if value is not None}


def created(desk: Desk, **more: Any) -> dict[str, Any]:
    answer = desk.ask("POST", "/subscriptions", wanted(desk, **more))
    assert answer.status == 201, answer.body
    return dict(json.loads(answer.body))


def minutes_left(desk: Desk, body: dict[str, Any]) -> float:
    return (datetime.fromisoformat(body["expirationDateTime"]) - desk.tenant.now()).total_seconds() / 60


def test_creation_asks_both_endpoints_and_keeps_their_queries(desk: Desk) -> None:
    """Both URLs get the token, encoded, after their own query; the answer names what was created."""
    body = created(desk)
    asked = sorted(url for url, _ in desk.receivers.got)
    assert [url.partition("&validationToken=")[0] for url in asked] == [LIFECYCLE, URL]
    token = unquote(asked[0].partition("&validationToken=")[2])
    assert " " in token
    assert "%2B" in token  # a second decoding would spoil it
    assert body["applicationId"] == desk.app.client_id
    assert body["creatorId"] == desk.app.object_id
    assert desk.get(f"/subscriptions/{body['id']}")["clientState"] == "secret"
    assert [item["id"] for item in desk.get("/subscriptions")["value"]] == [body["id"]]


def test_one_url_for_both_is_asked_once(desk: Desk) -> None:
    """Equal URLs are validated once."""
    created(desk, lifecycleNotificationUrl=URL)
    assert len(desk.receivers.got) == 1


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (Sent(None, "", "", 10_000, "timeout"), "Subscription validation request timed out."),
        (Sent(None, "", "", 1, "unreachable"), "must respond with 200 OK to validation request."),
        (Sent(403, "", "text/plain", 1), "HTTP status code is '403'"),
        (Sent(200, "something else", "text/plain", 1), "must exactly match"),
        (Sent(202, "", "text/plain", 1), "must respond with 200 OK"),
    ],
)
def test_failed_handshake_leaves_nothing(desk: Desk, sent: Sent, text: str) -> None:
    """An endpoint that is slow, away, refusing or mistaken is a 400 with Graph's sentence, and no subscription."""
    desk.receivers.handshake = sent
    answer = desk.ask("POST", "/subscriptions", wanted(desk))
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == (400, "ValidationError")
    assert text in error["message"]
    assert desk.tenant.subscriptions == {}


def test_token_must_come_back_as_plain_text(desk: Desk) -> None:
    """The token in another content type fails."""

    def as_json(url: str) -> Sent:
        return Sent(200, unquote(url.partition("validationToken=")[2]), "application/json", 1)

    original = desk.receivers.post

    async def post(url: str, body: bytes, content_type: str, seconds: float) -> Sent:
        await original(url, body, content_type, seconds)
        return as_json(url)

    desk.receivers.post = post  # type: ignore[method-assign] # the network's edge
    assert desk.error("POST", "/subscriptions", wanted(desk)) == (400, "ValidationError")


@pytest.mark.parametrize(
    "more",
    [
        {"notificationUrl": "http://app.example/api"},
        {"lifecycleNotificationUrl": "http://app.example/api"},
        {"changeType": "created"},
        {"changeType": None},
        {"notificationUrl": None},
        {"expirationDateTime": "soon"},
        {"expirationDateTime": "2020-01-01T00:00:00Z"},
        {"clientState": "x" * 129},
        {"includeResourceData": True},
        {"vapidPublicKey": "x"},
        {"resource": "users/{user}/photo"},
        {"resource": "groups"},
    ],
)
def test_what_graph_does_not_accept(desk: Desk, more: dict[str, Any]) -> None:
    """Plain http, missing fields, photos and other resources, and properties of other kinds are refused with 400."""
    assert desk.error("POST", "/subscriptions", wanted(desk, **more))[0] == 400
    assert desk.receivers.got == []


def test_expiry_is_bounded_both_ways(desk: Desk) -> None:
    """Less than 45 minutes is raised to 45; more than 41,760 is refused; the longest is accepted."""
    now = desk.tenant.now()
    body = created(desk, expirationDateTime=(now + timedelta(minutes=5)).isoformat())
    assert minutes_left(desk, body) == pytest.approx(45, abs=0.1)
    for minutes, status in ((41_760, 200), (41_800, 400)):
        value = {"expirationDateTime": (now + timedelta(minutes=minutes)).isoformat()}
        assert desk.ask("PATCH", f"/subscriptions/{body['id']}", value).status == status


def test_same_combination_conflicts_and_names_the_other(desk: Desk) -> None:
    """The same resource and change type again is 409, with the id of the one that is there; another type is not."""
    body = created(desk)
    answer = desk.ask("POST", "/subscriptions", wanted(desk))
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == (409, "ObjectIdentifierInUse")
    assert error["message"] == f"Subscription Id {body['id']} already exists for the requested combination"
    created(desk, changeType="deleted")


def test_only_the_expiry_can_be_changed_and_ends_count(desk: Desk) -> None:
    """PATCH takes the expiry alone; what has expired or was deleted is 404."""
    body = created(desk)
    path = f"/subscriptions/{body['id']}"
    assert desk.error("PATCH", path, {"clientState": "new"}) == (400, "ValidationError")
    assert desk.ask("POST", f"{path}/reauthorize").status == 204
    desk.control("POST", "/clock", {"advanceSeconds": 21 * 86400})
    assert desk.error("GET", path) == (404, "ResourceNotFound")
    assert desk.error("PATCH", path, {"expirationDateTime": "2030-01-01T00:00:00Z"})[0] == 404
    again = created(desk)
    assert desk.ask("DELETE", f"/subscriptions/{again['id']}").status == 204
    assert desk.get("/subscriptions")["value"] == []


def test_renewal_validates_when_so_set(desk: Desk) -> None:
    """With `validateOnRenewal` a renewal repeats the handshake, and fails with it."""
    body = created(desk)
    path, value = f"/subscriptions/{body['id']}", {"expirationDateTime": wanted(desk)["expirationDateTime"]}
    desk.receivers.handshake = Sent(500, "", "", 1)
    assert desk.ask("PATCH", path, value).status == 200
    desk.control("POST", "/notifications", {"validateOnRenewal": True})
    assert desk.error("PATCH", path, value) == (400, "ValidationError")


def test_apps_see_their_own_and_at_most_a_hundred(desk: Desk) -> None:
    """Another app's subscriptions are invisible; the 101st of an app is refused with 403."""
    expires = desk.tenant.now() + timedelta(days=1)
    for number in range(100):
        app = desk.app.client_id if number else "another"
        one = Subscription(str(number), app, "", f"users/{number}", str(number), "updated", URL, None, None, expires)
        desk.tenant.subscriptions[one.id] = one
    assert len(desk.get("/subscriptions")["value"]) == 99
    assert desk.error("GET", "/subscriptions/0")[0] == 404
    created(desk)
    answer = desk.ask("POST", "/subscriptions", wanted(desk, changeType="deleted"))
    assert answer.status == 403
    assert "100" in json.loads(answer.body)["error"]["message"]


def test_listing_too_often_is_throttled(desk: Desk) -> None:
    """The 26th listing within 20 seconds is 429; 20 seconds later one may list again. Reading one is another quota."""
    statuses = [desk.ask("GET", "/subscriptions").status for _ in range(26)]
    assert statuses == [200] * 25 + [429]
    desk.control("POST", "/clock", {"advanceSeconds": 21})
    assert desk.ask("GET", "/subscriptions").status == 200
    assert desk.violations() == []


def test_subscribing_needs_a_right_to_users(desk: Desk) -> None:
    """A right to photos alone does not let one subscribe."""
    desk.app.roles["graph"] = ["ProfilePhoto.Read.All"]
    assert desk.error("POST", "/subscriptions", wanted(desk)) == (403, "Authorization_RequestDenied")

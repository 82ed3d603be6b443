"""A batch answers up to twenty requests, each as if it had come alone."""

import base64
import json
from typing import Any

import pytest

from tests.simulated_tenant.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def batch(desk: Desk, *urls: str) -> dict[str, dict[str, Any]]:
    """The responses of GETs, by id: the position of the URL."""
    items = [{"id": str(number), "method": "GET", "url": url} for number, url in enumerate(urls)]
    answer = desk.ask("POST", "/$batch", {"requests": items})
    assert answer.status == 200, answer.body
    return {item["id"]: item for item in json.loads(answer.body)["responses"]}


def test_items_are_answered_alone_in_another_order(desk: Desk) -> None:
    """Each item has its own status and headers; the order is not the one asked in, and is the same every time."""
    users = desk.people(20)
    items = [{"id": str(n), "method": "GET", "url": f"/users/{user.id}"} for n, user in enumerate(users)]
    orders = [
        [item["id"] for item in json.loads(desk.ask("POST", "/$batch", {"requests": items}).body)["responses"]]
        for _ in range(2)
    ]
    assert orders[0] == orders[1]
    assert orders[0] != [str(number) for number in range(20)]
    assert sorted(orders[0], key=int) == [str(number) for number in range(20)]


def test_photo_bytes_come_as_base64(desk: Desk) -> None:
    """Bytes are a base64 string with their content type; JSON stays JSON; a missing photo is the item's own 404."""
    user, nobody = desk.person_with_photo(), desk.people(1)[0]
    found = batch(desk, f"/users/{user.id}/photo/$value", f"users/{user.id}/photo", f"/users/{nobody.id}/photo/$value")
    assert user.photo is not None
    assert base64.b64decode(found["0"]["body"]) == user.photo.content
    assert found["0"]["headers"]["Content-Type"] == "image/jpeg"
    assert found["1"]["body"]["id"] == "360x360"
    assert (found["2"]["status"], found["2"]["body"]["error"]["code"]) == (404, "ImageNotFound")


def test_items_meet_faults_and_are_recorded_as_inner(desk: Desk) -> None:
    """A scripted 429 hits the one item with its Retry-After, the others succeed; the record shows each item."""
    users = desk.people(4)
    desk.control(
        "POST", "/faults", {"operation": "graph.photo.metadata", "script": ["429:Retry-After=9"], "user": users[1].id}
    )
    found = batch(desk, *(f"/users/{user.id}/photo" for user in users))
    assert [found[str(number)]["status"] for number in range(4)] == [200, 429, 200, 200]
    assert found["1"]["headers"]["Retry-After"] == "9"
    _, record = desk.control("GET", "/requests?service=graph")
    assert [entry["inner"] for entry in record["requests"]] == [False, True, True, True, True]
    assert record["counts"]["operations"] == {"graph.batch": 1, "graph.photo.metadata": 4}
    assert desk.violations() == []


@pytest.mark.parametrize("fault", ["reset", "stall:0", "lost"])
def test_faults_of_connections_become_the_items_504(desk: Desk, fault: str) -> None:
    """An item has no connection of its own: what would happen to one is a 504 of that item."""
    user = desk.people(1)[0]
    desk.control("POST", "/faults", {"operation": "graph.users.get", "script": [fault]})
    found = batch(desk, f"/users/{user.id}", f"/users/{user.id}")
    assert sorted(item["status"] for item in found.values()) == [200, 504]


def test_dependent_items_wait_and_fail_with_what_they_depend_on(desk: Desk) -> None:
    """An item whose precondition failed is 424; one whose precondition succeeded is served."""
    user = desk.people(1)[0]
    items = [
        {"id": "c", "method": "GET", "url": f"/users/{user.id}", "dependsOn": ["a"]},
        {"id": "a", "method": "GET", "url": f"/users/{user.id}"},
        {"id": "b", "method": "GET", "url": "/users/nobody"},
        {"id": "d", "method": "GET", "url": f"/users/{user.id}", "dependsOn": ["b"]},
    ]
    body = json.loads(desk.ask("POST", "/$batch", {"requests": items}).body)
    assert {item["id"]: item["status"] for item in body["responses"]} == {"a": 200, "b": 404, "c": 200, "d": 424}


def item(key: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "method": "GET", "url": "/users"} | more


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [item(str(number)) for number in range(21)],
        [item("a"), item("A")],
        [{"method": "GET", "url": "/users"}],
        [item("a", method="FETCH")],
        [item("a", dependsOn=["z"])],
        [item("a", dependsOn=["b"]), item("b", dependsOn=["a"])],
        "no list",
    ],
)
def test_batches_that_graph_does_not_begin(desk: Desk, requests: Any) -> None:
    """Empty, too long, ambiguous or circular batches are refused whole, with 400."""
    assert desk.error("POST", "/$batch", {"requests": requests}) == (400, "BadRequest")


def test_absolute_urls_are_refused(desk: Desk) -> None:
    """An item's URL is relative to the version."""
    assert batch(desk, "https://graph.microsoft.com/v1.0/users")["0"]["status"] == 400

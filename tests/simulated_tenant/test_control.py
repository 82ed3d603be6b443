"""The control API sets the tenant up and looks into it; when it cannot, it says what to do instead."""

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest

from simulated_tenant.operations_page import PATH, page
from tests.pictures import jpeg
from tests.simulated_tenant.credentials import credential
from tests.simulated_tenant.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_apps_are_registered_changed_and_removed(desk: Desk) -> None:
    """An app gets ids, credentials and roles; roles can be withdrawn, certificates replaced."""
    asked: dict[str, Any] = {
        "certificate": credential().certificate,
        "secret": "s",
        "roles": {"graph": ["User.Read.All"]},
    }
    status, app = desk.control("POST", "/apps", asked)
    assert (status, app["certificates"], app["secrets"], app["roles"]) == (201, 1, 1, {"graph": ["User.Read.All"]})
    path = f"/apps/{app['clientId']}"
    _, changed = desk.control("PATCH", path, {"roles": {"graph": [], "sharepoint": ["User.ReadWrite.All"]}})
    assert changed["roles"] == {"graph": [], "sharepoint": ["User.ReadWrite.All"]}
    assert desk.control("PATCH", path, {"certificate": credential("other").certificate})[1]["certificates"] == 2
    assert desk.control("PATCH", path, {"certificates": []})[1]["certificates"] == 0
    assert len(desk.control("GET", "/apps")[1]) == 2
    assert desk.control("DELETE", path)[0] == 200
    assert desk.control("PATCH", path, {})[0] == 404


def test_users_come_one_by_one_or_many_at_once(desk: Desk) -> None:
    """One object gives one user, a list many; a photo can come along; names are taken only once."""
    photo = base64.b64encode(jpeg(120, 90)).decode()
    status, one = desk.control("POST", "/users", {"userPrincipalName": "a@contoso.com", "photo": photo})
    assert (status, one["photo"]["width"], one["photo"]["height"], one["mail"]) == (201, 120, 90, "a@contoso.com")
    many = [{"userPrincipalName": f"u{number}@contoso.com", "accountEnabled": False} for number in range(3)]
    _, made = desk.control("POST", "/users", many)
    assert [user["userPrincipalName"] for user in made] == [user["userPrincipalName"] for user in many]
    assert len(desk.control("GET", "/users")[1]) == 4
    assert desk.control("POST", "/users", {"userPrincipalName": "A@contoso.com"})[0] == 409
    assert desk.control("GET", "/users/A@CONTOSO.COM")[1]["id"] == one["id"]


def test_photo_is_kept_as_it_was_put(desk: Desk) -> None:
    """The bytes come back as they went in, until they are deleted."""
    user = desk.people(1)[0]
    assert desk.control("PUT", f"/users/{user.id}/photo", body=b"broken picture")[0] == 200
    assert desk.control("GET", f"/users/{user.id}/photo") == (200, b"broken picture")
    assert desk.control("DELETE", f"/users/{user.id}/photo")[0] == 200
    assert desk.control("GET", f"/users/{user.id}/photo")[0] == 404


def test_soft_deleted_users_can_come_back_and_purged_cannot(desk: Desk) -> None:
    """A soft deletion can be undone by id; a permanent one takes the user out of groups too."""
    user = desk.people(1)[0]
    desk.tenant.groups["g"] = [user.id]
    assert desk.control("DELETE", f"/users/{user.id}")[0] == 200
    assert desk.control("GET", f"/users/{user.id}")[0] == 404
    assert desk.control("PATCH", f"/users/{user.id}", {"softDeleted": False})[0] == 200
    assert desk.control("GET", f"/users/{user.id}")[0] == 200
    assert desk.control("DELETE", f"/users/{user.id}?permanent=true")[0] == 200
    assert desk.control("PATCH", f"/users/{user.id}", {"softDeleted": False})[0] == 404
    assert desk.tenant.groups["g"] == []


@pytest.mark.parametrize(
    ("method", "path", "value", "status", "hint"),
    [
        ("GET", "/nothing", None, 404, "GET /requests"),
        ("PUT", "/users", None, 405, "GET, POST"),
        ("POST", "/users", {"name": "x"}, 400, "userPrincipalName"),
        ("POST", "/users", {"userPrincipalName": "x"}, 400, "such as"),
        ("POST", "/users", {"userPrincipalName": "x@y", "photo": "%%"}, 400, "base64"),
        ("POST", "/users", {"userPrincipalName": "x@y", "id": "7"}, 400, "GUID"),
        ("POST", "/users", {"userPrincipalName": "x@y", "noPhotoShape": "2x2"}, 400, "1x1 or 404"),
        ("POST", "/apps", {"certificate": "x"}, 400, "PEM"),
        ("POST", "/apps", {"clientId": "x"}, 400, "GUID"),
        ("POST", "/apps", {"roles": {"outlook": []}}, 400, "graph, sharepoint"),
        ("POST", "/apps", {"federated": {}, "roles": {"graph": "User.Read.All"}}, 400, "list"),
        ("GET", "/users/nobody", None, 404, "GET /users lists"),
        ("POST", "/budget", {"service": "outlook"}, 400, "graph"),
        ("POST", "/clock", {"advanceSeconds": -1}, 400, "negative"),
        ("POST", "/clock", {}, 400, "number"),
        ("GET", "/requests?operations=x", None, 400, "Known: since"),
        ("GET", "/violations?kind=x", None, 400, "early-retry"),
        ("POST", "/routes", {"origin": "http://x"}, 400, "https://"),
        ("POST", "/routes", {"origin": "https://x", "target": "http://example.com"}, 400, "127.0.0.1"),
        ("GET", "/deliveries?since=x", None, 400, "number"),
        ("POST", "/geos", {"name": "x"}, 400, "location"),
    ],
)
def test_mistakes_are_answered_with_what_to_do(
    desk: Desk, method: str, path: str, value: Any, status: int, hint: str
) -> None:
    """Every refusal of the control API is a sentence that names the way out."""
    given, body = desk.control(method, path, value)
    assert given == status
    assert hint in body["error"]


def test_body_that_is_no_json_is_refused(desk: Desk) -> None:
    """A broken body is said to be one."""
    status, body = desk.control("POST", "/faults", body=b"{")
    assert status == 400
    assert "no JSON" in body["error"]


def test_requests_are_recorded_and_filtered(desk: Desk) -> None:
    """Every request is there with operation, app and status; filters narrow, and indexes go on after clearing."""
    user = desk.person_with_photo()
    desk.ask("GET", f"/users/{user.id}/photo", headers={"user-agent": "me"})
    desk.ask("GET", f"/users/{user.id}/photo/$value")
    desk.ask("GET", "/users/nobody")
    _, body = desk.control("GET", "/requests?operation=graph.photo.*")
    assert [entry["operation"] for entry in body["requests"]] == ["graph.photo.metadata", "graph.photo.value"]
    first = body["requests"][0]
    assert (first["app"], first["status"], first["userAgent"]) == (desk.app.client_id, 200, "me")
    assert body["counts"]["statuses"] == {"200": 2}
    assert desk.control("GET", "/requests?since=2")[1]["total"] == 1
    assert desk.control("GET", "/requests?app=nobody")[1]["total"] == 0
    desk.control("DELETE", "/requests")
    body = desk.control("GET", "/requests")[1]
    assert (body["total"], body["next"]) == (0, 3)


def test_reset_brings_back_the_first_day(desk: Desk) -> None:
    """After a reset nobody and nothing is left but the tenant's own identity and its library."""
    desk.person_with_photo()
    desk.control("POST", "/faults", {"operation": "graph.users.list", "script": ["429:Retry-After=99"]})
    desk.ask("GET", "/users")
    desk.control("POST", "/clock", {"advanceSeconds": 999})
    tenant_id, key = desk.tenant.tenant_id, desk.tenant.signing_key
    assert desk.control("POST", "/reset")[0] == 200
    assert (desk.tenant.tenant_id, desk.tenant.signing_key) == (tenant_id, key)
    assert desk.control("GET", "/users")[1] == []
    assert desk.control("GET", "/faults")[1] == {"completed": True, "scripts": []}
    assert desk.control("GET", "/requests")[1]["total"] == 0
    assert [geo.name for geo in desk.tenant.geos] == ["contoso"]
    assert "/User Photos/Profile Pictures" in desk.tenant.geos[0].folders
    assert desk.tenant.clock_offset.total_seconds() == 0


def test_a_clock_that_stands_moves_only_when_it_is_moved(desk: Desk) -> None:
    """While it stands nothing passes but what is asked for; when it runs again, it goes on from there."""
    desk.control("POST", "/clock", {"advanceSeconds": 3600})
    stood = datetime.fromisoformat(desk.control("POST", "/clock", {"stands": True})[1]["now"])
    assert desk.control("GET", "/clock")[1]["now"] == stood.isoformat()
    desk.control("POST", "/clock", {"advanceSeconds": 60})
    assert desk.tenant.now() - stood == timedelta(seconds=60)
    desk.control("POST", "/clock", {"stands": False})
    assert timedelta(seconds=60) <= desk.tenant.now() - stood < timedelta(seconds=90)


def test_target_and_picture_show_what_sharepoint_has(desk: Desk) -> None:
    """The target and its picture can be looked at for any user, with or without one."""
    user = desk.people(1)[0]
    status, target = desk.control("GET", f"/users/{user.id}/target")
    assert (status, target["files"]) == (200, {"S": None, "M": None, "L": None})
    status, picture = desk.control("GET", f"/picture?user={user.upn}")
    assert (status, picture[:4]) == (200, b"\x89PNG")


def test_operations_page_is_what_the_code_says() -> None:
    """OPERATIONS.md lists exactly what is served; `python -m simulated_tenant.operations_page` writes it anew."""
    assert PATH.read_text() == page()

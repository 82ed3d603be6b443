"""Who is let in to the simulated SharePoint, and how the others are told."""

import json
from datetime import timedelta

import pytest

from simulated_tenant import tokens
from simulated_tenant.seed import new_tenant
from simulated_tenant.state import App
from tests.simulated_tenant.sharepoint_desk import ADMIN, MY, PEOPLE, Desk, error_of, folder_address

ACCESS_DENIED = "-2147024891, System.UnauthorizedAccessException"
SET = f"{PEOPLE}/SetSingleValueProfileProperty"
READ = f"{PEOPLE}/GetPropertiesFor('i%3A0%23.f%7Cmembership%7Ca.b%40contoso.com')"
ADD = f"{folder_address()}/Files/AddUsingPath(DecodedUrl='x.jpg',Overwrite=true)"


def write_status(desk: Desk, host: str = ADMIN) -> int:
    body = {"accountName": "i:0#.f|membership|a.b@contoso.com", "propertyName": "PictureURL", "propertyValue": "u"}
    url = SET.replace(ADMIN, host)
    return desk.ask("POST", url, body=json.dumps(body).encode(), headers={"content-type": "application/json"}).status


def test_token_of_a_secret_is_refused() -> None:
    """App-only SharePoint needs a certificate: the refusal is the documented one, and counts as a violation."""
    desk = Desk(appidacr=tokens.SECRET)
    answer = desk.ask("GET", folder_address())
    assert answer.status == 401
    assert json.loads(answer.body) == {"error_description": "Unsupported app only token."}
    assert answer.headers["x-ms-diagnostics"].startswith("3001000;reason=")
    assert desk.violation is not None
    assert desk.violation[0] == "client-secret"


@pytest.mark.parametrize(
    ("audience", "words"),
    [
        ("https://graph.microsoft.com", "Invalid issuer or signature."),
        (ADMIN, "Exception of type 'AudienceUriValidationFailedException'."),
    ],
)
def test_token_for_another_resource_is_refused(audience: str, words: str) -> None:
    """A token for Graph, or for another SharePoint host, opens nothing on -my."""
    desk = Desk(audience=audience)
    answer = desk.ask("GET", folder_address())
    assert (answer.status, json.loads(answer.body)["error_description"]) == (401, words)
    assert desk.violation is not None
    assert desk.violation[0] == "wrong-audience"


def test_damaged_foreign_and_expired_tokens_are_refused() -> None:
    """No request passes with a token that this tenant did not sign, or whose time is over."""
    desk = Desk()
    token = tokens.issue(desk.tenant, App("x"), MY, appidacr=tokens.CERTIFICATE, roles=["Sites.FullControl.All"])
    assert desk.ask("GET", folder_address(), token=token).status == 200
    damaged = desk.ask("GET", folder_address(), token=f"{token[:-10]}{token[-9:]}A")
    assert damaged.headers["x-ms-diagnostics"].startswith("3000006;")
    assert b"Unsupported security token." in desk.ask("GET", folder_address(), token="nonsense").body
    desk.tenant.clock_offset += timedelta(hours=2)
    assert desk.ask("GET", folder_address(), token=token).status == 401


def test_without_a_token() -> None:
    """No header is 403; an empty bearer is the question for the tenant's id, which the challenge answers."""
    desk = Desk(tenant=new_tenant(tenant_id="11111111-2222-3333-4444-555555555555"))
    assert error_of(desk.ask("GET", folder_address(), token="")) == (403, ACCESS_DENIED)
    nobody = desk.ask("GET", folder_address(), token="", headers={"authorization": "Bearer"})
    assert nobody.status == 401
    assert 'realm="11111111-2222-3333-4444-555555555555"' in nobody.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("role", "may_read", "may_write"),
    [
        ("Sites.Read.All", True, False),
        ("Sites.ReadWrite.All", True, True),
        ("Sites.Manage.All", True, True),
        ("Sites.FullControl.All", True, True),
        ("User.ReadWrite.All", False, False),
        ("Sites.Selected", False, False),
    ],
)
def test_roles_for_files(role: str, may_read: bool, may_write: bool) -> None:
    """Each role allows what it is for; the refusal is 403 with SharePoint's code."""
    desk = Desk(roles=(role,))
    read, written = desk.ask("GET", folder_address()), desk.ask("POST", ADD, body=b"x")
    assert (read.status == 200, written.status == 200) == (may_read, may_write)
    for answer in (read, written):
        assert answer.status == 200 or error_of(answer) == (403, ACCESS_DENIED)


@pytest.mark.parametrize(("grant", "status"), [(None, 403), ("read", 403), ("write", 200)])
def test_selected_sites_must_be_granted(grant: str | None, status: int) -> None:
    """Sites.Selected writes only where the tenant granted writing."""
    desk = Desk(roles=("Sites.Selected",))
    if grant:
        desk.tenant.sharepoint.selected_sites["the-app"] = grant
    assert desk.ask("POST", ADD, body=b"x").status == status


@pytest.mark.parametrize(
    ("roles", "strict", "read", "write"),
    [
        (("User.ReadWrite.All",), False, 200, 200),
        (("User.Read.All",), False, 200, 403),
        (("Sites.FullControl.All",), False, 403, 403),
        ((), False, 403, 403),
        (("User.ReadWrite.All",), True, 403, 403),
        (("User.ReadWrite.All", "Sites.FullControl.All"), True, 200, 200),
    ],
)
def test_roles_for_profiles(roles: tuple[str, ...], strict: bool, read: int, write: int) -> None:
    """Profiles want SharePoint's user roles, and in a strict tenant full control as well."""
    desk = Desk(roles=roles)
    desk.tenant.sharepoint.profiles_need_full_control = strict
    desk.person()
    assert (desk.ask("GET", READ).status, write_status(desk)) == (read, write)


def test_full_control_alone_is_told_about_profiles() -> None:
    """Who has every right on sites but no user role is told so in SharePoint's words."""
    answer = Desk(roles=("Sites.FullControl.All",)).ask("GET", READ)
    assert b"required permissions to access profile information" in answer.body


def test_profiles_are_written_on_the_admin_host() -> None:
    """On any other host even the right roles get 403."""
    desk = Desk()
    desk.person()
    assert write_status(desk, MY) == 403
    assert write_status(desk, "https://contoso.sharepoint.com") == 403
    assert write_status(desk) == 200


def test_unknown_host_has_no_site() -> None:
    """A SharePoint host that is not the tenant's is no site, even with a token for it."""
    assert Desk().ask("GET", "https://fabrikam-my.sharepoint.com/_api/web").status == 404


def test_every_answer_carries_the_request_id() -> None:
    """Success and refusal alike name the request, by which Microsoft's support finds it."""
    desk = Desk()
    for url in (folder_address(), folder_address("/None"), f"{MY}/nothing"):
        answer = desk.ask("GET", url)
        assert answer.headers["SPRequestGuid"] == answer.headers["request-id"]

"""Entra ID issues tokens to those who prove who they are, and refuses the others in its own words."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from simulated_tenant import tokens
from simulated_tenant.http_server import Request
from simulated_tenant.state import App, FederatedCredential
from tests.simulated_tenant.credentials import Credential, credential
from tests.simulated_tenant.desk import Desk

LOGIN = "https://login.microsoftonline.com"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"
MY_SCOPE = "https://contoso-my.sharepoint.com/.default"


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.app.secrets, desk.app.expired_secrets = ["right"], ["old"]
    desk.app.certificates = [credential().certificate.encode()]
    desk.app.roles["sharepoint"] = ["Sites.FullControl.All"]
    return desk


def token_url(desk: Desk, realm: str | None = None) -> str:
    return f"{LOGIN}/{realm or desk.tenant.tenant_id}/oauth2/v2.0/token"


def ask(desk: Desk, *, realm: str | None = None, **form: str) -> tuple[int, dict[str, Any]]:
    """A token request; `form` overrides the usual fields, an empty value leaves one out."""
    usual = {"grant_type": "client_credentials", "client_id": desk.app.client_id, "scope": GRAPH_SCOPE}
    content = urlencode({name: value for name, value in (usual | form).items() if value})
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": ""}
    answer = desk.ask("POST", token_url(desk, realm), headers=headers, body=content.encode())
    return answer.status, json.loads(answer.body)


def with_assertion(desk: Desk, assertion: str) -> tuple[int, dict[str, Any]]:
    return ask(desk, client_assertion=assertion, client_assertion_type=ASSERTION_TYPE)


def claims(body: dict[str, Any]) -> dict[str, Any]:
    return dict(jwt.decode(body["access_token"], options={"verify_signature": False}))


def test_secret_gives_a_token_with_the_documented_claims(desk: Desk) -> None:
    """A right secret gives a token for the resource, with the roles of that resource and `appidacr` 1."""
    status, body = ask(desk, client_secret="right")
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 3599)
    said = claims(body)
    assert said["aud"] == "https://graph.microsoft.com"
    assert said["iss"] == f"https://sts.windows.net/{desk.tenant.tenant_id}/"
    assert (said["appid"], said["oid"], said["sub"]) == (desk.app.client_id, desk.app.object_id, desk.app.object_id)
    assert (said["appidacr"], said["idtyp"], said["ver"]) == ("1", "app", "1.0")
    assert said["tid"] == desk.tenant.tenant_id
    assert said["roles"] == list(desk.roles)
    assert said["exp"] - said["iat"] == 3599


def test_roles_are_those_of_the_resource(desk: Desk) -> None:
    """Graph's roles do not appear in SharePoint's token, and without any role the claim is absent."""
    _, body = ask(desk, client_secret="right", scope=MY_SCOPE)
    assert claims(body)["aud"] == "https://contoso-my.sharepoint.com"
    assert claims(body)["roles"] == ["Sites.FullControl.All"]
    desk.app.roles["sharepoint"] = []
    _, body = ask(desk, client_secret="right", scope=MY_SCOPE)
    assert "roles" not in claims(body)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_certificate_gives_a_token(desk: Desk, algorithm: str) -> None:
    """An assertion signed with a registered certificate gives a token with `appidacr` 2, by either algorithm."""
    status, body = with_assertion(desk, credential().assertion(desk.app.client_id, token_url(desk), algorithm))
    assert status == 200
    assert claims(body)["appidacr"] == "2"


def assertions(desk: Desk) -> dict[str, tuple[str, int]]:
    """Assertions that are wrong in one way each, with the AADSTS number that says so."""
    client, url, good = desk.app.client_id, token_url(desk), credential()
    stranger, expired = credential("stranger"), credential("expired", -1)
    desk.app.certificates.append(expired.certificate.encode())
    forged = Credential(stranger.private_key, good.certificate, good.sha1, good.sha256)
    now = int(datetime.now(UTC).timestamp())
    return {
        "unregistered certificate": (stranger.assertion(client, url), 700027),
        "expired certificate": (expired.assertion(client, url), 700027),
        "another key under a registered thumbprint": (forged.assertion(client, url), 700027),
        "another audience": (good.assertion(client, "https://example.com/token"), 700023),
        "over": (good.assertion(client, url, iat=now - 4000, exp=now - 3400), 700024),
        "not yet": (good.assertion(client, url, nbf=now + 3000, exp=now + 3600), 700024),
        "no end": (good.assertion(client, url, exp=None), 50027),
        "another issuer": (good.assertion(client, url, iss="somebody"), 700021),
        "another subject": (good.assertion(client, url, sub="somebody"), 700021),
        "no assertion at all": ("nonsense", 50027),
    }


WRONG = (
    "unregistered certificate",
    "expired certificate",
    "another key under a registered thumbprint",
    "another audience",
    "over",
    "not yet",
    "no end",
    "another issuer",
    "another subject",
    "no assertion at all",
)


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_assertions_are_refused(desk: Desk, wrong: str) -> None:
    """Signature, key, audience, times, issuer and subject of an assertion are really checked."""
    assertion, number = assertions(desk)[wrong]
    status, body = with_assertion(desk, assertion)
    assert (status, body["error_codes"]) == (400 if number == 50027 else 401, [number])
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert "access_token" not in body


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": "old"}, 401, "invalid_client", 7000222),
        ({}, 401, "invalid_client", 7000218),
        (
            {"client_secret": "right", "client_id": "33333333-3333-4333-8333-333333333333"},
            400,
            "unauthorized_client",
            700016,
        ),
        ({"client_secret": "right", "scope": "https://graph.microsoft.com/User.Read"}, 400, "invalid_scope", 70011),
        ({"client_secret": "right", "scope": f"{GRAPH_SCOPE} {MY_SCOPE}"}, 400, "invalid_scope", 70011),
        (
            {"client_secret": "right", "scope": "https://fabrikam.sharepoint.com/.default"},
            400,
            "invalid_resource",
            500011,
        ),
        ({"client_secret": "right", "realm": "fabrikam.com"}, 400, "invalid_request", 90002),
        ({"client_secret": "right", "grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"client_secret": "right", "scope": ""}, 400, "invalid_request", 900144),
    ],
)
def test_errors_have_entras_shape(desk: Desk, form: dict[str, str], status: int, error: str, number: int) -> None:
    """Every refusal carries the status, the error, the AADSTS number and the ids that Entra gives."""
    given, body = ask(desk, **form)
    assert (given, body["error"], body["error_codes"]) == (status, error, [number])
    assert body["error_uri"] == f"https://login.microsoftonline.com/error?code={number}"
    for name in ("timestamp", "trace_id", "correlation_id"):
        assert body[name] in body["error_description"]


def test_managed_identity_token_serves_as_credential(desk: Desk) -> None:
    """A managed identity's token is a credential exactly when its issuer, subject and audience are registered."""
    identity = App("44444444-4444-4444-8444-444444444444", managed_identity=True)
    exchange, issuer = "api://AzureADTokenExchange", tokens.v2_issuer(desk.tenant)
    assertion = tokens.issue(desk.tenant, identity, exchange, appidacr="2", roles=[], token_issuer=issuer)
    desk.app.federated = [FederatedCredential(issuer, identity.object_id, exchange)]
    status, body = with_assertion(desk, assertion)
    assert (status, claims(body)["appidacr"], claims(body)["appid"]) == (200, "2", desk.app.client_id)
    for wrong, number in (
        (FederatedCredential("https://elsewhere", identity.object_id, exchange), 700211),
        (FederatedCredential(issuer, "somebody else", exchange), 700213),
        (FederatedCredential(issuer, identity.object_id, "api://other"), 700212),
    ):
        desk.app.federated = [wrong]
        assert with_assertion(desk, assertion)[1]["error_codes"] == [number]


@pytest.mark.parametrize("realm", ["id", "contoso.com", "contoso.onmicrosoft.com"])
def test_discovery_names_the_endpoints_by_tenant_id(desk: Desk, realm: str) -> None:
    """The tenant is found by id and by domain, and its endpoints are those of the id."""
    name = desk.tenant.tenant_id if realm == "id" else realm
    found = desk.get(f"{LOGIN}/{name}/v2.0/.well-known/openid-configuration")
    assert found["token_endpoint"] == token_url(desk)
    assert found["issuer"] == f"{LOGIN}/{desk.tenant.tenant_id}/v2.0"


def test_discovery_of_another_tenant_is_refused(desk: Desk) -> None:
    """An unknown tenant is `invalid_tenant`, AADSTS90002."""
    answer = desk.ask("GET", f"{LOGIN}/fabrikam.com/v2.0/.well-known/openid-configuration")
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "invalid_tenant")


def test_instance_discovery_knows_its_own_host_only(desk: Desk) -> None:
    """Clients learn that the host is an authority, and that another is none."""
    query = f"{LOGIN}/common/discovery/instance?api-version=1.1&authorization_endpoint="
    found = desk.get(f"{query}{LOGIN}/{desk.tenant.tenant_id}/oauth2/v2.0/authorize")
    assert "login.microsoftonline.com" in found["metadata"][0]["aliases"]
    answer = desk.ask("GET", f"{query}https://login.example.com/x/oauth2/v2.0/authorize")
    assert (answer.status, json.loads(answer.body)["error"]) == (400, "invalid_instance")


def test_published_key_verifies_the_tokens(desk: Desk) -> None:
    """Whoever takes the published key can verify a token with it."""
    keys = desk.get(f"{LOGIN}/{desk.tenant.tenant_id}/discovery/v2.0/keys")["keys"]
    _, body = ask(desk, client_secret="right")
    key = jwt.PyJWK(keys[0])
    assert jwt.get_unverified_header(body["access_token"])["kid"] == keys[0]["kid"]
    jwt.decode(body["access_token"], key, ["RS256"], audience="https://graph.microsoft.com")


def identity_url(**query: str) -> str:
    usual = {"api-version": "2019-08-01", "resource": "https://graph.microsoft.com"}
    return "/msi/token?" + urlencode(usual | query)


def test_identity_endpoint_gives_tokens_to_who_knows_the_header(desk: Desk) -> None:
    """With the instance's header there is a token of 24 hours; without it, or for a stranger, there is none."""
    identity = App("44444444-4444-4444-8444-444444444444", managed_identity=True)
    identity.roles["graph"] = ["User.Read.All"]
    desk.tenant.apps[identity.client_id] = identity

    def status_and_body(url: str, **headers: str) -> tuple[int, Any]:
        reply = asyncio.run(desk.control_api.serve(Request("GET", url, headers, b"")))
        return reply.answer.status, json.loads(reply.answer.body)

    known = {"x-identity-header": desk.tenant.identity_header, "metadata": "true"}
    status, body = status_and_body(identity_url(client_id=identity.client_id), **known)
    assert (status, body["client_id"]) == (200, identity.client_id)
    assert claims(body)["roles"] == ["User.Read.All"]
    assert int(body["expires_on"]) - datetime.now(UTC).timestamp() > 86000
    for url, headers, refused in (
        (identity_url(), {}, 401),
        (identity_url(), known | {"metadata": "false"}, 400),
        (identity_url(client_id="nobody"), known, 400),
        (identity_url(resource="https://fabrikam.sharepoint.com"), known, 400),
        (identity_url(**{"api-version": "2017-09-01"}), known, 400),
    ):
        status, body = status_and_body(url, **headers)
        assert (status, body["statusCode"]) == (refused, refused)

"""Clients that nobody here wrote sign in to the running tenant and read its Graph as they do Microsoft's."""

from collections.abc import Iterator
from typing import Any

import jwt
import msal
import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import load_pem_x509_certificate
from office365.graph_client import GraphClient
from office365.runtime.client_request_exception import ClientRequestException

from simulated_tenant.client import RunningTenant, start_tenant
from tests.pictures import jpeg
from tests.simulated_tenant.credentials import credential

CLIENT_ID = "66666666-6666-4666-8666-666666666666"
SCOPES = ["https://graph.microsoft.com/.default"]


@pytest.fixture(scope="module")
def tenant() -> Iterator[RunningTenant]:
    with start_tenant() as running:
        yield running


@pytest.fixture(autouse=True)
def _through_the_tenant(tenant: RunningTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tenant.environment.items():
        monkeypatch.setenv(name, value)
    tenant.control.reset()
    tenant.control.add_app(
        CLIENT_ID, certificate=credential().certificate, secret="right", graph=["User.Read.All", "GroupMember.Read.All"]
    )


def application(tenant: RunningTenant, proof: Any, **more: Any) -> msal.ConfidentialClientApplication:
    """A client of msal's, with everything at its default."""
    authority = f"https://login.microsoftonline.com/{tenant.tenant_id}"
    return msal.ConfidentialClientApplication(CLIENT_ID, proof, authority, **more)


def claims(result: dict[str, Any]) -> dict[str, Any]:
    assert "access_token" in result, result
    return dict(jwt.decode(result["access_token"], options={"verify_signature": False}))


def by_certificate() -> dict[str, str]:
    return {"private_key": credential().private_key, "public_certificate": credential().certificate}


def test_msal_signs_in_with_a_certificate(tenant: RunningTenant) -> None:
    """With msal one discovers the tenant, signs an assertion and gets a token, which the cache then holds."""
    client = application(tenant, by_certificate())
    result = client.acquire_token_for_client(SCOPES)
    assert (claims(result)["appidacr"], result["token_source"]) == ("2", "identity_provider")
    assert client.acquire_token_for_client(SCOPES)["token_source"] == "cache"


def test_msal_signs_in_by_domain_and_by_sha1_thumbprint(tenant: RunningTenant) -> None:
    """The older way, by domain and with RS256 under a SHA-1 thumbprint, works too."""
    found = load_pem_x509_certificate(credential().certificate.encode())
    thumbprint = found.fingerprint(hashes.SHA1()).hex()  # noqa: S303 - Entra's thumbprints are SHA-1
    proof = {"private_key": credential().private_key, "thumbprint": thumbprint}
    authority = f"https://login.microsoftonline.com/{tenant.domain}"
    client = msal.ConfidentialClientApplication(CLIENT_ID, proof, authority)
    assert claims(client.acquire_token_for_client(SCOPES))["appid"] == CLIENT_ID


def test_msal_is_told_what_is_wrong(tenant: RunningTenant) -> None:
    """A wrong secret and a missing app come back as msal's error dictionaries, with their AADSTS numbers."""
    wrong = application(tenant, "wrong").acquire_token_for_client(SCOPES)
    assert (wrong["error"], wrong["error_codes"]) == ("invalid_client", [7000215])
    tenant.control.call("DELETE", f"/apps/{CLIENT_ID}")
    gone = application(tenant, "right").acquire_token_for_client(SCOPES)
    assert (gone["error"], gone["error_codes"]) == ("unauthorized_client", [700016])
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        msal.ConfidentialClientApplication(CLIENT_ID, "x", "https://login.microsoftonline.com/fabrikam.com")


def test_msal_uses_a_managed_identity_and_lets_it_stand_in_for_the_app(tenant: RunningTenant) -> None:
    """The identity has a token of its own, and with one for the exchange gets the app's, all by msal."""
    identity = tenant.control.add_app(managed_identity=True, graph=["ProfilePhoto.Read.All"])
    tenant.control.change_app(CLIENT_ID, federated={"subject": identity["objectId"]})
    with pytest.MonkeyPatch.context() as patch, requests.Session() as session:
        patch.setenv("IDENTITY_ENDPOINT", tenant.identity)
        patch.setenv("IDENTITY_HEADER", tenant.identity_header)
        managed = msal.ManagedIdentityClient(
            msal.UserAssignedManagedIdentity(client_id=identity["clientId"]), http_client=session
        )
        own = managed.acquire_token_for_client(resource="https://graph.microsoft.com")
        assert claims(own)["roles"] == ["ProfilePhoto.Read.All"]

        def stand_in() -> str:
            return str(managed.acquire_token_for_client(resource="api://AzureADTokenExchange")["access_token"])

        result = application(tenant, {"client_assertion": stand_in}).acquire_token_for_client(SCOPES)
    assert (claims(result)["appid"], claims(result)["appidacr"]) == (CLIENT_ID, "2")


def graph(tenant: RunningTenant) -> GraphClient:
    """The library's own way in, with a certificate."""
    client = GraphClient(tenant=tenant.tenant_id)
    proof = by_certificate()
    return client.with_certificate(
        CLIENT_ID, private_key=proof["private_key"], public_certificate=proof["public_certificate"]
    )


def test_library_reads_users_photos_and_groups(tenant: RunningTenant) -> None:
    """office365-rest-python-client pages through users, reads a user and the photo's sizes, and lists a group."""
    people = tenant.control.add_users([{"userPrincipalName": f"u{number}@contoso.com"} for number in range(230)])
    tenant.control.put_photo(people[0], jpeg(240, 240))
    group = tenant.control.put_group(people[:3])
    client = graph(tenant)
    listed = client.users.get_all().select(["id", "userPrincipalName"]).execute_query()
    assert [user.id for user in listed] == people
    user = client.users[people[0]].get().execute_query()
    assert user.user_principal_name == "u0@contoso.com"
    photo = user.photo.get().execute_query()
    assert (photo.width, photo.height) == (240, 240)
    sizes = user.photos.get().execute_query()
    assert [size.width for size in sizes] == [48, 64, 96, 120, 240]
    members = client.groups[group].transitive_members.get().execute_query()
    assert [member.id for member in members] == people[:3]


def test_library_raises_graphs_errors(tenant: RunningTenant) -> None:
    """A missing user and a missing role arrive as the library's exceptions, with Graph's codes."""
    with pytest.raises(ClientRequestException) as missing:
        graph(tenant).users["nobody@contoso.com"].get().execute_query()
    assert missing.value.code == "Request_ResourceNotFound"
    tenant.control.change_app(CLIENT_ID, roles={"graph": []})
    with pytest.raises(ClientRequestException) as denied:
        graph(tenant).users.get().execute_query()
    assert denied.value.code == "Authorization_RequestDenied"

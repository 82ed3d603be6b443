"""Signing in: each of the three ways gets tokens that Graph and SharePoint take, and a refusal is told in words."""

import base64
from pathlib import Path

import pytest
import requests

from shared.failures import Failure, FailureCode
from shared.settings import Settings
from shared.tokens import Tokens, certificate_of
from simulated_tenant.client import RunningTenant
from tests.bench import GRAPH_ROLES, SHAREPOINT_ROLES, reach
from tests.certificates import KeyPair, key_pair

GRAPH = "https://graph.microsoft.com"
MY = "https://contoso-my.sharepoint.com"


@pytest.fixture(autouse=True)
def _reach(tenant: RunningTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    reach(tenant, monkeypatch)
    monkeypatch.setenv("IDENTITY_ENDPOINT", tenant.identity)
    monkeypatch.setenv("IDENTITY_HEADER", tenant.identity_header)


def settings(tenant: RunningTenant, **more: str) -> Settings:
    """Settings of an app in this tenant."""
    return Settings.from_environment(
        {
            "PHOTOSYNC_TENANT_ID": tenant.tenant_id,
            "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
            "PHOTOSYNC_PUBLIC_URL": "https://photosync.contoso.example",
            "PHOTOSYNC_CLIENT_STATE": "0123456789abcdef",
            **more,
        }
    )


def works(tenant: RunningTenant, tokens: Tokens) -> None:
    """Graph and SharePoint take the tokens."""
    with tenant.session() as session:
        graph = session.get(f"{GRAPH}/v1.0/users?$top=1", headers={"Authorization": f"Bearer {tokens.get(GRAPH)}"})
        assert graph.status_code == requests.codes.ok
        headers = {"Authorization": f"Bearer {tokens.get(MY)}", "User-Agent": "NONISV|Contoso|Test/1"}
        assert session.get(f"{MY}/_api/web", headers=headers).status_code == requests.codes.ok


@pytest.mark.parametrize("form", ["pem", "pem file", "pfx", "pfx file", "pfx with password"])
def test_a_certificate_signs_in_whatever_its_form(
    tenant: RunningTenant, certificate: KeyPair, tmp_path: Path, form: str
) -> None:
    """PEM and PFX, as text, as a Key Vault reference gives them, or as a file, with or without a password."""
    pem = certificate.key + certificate.certificate
    file = tmp_path / "certificate"
    given: dict[str, str]
    match form:
        case "pem":
            given = {"PHOTOSYNC_CERTIFICATE": pem}
        case "pem file":
            file.write_text(pem)
            given = {"PHOTOSYNC_CERTIFICATE_FILE": str(file)}
        case "pfx":
            given = {"PHOTOSYNC_CERTIFICATE": base64.b64encode(certificate.pfx()).decode()}
        case "pfx file":
            file.write_bytes(certificate.pfx())
            given = {"PHOTOSYNC_CERTIFICATE_FILE": str(file)}
        case _:
            file.write_bytes(certificate.pfx("pass word"))
            given = {"PHOTOSYNC_CERTIFICATE_FILE": str(file), "PHOTOSYNC_CERTIFICATE_PASSWORD": "pass word"}
    app = tenant.control.add_app(certificate=certificate.certificate, graph=GRAPH_ROLES, sharepoint=SHAREPOINT_ROLES)
    works(
        tenant,
        Tokens(settings(tenant, PHOTOSYNC_CREDENTIAL="certificate", PHOTOSYNC_CLIENT_ID=app["clientId"], **given)),
    )


def test_a_managed_identity_signs_in(tenant: RunningTenant) -> None:
    """The user-assigned identity that the settings name gets tokens from the platform's endpoint."""
    identity = tenant.control.add_app(managed_identity=True, graph=GRAPH_ROLES, sharepoint=SHAREPOINT_ROLES)
    works(tenant, Tokens(settings(tenant, PHOTOSYNC_MANAGED_IDENTITY_CLIENT_ID=identity["clientId"])))


def test_a_managed_identity_is_the_credential_of_an_app(tenant: RunningTenant) -> None:
    """Workload identity federation: the identity's token is exchanged for the app's."""
    identity = tenant.control.add_app(managed_identity=True)
    app = tenant.control.add_app(
        graph=GRAPH_ROLES,
        sharepoint=SHAREPOINT_ROLES,
        federated={
            "issuer": f"https://login.microsoftonline.com/{tenant.tenant_id}/v2.0",
            "subject": identity["objectId"],
        },
    )
    works(
        tenant,
        Tokens(
            settings(
                tenant,
                PHOTOSYNC_CREDENTIAL="federated",
                PHOTOSYNC_CLIENT_ID=app["clientId"],
                PHOTOSYNC_MANAGED_IDENTITY_CLIENT_ID=identity["clientId"],
            )
        ),
    )


def test_tokens_are_cached(tenant: RunningTenant) -> None:
    """The second token for a resource costs no request."""
    identity = tenant.control.add_app(managed_identity=True)
    tokens = Tokens(settings(tenant, PHOTOSYNC_MANAGED_IDENTITY_CLIENT_ID=identity["clientId"]))
    assert tokens.get(GRAPH) == tokens.get(GRAPH)
    tokens.forget()
    assert tokens.get(GRAPH)


def test_a_refusal_names_entras_own_code(tenant: RunningTenant) -> None:
    """A certificate that is not registered: SignInFailed, with AADSTS700027 and without a secret."""
    app = tenant.control.add_app(certificate=key_pair("registered").certificate)
    stranger = key_pair("not registered")
    given = {"PHOTOSYNC_CERTIFICATE": stranger.key + stranger.certificate}
    tokens = Tokens(settings(tenant, PHOTOSYNC_CREDENTIAL="certificate", PHOTOSYNC_CLIENT_ID=app["clientId"], **given))
    with pytest.raises(Failure) as refused:
        tokens.get(GRAPH)
    assert refused.value.code is FailureCode.SIGN_IN_FAILED
    assert "AADSTS700027" in refused.value.detail


@pytest.mark.parametrize("fault", ["503", "500", "reset", "garbage"])
def test_entra_failing_is_waited_for(tenant: RunningTenant, certificate: KeyPair, fault: str) -> None:
    """An outage of Entra ID is ours to wait for, not the administrator's to mend."""
    app = tenant.control.add_app(certificate=certificate.certificate)
    given = {"PHOTOSYNC_CERTIFICATE": certificate.key + certificate.certificate}
    tokens = Tokens(settings(tenant, PHOTOSYNC_CREDENTIAL="certificate", PHOTOSYNC_CLIENT_ID=app["clientId"], **given))
    tenant.control.fault("entra.token", fault, fault)  # msal itself tries a broken connection once more
    with pytest.raises(Failure) as failed:
        tokens.get(GRAPH)
    tenant.control.clear_faults()
    assert failed.value.code is FailureCode.SERVICE_UNAVAILABLE


def test_a_certificate_that_cannot_be_read_says_so(tenant: RunningTenant) -> None:
    """Rubbish in the setting ends as SignInFailed with the setting's name, without the rubbish."""
    given = {"PHOTOSYNC_CERTIFICATE": "-----BEGIN RUBBISH", "PHOTOSYNC_CLIENT_ID": tenant.tenant_id}
    with pytest.raises(Failure, match="PHOTOSYNC_CERTIFICATE"):
        Tokens(settings(tenant, PHOTOSYNC_CREDENTIAL="certificate", **given)).get(GRAPH)


def test_msal_gets_no_thumbprint(certificate: KeyPair) -> None:
    """With a thumbprint msal would sign by SHA-1; without one it uses SHA-256."""
    environment = {
        "PHOTOSYNC_TENANT_ID": "11111111-2222-3333-4444-555555555555",
        "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
        "PHOTOSYNC_PUBLIC_URL": "https://photosync.contoso.example",
        "PHOTOSYNC_CLIENT_STATE": "0123456789abcdef",
        "PHOTOSYNC_CERTIFICATE": base64.b64encode(certificate.pfx()).decode(),
    }
    assert set(certificate_of(Settings.from_environment(environment))) == {"private_key", "public_certificate"}

"""Access tokens for Graph and SharePoint, by msal: one cache per process, no secret ever logged.

Three ways to sign in, chosen by PHOTOSYNC_CREDENTIAL: a managed identity; an app registration with a certificate; an
app registration whose credential is a managed identity (workload identity federation). msal and cryptography are
imported on the first token, since the webhook answers without one.
"""

import base64
import binascii
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.setting_values import Credential
from shared.settings import Settings, SettingsError

TIMEOUT = 15
"""Seconds for one call to the token endpoint; msal itself sets none."""


@dataclass(frozen=True)
class _SignedIn:
    """msal, ready to be asked."""

    ask: Callable[[str, str | None], dict[str, Any]]
    """A token for a resource, with a claims challenge if there is one; msal's own answer."""
    forget: Callable[[], None] | None = None
    """Empties its cache; None: it is made anew for that."""


class Tokens:
    """Gives access tokens; safe for threads. Nothing is asked of Entra ID before the first token is."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._signed_in: _SignedIn | None = None

    def get(self, resource: str, claims_challenge: str | None = None) -> str:
        """An access token for `resource` (`https://graph.microsoft.com`, `https://contoso-my.sharepoint.com`).

        `claims_challenge` is what a 401's WWW-Authenticate header carried; it makes msal ask anew.

        Raises:
            Failure: SignInFailed when Entra ID refuses; ServiceUnavailable when it fails or cannot be reached.
        """
        from msal.exceptions import MsalServiceError

        try:
            with self._lock:
                if self._signed_in is None:
                    self._signed_in = self._sign_in()
                signed_in = self._signed_in
            answer = signed_in.ask(resource, claims_challenge)
        except (requests.RequestException, MsalServiceError, json.JSONDecodeError) as error:
            raise Failure(
                FailureCode.SERVICE_UNAVAILABLE, f"Entra ID: {type(error).__name__}", service=Service.ENTRA
            ) from error
        except (ValueError, SettingsError) as error:  # ValueError is msal's way to say: no such authority
            raise Failure(FailureCode.SIGN_IN_FAILED, _shorten(str(error)), service=Service.ENTRA) from error
        if "access_token" in answer:
            return str(answer["access_token"])
        raise _refusal(answer)

    def forget(self) -> None:
        """Drop every cached token, because a service refused one that msal still holds for good."""
        with self._lock:
            if self._signed_in is not None and self._signed_in.forget is not None:
                self._signed_in.forget()  # keeps the key, whose reading takes longer than a token
            else:
                self._signed_in = None

    def _sign_in(self) -> "_SignedIn":
        import msal

        # It logs the whole of an answer that it cannot read, and a token broken off in the middle is one.
        logging.getLogger("msal.oauth2cli.oauth2").setLevel(logging.CRITICAL)
        session = _Session()
        settings = self._settings
        identity = (
            msal.UserAssignedManagedIdentity(client_id=settings.managed_identity_client_id)
            if settings.managed_identity_client_id
            else msal.SystemAssignedManagedIdentity()
        )
        managed = msal.ManagedIdentityClient(identity, http_client=session)
        if settings.credential is Credential.MANAGED_IDENTITY:
            return _SignedIn(
                lambda resource, challenge: dict(
                    managed.acquire_token_for_client(resource=resource, claims_challenge=challenge)
                )
            )

        endpoints = settings.cloud.endpoints
        if settings.credential is Credential.CERTIFICATE:
            credential: dict[str, Any] = certificate_of(settings)
        else:
            # A callable, so that msal asks for a fresh assertion each time: a fixed string would expire.
            credential = {"client_assertion": lambda: _assertion(managed, endpoints.exchange_audience)}
        app = msal.ConfidentialClientApplication(
            settings.client_id,
            client_credential=credential,
            authority=f"https://{endpoints.login}/{settings.tenant_id}",
            instance_discovery=False,  # the authority comes from our own table; saves a request
            http_client=session,
        )
        return _SignedIn(
            lambda resource, challenge: dict(
                app.acquire_token_for_client(scopes=[f"{resource}/.default"], claims_challenge=challenge)
            ),
            app.remove_tokens_for_client,
        )


def certificate_of(settings: Settings) -> dict[str, Any]:
    """The certificate in msal's form: PEM key and PEM certificate, no thumbprint, so that msal signs with SHA-256.

    Raises:
        SettingsError: when it cannot be read.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
        pkcs12,
    )

    secret = settings.certificate_password
    password = secret.get_secret_value().encode() if secret else None
    try:
        content = _certificate_bytes(settings)
        if b"-----BEGIN" in content:
            key: Any = load_pem_private_key(content, password)
            certificates = x509.load_pem_x509_certificates(content)
        else:
            key, first, others = pkcs12.load_key_and_certificates(content, password)
            certificates = [certificate for certificate in (first, *others) if certificate]
        if key is None or not certificates:
            raise ValueError("a private key and its certificate are both needed")  # noqa: TRY301 - one way out
    except (ValueError, TypeError, OSError, binascii.Error) as error:
        raise SettingsError(
            "PHOTOSYNC_CERTIFICATE (or PHOTOSYNC_CERTIFICATE_FILE) cannot be read as PEM or PFX with its private key "
            f"and PHOTOSYNC_CERTIFICATE_PASSWORD: {_shorten(str(error))}"
        ) from None
    return {
        "private_key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        "public_certificate": certificates[0].public_bytes(Encoding.PEM).decode(),
    }


def _certificate_bytes(settings: Settings) -> bytes:
    if settings.certificate_file is not None:
        return settings.certificate_file.read_bytes()
    if settings.certificate is None:
        raise ValueError("none is set")
    text = settings.certificate.get_secret_value()
    return text.encode() if "-----BEGIN" in text else base64.b64decode(text, validate=True)


def _assertion(managed: Any, audience: str) -> str:
    answer = managed.acquire_token_for_client(resource=audience)
    if "access_token" not in answer:
        raise _refusal(answer)
    return str(answer["access_token"])


class _Session(requests.Session):
    """What msal calls `get` and `post` of; both end in `request`, which puts the timeout in."""

    def request(self, *arguments: Any, **named: Any) -> requests.Response:
        return super().request(*arguments, **{"timeout": TIMEOUT, **named})


def _refusal(answer: dict[str, Any]) -> Failure:
    """Entra's refusal as a failure. Its description holds ids of the app and the tenant, no secret."""
    description = str(answer.get("error_description", ""))
    detail = f"{answer.get('error', 'no token in the answer')}: {description.splitlines()[0] if description else ''}"
    transient = {"temporarily_unavailable", "server_error"}
    # A managed identity's endpoint reports every trouble as invalid_scope with the status in the description.
    if answer.get("error") in transient or description.startswith(("5", "429", "408")):
        code = FailureCode.SERVICE_UNAVAILABLE
    else:
        code = FailureCode.SIGN_IN_FAILED
    return Failure(code, _shorten(detail), request_id=str(answer.get("trace_id", "")), service=Service.ENTRA)


def _shorten(text: str) -> str:
    return text if len(text) <= 300 else text[:299] + "…"

"""How an app proves who it is at the token endpoint: secret, signed assertion, or a managed identity's token.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from simulated_tenant import entra_errors as errors
from simulated_tenant import tokens
from simulated_tenant.state import App, Tenant
from simulated_tenant.wire import Received

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW_SECONDS = 300


def prove(tenant: Tenant, received: Received, app: App, form: Mapping[str, str]) -> str:
    """The `appidacr` of the proof that the form carries; raises `Refused` when it proves nothing."""
    if form.get("client_assertion"):
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise errors.refusal(received, errors.MISSING_PARAMETER, name="client_assertion_type")
        return _by_assertion(tenant, received, app, form["client_assertion"])
    secret = form.get("client_secret")
    if not secret:
        raise errors.refusal(received, errors.NO_CREDENTIAL)
    if secret in app.secrets:
        return tokens.SECRET
    expired = secret in app.expired_secrets
    raise errors.refusal(received, errors.EXPIRED_SECRET if expired else errors.WRONG_SECRET, app=app.client_id)


def thumbprints(pem: bytes) -> tuple[str, str]:
    """SHA-1 and SHA-256 of the certificate, base64url without padding, as `x5t` and `x5t#S256` carry them."""
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    # SHA-1 only names the certificate here; that is what `x5t` is defined as.
    digests = (hashlib.sha1(der, usedforsecurity=False), hashlib.sha256(der))
    sha1, sha256 = (base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=") for digest in digests)
    return sha1, sha256


def _by_assertion(tenant: Tenant, received: Received, app: App, assertion: str) -> str:
    try:
        header = jwt.get_unverified_header(assertion)
        unverified: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise errors.refusal(received, errors.ASSERTION_MALFORMED) from None
    if header.get("kid") == tokens.SIGNING_KEY_ID or (unverified.get("iss") != app.client_id and app.federated):
        return _by_identity(tenant, received, app, assertion, unverified)
    certificate = _named_certificate(received, app, header)
    _check_signature(received, certificate, assertion)
    _check_claims(tenant, received, app, unverified)
    return tokens.CERTIFICATE


def _named_certificate(received: Received, app: App, header: Mapping[str, Any]) -> x509.Certificate:
    """The registered certificate that `x5t` or `x5t#S256` names, if it is still valid."""
    named = {str(header.get(name) or "").rstrip("=") for name in ("x5t", "x5t#S256")} - {""}
    for pem in app.certificates:
        if not named.isdisjoint(thumbprints(pem)):
            certificate = x509.load_pem_x509_certificate(pem)
            if certificate.not_valid_after_utc < datetime.now(UTC):
                raise errors.refusal(received, errors.BAD_SIGNATURE, reason="The key used is expired.")
            return certificate
    reason = (
        f"The key was not found. Thumbprint of key used by client: '{', '.join(sorted(named)) or 'none'}'. Please "
        f"visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id "
        f"'{app.client_id}'."
    )
    raise errors.refusal(received, errors.BAD_SIGNATURE, reason=reason)


def _check_signature(received: Received, certificate: x509.Certificate, assertion: str) -> None:
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise errors.refusal(received, errors.BAD_SIGNATURE, reason="The key was found, but is no RSA key.")
    try:
        jwt.decode(
            assertion,
            key,
            ["RS256", "PS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError:
        reason = "The key was found, but use of the key to verify the signature failed."
        raise errors.refusal(received, errors.BAD_SIGNATURE, reason=reason) from None


def _check_claims(tenant: Tenant, received: Received, app: App, claims: Mapping[str, Any]) -> None:
    if (claims.get("iss"), claims.get("sub")) != (app.client_id, app.client_id):
        raise errors.refusal(received, errors.ASSERTION_CLIENT)
    base = f"https://{tenant.cloud.login}"
    realms = (tenant.tenant_id, tenant.domain)
    accepted = {f"{base}/{realm}{end}" for realm in realms for end in ("/oauth2/v2.0/token", "/v2.0", "/oauth2/token")}
    if str(claims.get("aud")).rstrip("/") not in accepted:
        raise errors.refusal(received, errors.ASSERTION_AUDIENCE)
    # The machine's clock: `POST /clock` moves the tenant, while its clients stay in their own time.
    now = datetime.now(UTC).timestamp()
    expires, starts = claims.get("exp"), claims.get("nbf", claims.get("iat", 0))
    if not isinstance(expires, int | float) or not isinstance(starts, int | float):
        raise errors.refusal(received, errors.ASSERTION_MALFORMED)
    if not starts - _SKEW_SECONDS <= now < expires + _SKEW_SECONDS:
        raise errors.refusal(received, errors.ASSERTION_TIME)


def _by_identity(tenant: Tenant, received: Received, app: App, assertion: str, unverified: Mapping[str, Any]) -> str:
    """A managed identity's token as the credential of the app: issuer, subject and audience must be registered."""
    issuer, subject, audience = (str(unverified.get(name)) for name in ("iss", "sub", "aud"))
    if not any(known.issuer == issuer for known in app.federated):
        raise errors.refusal(received, errors.FEDERATED_ISSUER, value=issuer)
    if not any(known.subject == subject for known in app.federated):
        raise errors.refusal(received, errors.FEDERATED_SUBJECT, value=subject)
    if not any((known.subject, known.audience) == (subject, audience) for known in app.federated):
        raise errors.refusal(received, errors.FEDERATED_AUDIENCE, value=audience)
    try:
        tokens.verified(tenant, assertion)
    except tokens.TokenExpired:
        raise errors.refusal(received, errors.ASSERTION_TIME) from None
    except tokens.TokenProblem:
        reason = "The key was found, but use of the key to verify the signature failed."
        raise errors.refusal(received, errors.BAD_SIGNATURE, reason=reason) from None
    return tokens.CERTIFICATE

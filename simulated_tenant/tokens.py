"""Access tokens: Entra issues them here, Graph and SharePoint read them here.

The claims are those of v1 tokens, which both services get (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from simulated_tenant.state import App, Tenant
from simulated_tenant.wire import Received

SECRET, CERTIFICATE = "1", "2"
"""Values of `appidacr`: how the app proved who it is. A managed identity counts as a certificate."""

SIGNING_KEY_ID = "simulated-tenant-signing-key"


@dataclass(frozen=True)
class Claims:
    """What a valid access token says."""

    appid: str
    appidacr: str
    roles: frozenset[str]
    tid: str
    aud: str
    idtyp: str
    oid: str


class TokenProblem(Exception):  # noqa: N818 - the base of five named refusals
    """The token gives no access; each service answers this in its own shape."""


class TokenMissing(TokenProblem):
    """The Authorization header is absent, or carries no Bearer token."""


class TokenMalformed(TokenProblem):
    """The Bearer token is no JWT."""


class TokenSignatureInvalid(TokenProblem):
    """The token was not signed by this tenant's Entra ID."""


class TokenExpired(TokenProblem):
    """By the tenant's clock the token's lifetime is over."""


class TokenWrongAudience(TokenProblem):
    """The token was issued for another resource."""

    def __init__(self, claims: Claims) -> None:
        super().__init__(f"the token is for {claims.aud}")
        self.claims = claims


def issuer(tenant: Tenant) -> str:
    """The issuer of v1 access tokens."""
    return f"https://sts.windows.net/{tenant.tenant_id}/"


def v2_issuer(tenant: Tenant) -> str:
    """The issuer that discovery and federated credentials name."""
    return f"https://{tenant.cloud.login}/{tenant.tenant_id}/v2.0"


def issue(
    tenant: Tenant,
    app: App,
    audience: str,
    *,
    appidacr: str,
    roles: list[str],
    lifetime: timedelta = timedelta(seconds=3599),
    token_issuer: str | None = None,
) -> str:
    """A signed access token for `app` at `audience`. Without roles the claim is absent, as Entra does it."""
    now = int(tenant.now().timestamp())
    claims: dict[str, Any] = {
        "aud": audience,
        "iss": token_issuer or issuer(tenant),
        "iat": now,
        "nbf": now,
        "exp": now + int(lifetime.total_seconds()),
        "aio": uuid4().hex,
        "app_displayname": app.display_name or app.client_id,
        "appid": app.client_id,
        "appidacr": appidacr,
        "idp": issuer(tenant),
        "idtyp": "app",
        "oid": app.object_id,
        "sub": app.object_id,
        "tid": tenant.tenant_id,
        "uti": uuid4().hex[:22],
        "ver": "1.0",
    }
    if roles:
        claims["roles"] = roles
    return jwt.encode(claims, tenant.signing_key, "RS256", headers={"kid": SIGNING_KEY_ID})


def bearer(received: Received) -> str:
    """The token of the request; raises `TokenMissing`."""
    scheme, _, token = received.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing
    return token.strip()


@lru_cache(maxsize=1024)
def _signed(key: RSAPrivateKey, token: str) -> Mapping[str, Any]:
    """The claims, when the signature is the key's. Remembered: a client sends one token thousands of times."""
    try:
        # Times are for the caller to compare: the library knows only the machine's clock.
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public_key(),
            ["RS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except jwt.InvalidSignatureError as error:
        raise TokenSignatureInvalid from error
    except jwt.InvalidTokenError as error:
        raise TokenMalformed from error
    return claims


def verified(tenant: Tenant, token: str) -> dict[str, Any]:
    """All claims of a token that this tenant signed and that is valid by its clock."""
    claims = dict(_signed(tenant.signing_key, token))
    now = tenant.now().timestamp()
    if not claims["nbf"] - 300 <= now < claims["exp"]:
        raise TokenExpired
    return claims


def read_bearer(tenant: Tenant, received: Received, audience: str) -> Claims:
    """The claims of the request's token.

    Raises:
        TokenProblem: one of its five kinds. `audience` is a resource such as `https://graph.microsoft.com`.
    """
    raw = verified(tenant, bearer(received))
    claims = Claims(
        appid=raw["appid"],
        appidacr=raw["appidacr"],
        roles=frozenset(raw.get("roles", ())),
        tid=raw["tid"],
        aud=raw["aud"],
        idtyp=raw["idtyp"],
        oid=raw["oid"],
    )
    if claims.aud.rstrip("/").lower() != audience.rstrip("/").lower():
        raise TokenWrongAudience(claims)
    return claims


def app_named_by(received: Received) -> str | None:
    """The client id that the token claims, unverified: for the record of requests, never for access."""
    try:
        return _app_in(bearer(received))
    except TokenMissing:
        return None


@lru_cache(maxsize=1024)
def _app_in(token: str) -> str | None:
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    return str(claims["appid"]) if "appid" in claims else None

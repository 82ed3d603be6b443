"""Who is signed in, by the header that App Service authentication sets. Pure.

The platform replaces `x-ms-client-principal` in every request that it lets through, and only then: an app behind which
that authentication is off gets whatever a stranger sends. So the header counts only when a setting says that it is on.
A session of App Service authentication is a cookie, which a browser also sends for other sites' forms: what changes
anything must therefore carry a header that no form can set.
Source: App Service, "Work with user identities in Azure App Service authentication".
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.asked_by import PAGE_HEADER

PRINCIPAL_HEADER = "x-ms-client-principal"
_ROLE_CLAIMS = {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}
_NAME_CLAIMS = ("preferred_username", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "upn", "name")
_APP_CLAIMS = ("azp", "appid")
"""Name the application that signed in for itself, with a token of version 2 or 1."""
_TENANT_CLAIMS = ("tid", "http://schemas.microsoft.com/identity/claims/tenantid")
_LARGEST = 64 * 1024


class Role(StrEnum):
    """App roles, assigned in Entra ID."""

    ADMIN = "PhotoSync.Admin"
    """May look and act."""
    READER = "PhotoSync.Reader"
    """May look."""


@dataclass(frozen=True)
class SignedIn:
    """Somebody whom the platform vouches for."""

    name: str
    """User principal name; for an application that signed in for itself, its client id in words."""
    roles: frozenset[Role]
    tenant_id: str | None = None
    """Whose account it is; None when the platform does not say."""

    @property
    def may_look(self) -> bool:
        """Whether anything may be shown."""
        return bool(self.roles)

    @property
    def may_act(self) -> bool:
        """Whether anything may be asked for."""
        return Role.ADMIN in self.roles


def signed_in(headers: Mapping[str, str], *, trusted: bool) -> SignedIn | None:
    """Who is signed in; None when nobody is, when the header is not understood, or when it does not count.

    `headers`: names in lower case. `trusted`: whether App Service authentication is known to be on.
    """
    header = headers.get(PRINCIPAL_HEADER, "")
    if not trusted or not header or len(header) > _LARGEST:
        return None
    try:
        principal = json.loads(base64.b64decode(header, validate=True))
        own_type = principal.get("role_typ")
        claims = [(str(claim["typ"]), str(claim["val"])) for claim in principal["claims"]]
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError):
        return None
    role_types = _ROLE_CLAIMS | ({own_type} if isinstance(own_type, str) else set())
    held = {value for kind, value in claims if kind in role_types}
    first = dict(reversed(claims))
    name = _first_of(first, _NAME_CLAIMS)
    if name is None:
        app = _first_of(first, _APP_CLAIMS)
        name = "somebody signed in" if app is None else f"application {app}"
    return SignedIn(name, frozenset(role for role in Role if role in held), _first_of(first, _TENANT_CLAIMS))


def _first_of(claims: Mapping[str, str], kinds: Iterable[str]) -> str | None:
    return next((claims[kind] for kind in kinds if claims.get(kind)), None)


def comes_from_the_page(headers: Mapping[str, str]) -> bool:
    """Whether a script of our own origin sent this: other origins may not set the header without being asked first."""
    return bool(headers.get(PAGE_HEADER))

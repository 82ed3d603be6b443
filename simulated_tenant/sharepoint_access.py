"""Who may do what: SharePoint's reading of access tokens, and the roles that its operations demand.

The token itself is judged in front of everything (`authorize`, a 401); roles are judged by the operation (`demand`),
because each service words the refusal in its own way.
"""

from dataclasses import replace
from enum import Enum

from simulated_tenant import tokens
from simulated_tenant.sharepoint_errors import (
    access_denied,
    authentication_answer,
    profiles_denied,
    unauthorized,
)
from simulated_tenant.sharepoint_formats import format_of
from simulated_tenant.state import Tenant
from simulated_tenant.tokens import Claims
from simulated_tenant.wire import Answer, Received, Refused

SHAREPOINT_APP_ID = "00000003-0000-0ff1-ce00-000000000000"
_FULL = "Sites.FullControl.All"
_FILES_WRITE = {_FULL, "Sites.Manage.All", "Sites.ReadWrite.All"}
_FILES_READ = _FILES_WRITE | {"Sites.Read.All"}
_PROFILES_WRITE = {"User.ReadWrite.All"}
_PROFILES_READ = _PROFILES_WRITE | {"User.Read.All"}


class Need(Enum):
    """What an operation demands of the caller."""

    NOTHING = "a valid token"
    FILES_READ = "read files"
    FILES_WRITE = "write files"
    PROFILES_READ = "read profiles"
    PROFILES_WRITE = "write profiles"


def authorize(tenant: Tenant, received: Received) -> None:
    """Refuse a request whose token SharePoint does not take, with its 401."""
    claims_of(tenant, received)


def claims_of(tenant: Tenant, received: Received) -> Claims:
    """The claims of the request's token; raises `Refused` with SharePoint's 401.

    The audience must be the scheme and host of the request: a token for `-admin` is none for `-my`.
    """
    try:
        claims = tokens.read_bearer(tenant, received, f"https://{received.host}")
    except tokens.TokenMissing:
        if "authorization" in received.headers:
            raise Refused(_challenge(tenant)) from None
        raise Refused(unauthorized().as_answer(format_of(received.headers.get("accept", "")))) from None
    except tokens.TokenSignatureInvalid:
        diagnostics = '3000006;reason="Token contains invalid signature.";category="invalid_client"'
        raise Refused(authentication_answer("Invalid issuer or signature.", diagnostics)) from None
    except tokens.TokenExpired:
        diagnostics = '3000003;reason="The token has expired.";category="invalid_client"'
        raise Refused(authentication_answer("The token has expired.", diagnostics)) from None
    except tokens.TokenMalformed:
        raise Refused(authentication_answer("Unsupported security token.")) from None
    except tokens.TokenWrongAudience as problem:
        graph = tenant.cloud.graph in problem.claims.aud or not problem.claims.aud.startswith("https://")
        words = "Invalid issuer or signature." if graph else "Exception of type 'AudienceUriValidationFailedException'."
        sentence = f"The token is for {problem.claims.aud}, the request went to https://{received.host}."
        raise Refused(authentication_answer(words), sentence, "wrong-audience") from None
    if claims.appidacr == tokens.SECRET:
        sentence = "SharePoint takes no token that was obtained with a client secret."
        raise Refused(authentication_answer("Unsupported app only token."), sentence, "client-secret")
    return claims


def _challenge(tenant: Tenant) -> Answer:
    """How clients find out the tenant's id: they send `Authorization: Bearer` with nothing behind it."""
    answer = authentication_answer("Access denied. You must authenticate first.")
    realm = f'Bearer realm="{tenant.tenant_id}",client_id="{SHAREPOINT_APP_ID}",trusted_issuers="*"'
    return replace(answer, headers=dict(answer.headers) | {"WWW-Authenticate": realm})


def demand(tenant: Tenant, received: Received, claims: Claims, need: Need) -> None:
    """Raise SharePoint's 403 unless the token's roles, or the tenant's grants, allow what is needed."""
    match need:
        case Need.FILES_READ if not claims.roles & _FILES_READ:
            _demand_selected(tenant, received, claims, {"read", "write"})
        case Need.FILES_WRITE if not claims.roles & _FILES_WRITE:
            _demand_selected(tenant, received, claims, {"write"})
        case Need.PROFILES_READ:
            _demand_profiles(tenant, claims, _PROFILES_READ)
        case Need.PROFILES_WRITE:
            if not host_part(tenant, received.host).endswith("-admin"):
                raise access_denied()
            _demand_profiles(tenant, claims, _PROFILES_WRITE)


def _demand_selected(tenant: Tenant, received: Received, claims: Claims, rights: set[str]) -> None:
    granted = tenant.sharepoint.selected_sites.get(claims.appid)
    my_site = host_part(tenant, received.host).endswith("-my")
    if "Sites.Selected" not in claims.roles or not my_site or granted not in rights:
        raise access_denied()


def _demand_profiles(tenant: Tenant, claims: Claims, roles: set[str]) -> None:
    if not claims.roles & roles:
        raise profiles_denied() if _FULL in claims.roles else access_denied()
    if tenant.sharepoint.profiles_need_full_control and _FULL not in claims.roles:
        raise access_denied()


def host_part(tenant: Tenant, host: str) -> str:
    """`contoso-my` of `contoso-my.sharepoint.com`."""
    return host.lower().removesuffix(f".{tenant.cloud.sharepoint}")

"""Entra ID: discovery, signing keys, and tokens for apps (v2.0 client credentials).

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import base64
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlsplit

from simulated_tenant import entra_credentials, tokens
from simulated_tenant import entra_errors as errors
from simulated_tenant.clouds import LOGIN_HOSTS
from simulated_tenant.graph import APP_ID as GRAPH_APP_ID
from simulated_tenant.state import App, Tenant
from simulated_tenant.wire import Answer, Operations, Received

OPERATIONS = Operations(LOGIN_HOSTS)
SHAREPOINT_APP_ID = "00000003-0000-0ff1-ce00-000000000000"
LIFETIME_SECONDS = 3599


def authorize(tenant: Tenant, received: Received) -> None:
    """Nothing to show: tokens are what one comes here for."""


def unknown_path(tenant: Tenant, received: Received) -> Answer:  # noqa: ARG001 - the services' common signature
    """What Entra says to a path it does not have."""
    return Answer(404, b"", {"content-type": "text/html; charset=utf-8"})


def finish(tenant: Tenant, received: Received, answer: Answer) -> Answer:  # noqa: ARG001 - the services' common signature
    """Add the headers of every answer of Entra."""
    common = {
        "Cache-Control": "no-store, no-cache",
        "Pragma": "no-cache",
        "x-ms-request-id": received.request_id,
        "x-ms-ests-server": "2.1.0 - NEULR1 ProdSlices",
    }
    if client_id := received.headers.get("client-request-id"):
        common["client-request-id"] = client_id
    return replace(answer, headers=dict(answer.headers) | common)


@OPERATIONS.add("entra.discovery.instance", "GET", r"/common/discovery/instance")
def instance(tenant: Tenant, received: Received, _: Mapping[str, str]) -> Answer:
    """Which hosts are the same authority; clients ask it before they trust one."""
    authority = urlsplit(received.query.get("authorization_endpoint", ""))
    if authority.hostname != tenant.cloud.login:
        raise errors.refusal(received, errors.INVALID_INSTANCE)
    realm = authority.path.strip("/").partition("/")[0] or "common"
    host = tenant.cloud.login
    body = {
        "tenant_discovery_endpoint": f"https://{host}/{realm}/v2.0/.well-known/openid-configuration",
        "api-version": received.query.get("api-version", "1.1"),
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }
    return Answer.of_json(200, body)


@OPERATIONS.add("entra.discovery.openid", "GET", r"/(?P<realm>[^/]+)/v2\.0/\.well-known/openid-configuration")
def openid_configuration(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """The tenant's endpoints. By domain or by id, they are named by id."""
    if not _is_this(tenant, groups["realm"]):
        unknown = replace(errors.NO_SUCH_TENANT, error="invalid_tenant")
        raise errors.refusal(received, unknown, realm=unquote(groups["realm"]))
    base = f"https://{tenant.cloud.login}/{tenant.tenant_id}"
    body = {
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": tokens.v2_issuer(tenant),
        "request_uri_parameter_supported": False,
        "userinfo_endpoint": f"https://{tenant.cloud.graph}/oidc/userinfo",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "http_logout_supported": True,
        "frontchannel_logout_supported": True,
        "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": tenant.cloud.login.removeprefix("login."),
        "msgraph_host": tenant.cloud.graph,
    }
    return Answer.of_json(200, body)


@OPERATIONS.add("entra.discovery.keys", "GET", r"/[^/]+/discovery/(?:v2\.0/)?keys")
def keys(tenant: Tenant, _: Received, __: Mapping[str, str]) -> Answer:
    """The public half of the signing key, as a JSON Web Key Set."""
    numbers = tenant.signing_key.public_key().public_numbers()
    key = {
        "kty": "RSA",
        "use": "sig",
        "kid": tokens.SIGNING_KEY_ID,
        "n": _base64url(numbers.n),
        "e": _base64url(numbers.e),
        "issuer": tokens.v2_issuer(tenant),
    }
    return Answer.of_json(200, {"keys": [key]})


@OPERATIONS.add("entra.token", "POST", r"/(?P<realm>[^/]+)/oauth2/v2\.0/token")
def token(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """An access token for an app that proves who it is."""
    if not _is_this(tenant, groups["realm"]):
        raise errors.refusal(received, errors.NO_SUCH_TENANT, realm=unquote(groups["realm"]))
    form = _form(received)
    for name in ("grant_type", "client_id", "scope"):
        if not form.get(name):
            raise errors.refusal(received, errors.MISSING_PARAMETER, name=name)
    if form["grant_type"] != "client_credentials":
        raise errors.refusal(received, errors.BAD_GRANT, grant=form["grant_type"])
    app = tenant.apps.get(form["client_id"].lower())
    if app is None or app.managed_identity:
        raise errors.refusal(received, errors.NO_SUCH_APP, app=form["client_id"], tenant=tenant.display_name)
    proof = entra_credentials.prove(tenant, received, app, form)
    resource = _resource(received, form["scope"])
    roles = roles_at(tenant, app, resource)
    if roles is None:
        raise errors.refusal(received, errors.NO_SUCH_RESOURCE, resource=resource, tenant=tenant.display_name)
    body = {
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "ext_expires_in": LIFETIME_SECONDS,
        "access_token": tokens.issue(tenant, app, resource, appidacr=proof, roles=roles),
    }
    return Answer.of_json(200, body)


def roles_at(tenant: Tenant, app: App, resource: str) -> list[str] | None:
    """The roles that a token of `app` for `resource` carries; None when the tenant has no such resource."""
    plain = resource.rstrip("/").lower()
    if plain in {f"https://{tenant.cloud.graph}", GRAPH_APP_ID}:
        return app.roles.get("graph", [])
    hosts = {
        f"https://{geo.name}{suffix}.{tenant.cloud.sharepoint}"
        for geo in tenant.geos
        for suffix in ("", "-my", "-admin")
    }
    if plain in hosts or plain == SHAREPOINT_APP_ID:
        return app.roles.get("sharepoint", [])
    return None


def _resource(received: Received, scope: str) -> str:
    """The resource of a `.default` scope: one resource a request, nothing finer for apps."""
    scopes = scope.split()
    resource = scopes[0].removesuffix("/.default") if len(scopes) == 1 else ""
    if not resource or not scope.strip().endswith("/.default"):
        raise errors.refusal(received, errors.BAD_SCOPE, scope=scope)
    return resource.removesuffix("/")


def _form(received: Received) -> dict[str, str]:
    form = dict(parse_qsl(received.body.decode("utf-8", errors="replace"), keep_blank_values=True))
    scheme, _, basic = received.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(basic, validate=True).decode().partition(":")
        except ValueError:
            return form
        form |= {"client_id": unquote(name), "client_secret": unquote(secret)}
    return form


def _is_this(tenant: Tenant, realm: str) -> bool:
    name = tenant.domain.partition(".")[0]
    return unquote(realm).lower() in {tenant.tenant_id, tenant.domain.lower(), f"{name}.onmicrosoft.com".lower()}


def _base64url(number: int) -> str:
    content = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(content).decode().rstrip("=")

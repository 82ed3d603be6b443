"""The managed identity's token endpoint, as App Service offers it to the code that it runs.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from datetime import UTC, datetime, timedelta

from simulated_tenant import entra, tokens
from simulated_tenant.state import App, Tenant
from simulated_tenant.wire import Answer, Received

LIFETIME = timedelta(hours=24)
API_VERSION = "2019-08-01"
_NO_IDENTITY = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."


def token(tenant: Tenant, received: Received) -> Answer:
    """A token for the identity that the query names, or for the first one when it names none."""
    headers, query = received.headers, received.query
    if headers.get("x-identity-header") != tenant.identity_header:
        return _refuse(401, "The X-IDENTITY-HEADER is missing or is not this instance's.")
    if headers.get("metadata", "true").lower() != "true":
        return _refuse(400, "The Metadata header must be true.")
    if query.get("api-version") != API_VERSION:
        return _refuse(400, f"The api-version is not supported; use {API_VERSION}.")
    resource = query.get("resource", "")
    identity = _identity(tenant, query.get("client_id") or query.get("principal_id") or query.get("object_id"))
    if identity is None:
        return _refuse(400, _NO_IDENTITY)
    exchange = resource.rstrip("/").lower() == tenant.cloud.token_exchange.lower()
    roles = [] if exchange else entra.roles_at(tenant, identity, resource)
    if roles is None:
        return _refuse(400, f"AADSTS500011: The resource principal named {resource or 'nothing'} was not found.")
    access_token = tokens.issue(
        tenant,
        identity,
        tenant.cloud.token_exchange if exchange else resource,
        appidacr=tokens.CERTIFICATE,
        roles=roles,
        lifetime=LIFETIME,
        # Federated credentials name the v2 issuer, so tokens for the exchange carry it.
        token_issuer=tokens.v2_issuer(tenant) if exchange else None,
    )
    body = {
        "access_token": access_token,
        # By the machine's clock, which is the one that the client compares with.
        "expires_on": str(int((datetime.now(UTC) + LIFETIME).timestamp())),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": identity.client_id,
    }
    return Answer.of_json(200, body)


def _identity(tenant: Tenant, key: str | None) -> App | None:
    identities = [app for app in tenant.apps.values() if app.managed_identity]
    if key is None:
        return identities[0] if identities else None
    return next((app for app in identities if key.lower() in {app.client_id, app.object_id}), None)


def _refuse(status: int, message: str) -> Answer:
    return Answer.of_json(status, {"statusCode": status, "message": message})

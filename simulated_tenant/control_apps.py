"""Control: app registrations and managed identities."""

from typing import Any
from uuid import UUID, uuid4

from cryptography import x509

from simulated_tenant.control import Asked, Problem, Routes, World, done, fields_of
from simulated_tenant.state import App, FederatedCredential, Tenant
from simulated_tenant.tokens import v2_issuer
from simulated_tenant.wire import Answer

ROUTES = Routes()
RESOURCES = ("graph", "sharepoint")


@ROUTES.add("GET", "/apps")
def list_apps(world: World, _: Asked) -> Answer:
    """The apps, with their roles; no secrets."""
    return done([_shown(app) for app in world.tenant.apps.values()])


@ROUTES.add("POST", "/apps")
def register_app(world: World, asked: Asked) -> Answer:
    """Register an app or, with `managedIdentity`, an identity; answers with its ids."""
    fields = asked.fields(
        "clientId", "displayName", "certificate", "secret", "expiredSecret", "roles", "managedIdentity", "federated"
    )
    client_id = str(fields.get("clientId") or uuid4())
    try:
        UUID(client_id)
    except ValueError:
        raise Problem(f"clientId {client_id!r} is no GUID.") from None
    app = App(client_id, managed_identity=bool(fields.get("managedIdentity")))
    if app.managed_identity:
        app.identity_header = world.tenant.identity_header
    _apply(world.tenant, app, fields)
    world.tenant.apps[client_id] = app
    return done(_shown(app), 201)


@ROUTES.add("PATCH", "/apps/{client}")
def change_app(world: World, asked: Asked) -> Answer:
    """Replace the roles of a resource, or add a credential; `certificates: []` withdraws all of them first."""
    app = _app(world.tenant, asked.groups["client"])
    fields = asked.fields("displayName", "certificate", "certificates", "secret", "expiredSecret", "roles", "federated")
    if "certificates" in fields:
        app.certificates = [_certificate(pem) for pem in fields["certificates"]]
    _apply(world.tenant, app, fields)
    return done(_shown(app))


@ROUTES.add("DELETE", "/apps/{client}")
def delete_app(world: World, asked: Asked) -> Answer:
    """Remove an app from the tenant. Tokens that it has keep working until they expire."""
    del world.tenant.apps[_app(world.tenant, asked.groups["client"]).client_id]
    return done()


def _apply(tenant: Tenant, app: App, fields: dict[str, Any]) -> None:
    if "displayName" in fields:
        app.display_name = str(fields["displayName"])
    if fields.get("certificate"):
        app.certificates.append(_certificate(fields["certificate"]))
    if fields.get("secret"):
        app.secrets.append(str(fields["secret"]))
    if fields.get("expiredSecret"):
        app.expired_secrets.append(str(fields["expiredSecret"]))
    if fields.get("federated"):
        app.federated.append(_federated(tenant, fields["federated"]))
    for resource, roles in fields_of(fields.get("roles") or {}, *RESOURCES).items():
        if not isinstance(roles, list):
            raise Problem(f"roles.{resource} is wanted as a list of names such as User.Read.All.")
        app.roles[resource] = [str(role) for role in roles]


def _certificate(pem: Any) -> bytes:
    try:
        content = str(pem).encode()
        x509.load_pem_x509_certificate(content)
    except ValueError:
        raise Problem("certificate is wanted as PEM, with the public certificate only.") from None
    return content


def _federated(tenant: Tenant, value: Any) -> FederatedCredential:
    fields = fields_of(value, "issuer", "subject", "audience")
    if not fields.get("subject"):
        raise Problem("federated.subject is wanted: the objectId of the managed identity.")
    return FederatedCredential(
        issuer=str(fields.get("issuer") or v2_issuer(tenant)),
        subject=str(fields["subject"]),
        audience=str(fields.get("audience") or tenant.cloud.token_exchange),
    )


def _app(tenant: Tenant, client_id: str) -> App:
    app = tenant.apps.get(client_id)
    if app is None:
        raise Problem(f"No app {client_id!r}. GET /apps lists them.", 404)
    return app


def _shown(app: App) -> dict[str, Any]:
    return {
        "clientId": app.client_id,
        "objectId": app.object_id,
        "displayName": app.display_name,
        "roles": app.roles,
        "certificates": len(app.certificates),
        "secrets": len(app.secrets),
        "federated": [vars(credential) for credential in app.federated],
        "managedIdentity": app.managed_identity,
    }

"""Control: the managed identity's token endpoint, which an app on this machine reaches by plain HTTP as in Azure."""

from simulated_tenant import entra_identity
from simulated_tenant.control import Asked, Routes, World
from simulated_tenant.wire import Answer

ROUTES = Routes()


@ROUTES.add("GET", "/msi/token")
def identity_token(world: World, asked: Asked) -> Answer:
    """A managed identity's token, as App Service's IDENTITY_ENDPOINT gives it."""
    return entra_identity.token(world.tenant, asked.received)

"""The tenant's three servers, together: TLS, proxy, control."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from simulated_tenant import (
    certificates,
    control_apps,
    control_identity,
    control_notifications,
    control_people,
    control_sharepoint,
    control_watch,
)
from simulated_tenant.clouds import answers_for
from simulated_tenant.control import Control, World
from simulated_tenant.dispatch import UNKNOWN, Dispatcher
from simulated_tenant.http_server import HttpServer
from simulated_tenant.notifications import Notifier
from simulated_tenant.proxy import Proxy
from simulated_tenant.services import all_services
from simulated_tenant.state import Tenant

ROUTES = [
    *control_apps.ROUTES.all,
    *control_people.ROUTES.all,
    *control_watch.ROUTES.all,
    *control_notifications.ROUTES.all,
    *control_identity.ROUTES.all,
    *control_sharepoint.ROUTES.all,
]


@asynccontextmanager
async def run(
    tenant: Tenant, directory: Path, *, proxy_port: int = 0, tls_port: int = 0, control_port: int = 0
) -> AsyncIterator[dict[str, str]]:
    """Serve `tenant` while the context lasts; gives the addresses that clients need."""
    context, ca = certificates.make(tenant.cloud, directory)
    notifier = Notifier(tenant)
    dispatcher = Dispatcher(tenant, all_services())

    def complain(kind: str, sentence: str) -> None:
        tenant.journal.violate(tenant.now(), kind, None, UNKNOWN, sentence)

    tls_server = HttpServer(dispatcher.serve, context)
    control_server = HttpServer(Control(World(tenant, dispatcher, notifier), ROUTES).serve)
    try:
        tls = await tls_server.start(tls_port)
        proxy_server = Proxy(tls, lambda host: answers_for(tenant.cloud, host), complain)
        proxy = await proxy_server.start(proxy_port)
        control = await control_server.start(control_port)
        notifier.start()
        try:
            yield {
                "proxy": f"http://127.0.0.1:{proxy}",
                "tls": f"https://127.0.0.1:{tls}",
                "control": f"http://127.0.0.1:{control}",
                "ca": str(ca),
                "identity": f"http://127.0.0.1:{control}/msi/token",
                "identityHeader": tenant.identity_header,
                "tenantId": tenant.tenant_id,
                "domain": tenant.domain,
            }
        finally:
            await notifier.stop()
            await proxy_server.stop()
    finally:
        await tls_server.stop()
        await control_server.stop()

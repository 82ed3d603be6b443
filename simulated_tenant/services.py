"""The services of the tenant, and what the dispatcher needs to know of each.

A service module gives an `OPERATIONS` table and the functions below; it opens no socket and knows nothing of faults.
SharePoint's module is `sharepoint`: `OPERATIONS`, `authorize(tenant, received)`, `error_answer(tenant, received,
status, code, message)`, `unknown_path(tenant, received)` and `finish(tenant, received, answer)`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulated_tenant import (
    entra,
    entra_errors,
    graph,
    graph_batch,
    graph_delta,
    graph_directory,
    graph_photos,
    graph_subscriptions,
    graph_users,
    sharepoint,
)
from simulated_tenant.state import Tenant
from simulated_tenant.wire import Answer, Operations, Received


@dataclass(frozen=True)
class Service:
    """One service, such as Graph."""

    name: str
    operations: Operations
    authorize: Callable[[Tenant, Received], None]
    """Raises `Refused` when the request's token gives no access. Called before every operation."""
    error_answer: Callable[[Tenant, Received, int, str | None, str | None], Answer]
    """The service's own shape for a status, with error code and message if given; for faults and limits."""
    unknown_path: Callable[[Tenant, Received], Answer]
    """The answer for a path or method that no operation serves."""
    finish: Callable[[Tenant, Received, Answer], Answer]
    """Adds the headers that every answer of the service carries."""
    unit_cost: int = 1
    """Resource units of a request, unless its operation says otherwise."""
    rate_limit_headers: bool = False
    """Announces the budget in RateLimit-* headers from 80 % on."""
    wants_decorated_agent: bool = False
    tidy: Callable[[str], str] = str
    """Brings a path to the form in which the operations know it."""


def all_services() -> tuple[Service, ...]:
    """Every service of the tenant."""
    return (_entra(), _graph(), _sharepoint())


def _entra() -> Service:
    return Service(
        "entra", entra.OPERATIONS, entra.authorize, entra_errors.error_answer, entra.unknown_path, entra.finish
    )


def _graph() -> Service:
    operations = Operations(graph.HOST)
    for module in (graph_users, graph_delta, graph_photos, graph_directory, graph_batch, graph_subscriptions):
        operations.include(module.OPERATIONS)

    def unknown_path(tenant: Tenant, received: Received) -> Answer:
        if operations.knows_path(received.path):
            return graph.error_answer(tenant, received, 405, None, None)
        return graph.unknown_path(tenant, received)

    return Service(
        "graph", operations, graph.authorize, graph.error_answer, unknown_path, graph.finish, tidy=graph.tidy
    )


def _sharepoint() -> Service:
    return Service(
        "sharepoint",
        sharepoint.OPERATIONS,
        sharepoint.authorize,
        sharepoint.error_answer,
        sharepoint.unknown_path,
        sharepoint.finish,
        unit_cost=2,  # Microsoft's rule of thumb for CSOM and REST
        rate_limit_headers=True,
        wants_decorated_agent=True,
    )

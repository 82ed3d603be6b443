"""The front door: the one way in for every HTTP route, and the list of them all.

A blueprint declares a route with its method, its path, what it asks of the caller and a line that says what it does.
The door registers it with the host, lets in who may come, and writes down who did what.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import azure.functions as func
from azure.core.exceptions import AzureError

from shared import settings
from shared.actions import ActionRow
from shared.logs import Happened, tell
from shared.problem import problem
from shared.services import Services, services
from shared.setting_values import SignIn
from shared.unexpected import values_left_out
from shared.who_gets_in import LetIn, Needs, Refusal, judge

if TYPE_CHECKING:
    from shared.openapi import Described

_log = logging.getLogger("photosync.door")


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    """After `/api/`."""
    needs: Needs
    summary: str
    """What it does, for a list of routes and for the record of who did what: `Begin a sweep`."""
    name: str = ""
    """The function's name in Azure."""

    @property
    def asks(self) -> bool:
        """Whether it asks anything of its caller."""
        return self.needs is not Needs.NOTHING


@dataclass(frozen=True)
class Visit:
    """A request that was let in."""

    request: func.HttpRequest
    let_in: LetIn

    @property
    def who(self) -> str:
        """Who asks, as the record tells it."""
        return self.let_in.who

    @property
    def may_act(self) -> bool:
        """Whether this visitor may act, or only look."""
        return self.let_in.may_act

    @property
    def body(self) -> bytes:
        """The body, empty when there is none."""
        return self.request.get_body()

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, whatever the case of their names."""
        found: Mapping[str, str] = self.request.headers
        return found

    @property
    def query(self) -> Mapping[str, str]:
        """What stands after the question mark."""
        found: Mapping[str, str] = self.request.params
        return found

    @property
    def path(self) -> Mapping[str, str]:
        """The values in the path, by the names in the route."""
        found: Mapping[str, str] = self.request.route_params
        return found

    def refused_to_act(self) -> func.HttpResponse | None:
        """The problem to answer when something on a looking route would act, and this visitor may not; else None."""
        return None if self.let_in.why_not_act is None else told(self.let_in.why_not_act)


type Handler = Callable[[Visit], func.HttpResponse]
type Bound = Callable[[func.HttpRequest], func.HttpResponse]

ROUTES: list[Route] = []
"""Every route of the app, in the order of declaration; complete once the blueprints are imported."""
DESCRIBED_BY: "list[Callable[[], Described]]" = []
"""What says more of those routes, for the API's description: read when somebody asks for that, and not before."""


class FrontDoor:
    """The door of one blueprint."""

    def __init__(
        self, bp: func.Blueprint, sign_in: SignIn | None = None, *, described: "Callable[[], Described] | None" = None
    ) -> None:
        """`sign_in`: how people are let in; by default as the environment says. `described` says more of routes."""
        if described is not None:
            DESCRIBED_BY.append(described)
        self._bp = bp
        self._level = {
            # Behind App Service authentication the host asks for no key: the app role decides.
            SignIn.ENTRA: func.AuthLevel.ANONYMOUS,
            SignIn.FUNCTION_KEY: func.AuthLevel.FUNCTION,
        }[sign_in or settings.chosen_sign_in()]

    def route(self, method: str, path: str, needs: Needs, summary: str) -> Callable[[Handler], Bound]:
        """Register a function as what serves the route. Its name is the function's name in Azure."""
        route = Route(method, path, needs, summary)
        level = self._level if route.asks else func.AuthLevel.ANONYMOUS

        def bind(handler: Handler) -> Bound:
            # The host reads the parameters of what it is given: that must be `req`, so wraps() is not for us.
            def bound(req: func.HttpRequest) -> func.HttpResponse:
                with values_left_out():
                    return serve(route, handler, req, services())

            bound.__name__ = bound.__qualname__ = handler.__name__
            bound.__module__, bound.__doc__ = handler.__module__, handler.__doc__
            self._bp.route(path, methods=[method], auth_level=level)(bound)
            ROUTES.append(replace(route, name=handler.__name__))
            return bound

        return bind


def serve(route: Route, handler: Handler, req: func.HttpRequest, services: Services) -> func.HttpResponse:
    """Let in who may come, answer, and record what was done."""
    if not route.asks:
        return handler(Visit(req, LetIn("somebody")))
    chosen = services.settings
    verdict = judge(
        req.headers,
        route.needs,
        sign_in=chosen.sign_in,
        read_only=chosen.read_only,
        tenant_id=chosen.tenant_id,
    )
    if isinstance(verdict, Refusal):
        tell(_log, Happened.NOT_LET_IN, method=route.method, route=route.path, code=verdict.code)
        return told(verdict)
    try:
        answer = handler(Visit(req, verdict))
    except AzureError as error:
        tell(_log, Happened.STORAGE_AWAY, method=route.method, route=route.path, error=type(error).__name__)
        answer = storage_away()
    if route.needs is Needs.ACT:
        _record(route, req, verdict.who, answer.status_code, services)
    return answer


def told(refusal: Refusal) -> func.HttpResponse:
    """The problem that a refusal is to the caller."""
    return problem(refusal.status, refusal.code, refusal.title, refusal.detail, refusal.headers)


def storage_away() -> func.HttpResponse:
    """The problem that it is to the caller when Storage does not answer."""
    return problem(
        503,
        "storage-away",
        "The app's storage account does not answer.",
        "Usually it does again within a minute. If not, check the storage account's firewall and the app's roles on "
        "it.",
    )


def _record(route: Route, req: func.HttpRequest, who: str, status: int, services: Services) -> None:
    """Write down who did what. What is done is done: that it cannot be written down does not undo it."""
    path = route.path.format_map(req.route_params)
    try:
        services.actions.add(ActionRow(services.clock.now(), who, route.summary, route.method, path, status))
    except AzureError as error:
        tell(_log, Happened.ACTION_NOT_RECORDED, method=route.method, route=route.path, error=type(error).__name__)

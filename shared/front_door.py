"""The front door: the one way in for every HTTP route, and the list of them all.

A blueprint declares a route with its method, its path, what it asks of the caller and a line that says what it does.
The door registers it with the host. Who may come in, and what is written down, stands in `receive_visit`, imported when
the first visitor is there: a cold start needs the declarations only.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import azure.functions as func

from shared import settings
from shared.needs import Needs
from shared.services import services
from shared.setting_values import SignIn
from shared.unexpected import values_left_out

if TYPE_CHECKING:
    from shared.openapi import Described
    from shared.receive_visit import Visit


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
                from shared.receive_visit import serve

                with values_left_out():
                    return serve(route, handler, req, services())

            bound.__name__ = bound.__qualname__ = handler.__name__
            bound.__module__, bound.__doc__ = handler.__module__, handler.__doc__
            self._bp.route(path, methods=[method], auth_level=level)(bound)
            ROUTES.append(replace(route, name=handler.__name__))
            return bound

        return bind

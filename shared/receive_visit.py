"""A visitor at the front door: let in or not, answered, and written down when something was done."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import azure.functions as func
from azure.core.exceptions import AzureError

from shared.actions import ActionRow
from shared.front_door import Handler, Route
from shared.logs import Happened, tell
from shared.needs import Needs
from shared.problem import problem
from shared.services import Services
from shared.who_gets_in import LetIn, Refusal, judge

_log = logging.getLogger("photosync.door")


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

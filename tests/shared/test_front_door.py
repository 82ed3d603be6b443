"""The front door: what it registers, and what it writes down."""

import json
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest
from azure.core.exceptions import ServiceRequestError

from local_run.azurite import Azurite
from local_run.stack import free_port
from shared.actions import Actions
from shared.front_door import ROUTES, FrontDoor, Route
from shared.needs import Needs
from shared.problem import json_answer, problem
from shared.receive_visit import Visit, serve
from shared.services import Services
from shared.setting_values import SignIn
from shared.settings import Settings
from shared.storage import Storage
from tests.shared.principals import TENANT, account

CANCEL = Route("DELETE", "sync/{jobId}", Needs.ACT, "Cancel a job")
LOOK = Route("GET", "sync/{jobId}", Needs.LOOK, "Tell how a job goes")
ADMIN = account("maria@contoso.com", "PhotoSync.Admin") | {"x-photosync-page": "1"}


@pytest.fixture
def services(azurite: Azurite) -> Services:
    """An app with Entra sign-in whose record of actions is empty."""
    environment = {
        "AzureWebJobsStorage": azurite.connection_string,
        "PHOTOSYNC_TENANT_ID": TENANT,
        "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
        "PHOTOSYNC_PUBLIC_URL": "https://photosync.contoso.example",
        "PHOTOSYNC_CLIENT_STATE": "the-client-state-of-the-door",
        "PHOTOSYNC_SIGN_IN": "entra",
        "WEBSITE_AUTH_ENABLED": "True",
    }
    made = Services(Settings.from_environment(environment), environment)
    made.storage.table("Actions").delete_table()
    return made


def request(route: Route, headers: dict[str, str], **values: str) -> func.HttpRequest:
    """A request to the route."""
    return func.HttpRequest(
        route.method, "https://app/api/x?secret=1", headers=headers, route_params=values, body=b'{"private": 1}'
    )


def done(_visit: Visit) -> func.HttpResponse:
    """What works."""
    return json_answer(200, {})


def test_an_act_is_written_down(services: Services) -> None:
    """Who, what, which path, when and how it was answered; neither body nor query."""
    before = services.clock.now()
    serve(CANCEL, done, request(CANCEL, ADMIN, jobId="1"), services)
    serve(CANCEL, lambda _: problem(409, "x", "x", "x"), request(CANCEL, ADMIN, jobId="{0.x}"), services)
    latest, first = services.actions.latest(8)
    assert (first.who, first.what, first.method, first.path) == (
        "maria@contoso.com",
        "Cancel a job",
        "DELETE",
        "sync/1",
    )
    assert (first.status, first.worked, latest.status, latest.worked) == (200, True, 409, False)
    assert latest.path == "sync/{0.x}"
    assert before <= first.at <= latest.at <= services.clock.now()
    [stored, *_] = services.storage.table("Actions").list_entities()
    assert set(stored) == {"PartitionKey", "RowKey", "at", "who", "what", "method", "path", "status"}


def test_looking_and_being_refused_are_not(services: Services) -> None:
    """The record holds acts only; who is not let in neither reaches the function nor fills the table."""
    reached: list[str] = []

    def note(visit: Visit) -> func.HttpResponse:
        reached.append(visit.who)
        return json_answer(200, {})

    assert serve(LOOK, note, request(LOOK, ADMIN, jobId="1"), services).status_code == 200
    stranger = serve(CANCEL, note, request(CANCEL, {}, jobId="1"), services)
    assert (stranger.status_code, stranger.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert reached == ["maria@contoso.com"]
    assert services.actions.latest(8) == []


def test_what_is_done_is_done_though_it_cannot_be_written_down(services: Services) -> None:
    """When Storage does not take the record, the answer is that of the act all the same."""
    nobody = f"http://127.0.0.1:{free_port()}/devstoreaccount1"
    away = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=YQ==;TableEndpoint={nobody};"
    away += f"QueueEndpoint={nobody};"
    services.__dict__["actions"] = Actions(Storage({"AzureWebJobsStorage": away}, {"retry_total": 0}))
    assert serve(CANCEL, done, request(CANCEL, ADMIN, jobId="1"), services).status_code == 200


@pytest.mark.parametrize("route", [LOOK, CANCEL])
def test_storage_that_does_not_answer_is_a_503(services: Services, route: Route) -> None:
    """Whatever a route wanted of Storage, the caller learns what is wrong and when to ask again; acts are recorded."""

    def fails(_visit: Visit) -> func.HttpResponse:
        raise ServiceRequestError("no connection to storage.example")

    answer = serve(route, fails, request(route, ADMIN, jobId="1"), services)
    told = json.loads(answer.get_body())
    assert (answer.status_code, told["type"]) == (503, "urn:photosync:problem:storage-away")
    assert int(answer.headers["Retry-After"]) > 0
    assert "storage.example" not in told["detail"]
    assert [row.status for row in services.actions.latest(8)] == ([503] if route is CANCEL else [])


def test_a_looking_route_may_ask_before_it_acts(services: Services) -> None:
    """A route that only sometimes acts asks the visit: an Admin may, a Reader gets the problem."""
    told: list[Any] = []

    def note(visit: Visit) -> func.HttpResponse:
        told.append(refused.status_code if (refused := visit.refused_to_act()) else None)
        return json_answer(200, {})

    serve(LOOK, note, request(LOOK, ADMIN, jobId="1"), services)
    serve(LOOK, note, request(LOOK, account("r@contoso.com", "PhotoSync.Reader"), jobId="1"), services)
    assert told == [None, 403]


@pytest.mark.parametrize(
    ("sign_in", "needs", "level"),
    [
        (SignIn.FUNCTION_KEY, Needs.LOOK, "FUNCTION"),
        (SignIn.FUNCTION_KEY, Needs.ACT, "FUNCTION"),
        (SignIn.FUNCTION_KEY, Needs.NOTHING, "ANONYMOUS"),
        (SignIn.ENTRA, Needs.ACT, "ANONYMOUS"),
    ],
)
def test_the_host_asks_for_a_key_where_keys_count(sign_in: SignIn, needs: Needs, level: str) -> None:
    """With function keys the host checks them; with Entra sign-in a key is not even asked for."""
    bp = func.Blueprint()  # type: ignore[no-untyped-call] # the library leaves it unannotated
    known = len(ROUTES)
    name = f"probe_{uuid4().hex}"

    def probe(_visit: Visit) -> func.HttpResponse:
        return json_answer(200, {})

    probe.__name__ = name
    try:
        FrontDoor(bp, sign_in).route("POST", "probe", needs, "Probe")(probe)
        assert ROUTES[known:] == [Route("POST", "probe", needs, "Probe", name)]
    finally:
        del ROUTES[known:]
    app = func.FunctionApp()
    app.register_functions(bp)
    [function] = app.get_functions()
    trigger = function.get_bindings_dict()["bindings"][0]
    assert (function.get_function_name(), str(trigger["authLevel"])) == (name, level)

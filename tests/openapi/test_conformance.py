"""Real calls to the running app, good and bad: every answer is as described, and every answer described is met."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests

import status_page
import sync_trigger
from local_run.azurite import Ports
from local_run.stack import StackPorts, free_port
from shared.front_door import ROUTES, Route
from shared.needs import Needs
from shared.setting_values import SignIn
from shared.storage import Storage
from shared.words import QUEUE_OF_CHECKS
from status_page.give_description import give_description
from sync_trigger.judge_delivery import LARGEST_BODY
from tests.openapi.conforms import Description
from tests.openapi.surface import Surface, running_surface
from tests.storage_proxy import StorageProxy
from tests.waiting import eventually

assert ROUTES, (status_page, sync_trigger)  # the routes are declared by importing the blueprints
NOBODY = "00000000-0000-4000-8000-000000000000"
PAGE = {"x-photosync-page": "1"}
AWAY = ("table.get", "table.query", "table.insert", "table.update", "table.upsert", "table.delete", "queue.put")


@dataclass(frozen=True)
class Call:
    """One call and the status that it is to get. `{user}`, `{job}` and the like are filled in."""

    method: str
    path: str
    """As described."""
    status: int
    problem: str | None = None
    """The code of the problem."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Of the path's parameters."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    while_: str | None = None
    """What is so meanwhile: a name in `meanwhile`."""

    def __str__(self) -> str:
        """For the test's name."""
        return f"{self.method} {self.path} {self.status} {self.problem or ''} {self.while_ or ''}".strip()


def _place(token: bytes) -> str:
    """A place in a list as the app would write it."""
    return "~" + base64.urlsafe_b64encode(token).decode().rstrip("=")


CALLS = (
    *(
        Call("POST", f"/api/{path}", status, problem, query=query, body=body)
        for path in ("notifications", "lifecycle")
        for status, problem, query, body in (
            (200, None, {"validationToken": "Validation: 1 & 2 <b>"}, None),
            (202, None, {}, {"value": [{"clientState": "forged", "resource": f"Users/{NOBODY}"}]}),
            (400, "not-a-notification", {}, {"users": []}),
            (400, "token-too-long", {"validationToken": "x" * 3000}, None),
            (413, "too-large", {}, "x" * (LARGEST_BODY + 1)),
        )
    ),
    Call("POST", "/api/sync", 202, body={"users": ["{user}", "nobody@contoso.com"]}),
    Call("POST", "/api/sync", 202, body={"users": ["{user}"], "action": "restore", "dryRun": True}),
    Call("POST", "/api/sync", 202, body={"all": True, "dryRun": True}),
    Call("POST", "/api/sync", 400, "bad-request", body={"users": ["{user}"], "all": True, "more": 1}),
    Call("POST", "/api/sync", 404, "no-such-group", body={"group": NOBODY}),
    Call("POST", "/api/sync", 502, "NotPermitted", body={"users": ["{user}"]}, while_="graph refuses"),
    Call("GET", "/api/sync/{jobId}", 200, values={"jobId": "{job}"}),
    Call("GET", "/api/sync/{jobId}", 200, values={"jobId": "{failing job}"}),
    Call("GET", "/api/sync/{jobId}", 404, "no-such-job", values={"jobId": "{sweep}"}),
    Call("DELETE", "/api/sync/{jobId}", 200, values={"jobId": "{job at work}"}, while_="paused"),
    Call("DELETE", "/api/sync/{jobId}", 404, "no-such-job", values={"jobId": "x"}),
    Call("DELETE", "/api/sync/{jobId}", 409, "job-ended", values={"jobId": "{job}"}),
    Call("POST", "/api/retry", 200, body={"poison": True}),
    Call("POST", "/api/retry", 202, body={"all": True}),
    Call("POST", "/api/retry", 400, "bad-request", body={"poison": False}),
    Call("POST", "/api/retry", 502, "NotPermitted", body={"users": ["{user}"]}, while_="graph refuses"),
    Call("POST", "/api/sweep", 202, while_="no sweep"),
    Call("POST", "/api/sweep", 400, "bad-request", body={"force": "yes"}),
    Call("POST", "/api/sweep", 409, "paused", while_="paused"),
    Call("POST", "/api/sweep", 409, "sweep-running", while_="sweeping"),
    Call("GET", "/api/sweep/{runId}", 200, values={"runId": "{sweep}"}),
    Call("GET", "/api/sweep/{runId}", 404, "no-such-sweep", values={"runId": "{job}"}),
    Call("POST", "/api/pause", 200, body={"reason": "A test"}),
    Call("POST", "/api/pause", 400, "bad-request", body=[]),
    Call("DELETE", "/api/pause", 200),
    Call("GET", "/api/overview", 200),
    Call("GET", "/api/overview", 200, while_="paused"),
    Call("GET", "/api/openapi.json", 200),
    Call("GET", "/api/health", 200),
    Call("GET", "/api/health", 200, query={"probe": "write"}),
    Call("GET", "/api/health", 400, "bad-request", query={"probe": "read"}),
    Call("GET", "/api/health", 503, while_="graph refuses"),
    Call("GET", "/api/status", 200, query={"size": "2"}),
    Call("GET", "/api/status", 200, query={"text": "person", "state": "in_step", "after": NOBODY}),
    Call("GET", "/api/status", 400, "bad-request", query={"state": "happy"}),
    Call("GET", "/api/status", 400, "bad-request", query={"size": "1001"}),
    Call("GET", "/api/status", 400, "bad-request", query={"after": "~e30"}),
    Call("GET", "/api/status", 400, "bad-request", query={"after": _place(b'{"a":"b"}')}),
    Call("GET", "/api/status", 400, "bad-request", query={"after": _place(b"[" * 30_000)}),
    Call("GET", "/api/status.csv", 200),
    Call("GET", "/api/status.csv", 400, "bad-request", query={"after": "x"}),
    Call("GET", "/api/status/{user}", 200, values={"user": "{user}"}),
    Call("GET", "/api/status/{user}", 200, values={"user": "person.1@contoso.com"}),
    Call("GET", "/api/status/{user}", 404, "never-looked-at", values={"user": NOBODY}),
    Call("GET", "/api/status/{user}/photo", 200, values={"user": "{user}"}, query={"of": "source"}),
    Call("GET", "/api/status/{user}/photo", 200, values={"user": "{user}"}, query={"of": "target"}),
    Call("GET", "/api/status/{user}/photo", 400, "bad-request", values={"user": "{user}"}),
    Call("GET", "/api/status/{user}/photo", 404, "never-looked-at", values={"user": NOBODY}, query={"of": "target"}),
    Call("GET", "/api/status/{user}/photo", 404, "no-picture", values={"user": "{broken}"}, query={"of": "target"}),
    Call("GET", "/api/status/{user}/photo", 415, "not-a-picture", values={"user": "{broken}"}, query={"of": "source"}),
    Call("GET", "/api/status/{user}/photo", 502, "NotPermitted", values={"user": "{user}"}, query={"of": "source"},
         while_="graph refuses"),
    Call("GET", "/api/dashboard", 200),
    *(Call("GET", "/api/dashboard/assets/{name}", 200, values={"name": name}) for name in ("page.js", "icon.svg")),
    Call("GET", "/api/dashboard/assets/{name}", 404, values={"name": "page.exe"}),
    Call("POST", "/api/dashboard/view", 200, body={"view": "home"}, headers=PAGE),
    Call("POST", "/api/dashboard/view", 400, "bad-request", body={"view": "cellar"}, headers=PAGE),
    Call("POST", "/api/dashboard/view", 403, "not-the-page", body={"view": "home"}),
    Call("POST", "/api/dashboard/view", 404, "not-there", body={"view": "user", "id": NOBODY}, headers=PAGE),
    Call("POST", "/api/dashboard/view", 404, "not-there", body={"view": "user", "id": "a/b"}, headers=PAGE),
    Call("POST", "/api/dashboard/view", 404, "not-there", body={"view": "run", "id": "a/b"}, headers=PAGE),
)  # fmt: skip


class World:
    """The running app, and the circumstances of a call."""

    def __init__(self, surface: Surface, proxy: StorageProxy) -> None:
        self.surface = surface
        self.proxy = proxy
        self.description = Description(surface.document)
        control = surface.stack.tenant.control
        broken = control.add_user("broken@contoso.com", b"no picture")
        failing = surface.call("POST", "/api/sync", json={"users": [broken, "nobody@contoso.com"]}).json()["jobId"]
        self.names = {
            "user": surface.known["user"][0],
            "job": surface.known["jobId"][0],
            "sweep": surface.known["runId"][0],
            "broken": broken,
            "failing job": failing,
        }
        eventually(lambda: self.get(f"/api/sync/{failing}")["state"] == "done", within=30, what="the failing job")

    def get(self, path: str) -> dict[str, Any]:
        """What the app says."""
        return dict(self.surface.call("GET", path).json())

    def filled(self, text: Any) -> Any:
        """The text with what is in braces filled in."""
        if isinstance(text, list):
            return [self.filled(part) for part in text]
        if isinstance(text, dict):
            return {name: self.filled(part) for name, part in text.items()}
        if isinstance(text, str) and text.startswith("{"):
            return self.names[text.strip("{}")]
        return text

    def send(self, call: Call, url: str | None = None, **headers: str) -> requests.Response:
        """Make the call."""
        path = call.path
        for name, value in call.values.items():
            path = path.replace(f"{{{name}}}", self.filled(value))
        body: dict[str, Any] = {"data": call.body} if isinstance(call.body, str) else {"json": self.filled(call.body)}
        return self.surface.session.request(
            call.method,
            (url or self.surface.url) + path,
            params=dict(call.query),
            headers={**call.headers, **headers},
            timeout=60,
            **(body if call.body is not None else {}),
        )

    @contextmanager
    def meanwhile(self, what: str | None) -> Iterator[None]:
        """Let something be so."""
        control = self.surface.stack.tenant.control
        match what:
            case "graph refuses":
                for operation in ("graph.batch", "graph.photo.value", "graph.users.list"):
                    control.fault(operation, *["403"] * 9)
            case "paused":
                self.surface.call("POST", "/api/pause").raise_for_status()
                self.names["job at work"] = self.surface.call("POST", "/api/sync", json={"all": True}).json()["jobId"]
            case "no sweep":  # the one before may still be at work, or have been put off by a pause for a minute
                eventually(self.no_checks, within=120, what="all checks done")
            case "sweeping":
                control.fault("graph.users.list", "stall:2")
                self.surface.call("POST", "/api/sweep")
        try:
            yield
        finally:
            control.clear_faults()
            self.surface.call("DELETE", "/api/pause").raise_for_status()

    def no_checks(self) -> bool:
        """Whether the queue of checks is empty."""
        queue = Storage(self.surface.stack.environment()).queue(QUEUE_OF_CHECKS)
        return queue.get_queue_properties().approximate_message_count == 0

    def wrong(self, call: Call, answer: requests.Response) -> list[str]:
        """What is not as the call and the description say."""
        found = self.description.wrong(call.method, call.path, answer)
        if answer.status_code != call.status:
            found.append(f"{answer.status_code} instead of {call.status}: {answer.text[:300]}")
        elif call.problem and not answer.json()["type"].endswith(f":{call.problem}"):
            found.append(f"{answer.json()['type']} instead of {call.problem}")
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The app behind a proxy that can spoil what it asks of Storage."""
    ports = StackPorts(blob=free_port(), queue=free_port(), table=free_port())
    with StorageProxy.start(Ports(ports.blob, ports.queue, ports.table)) as proxy:
        environment = {"AzureWebJobsStorage": proxy.connection_string}
        with running_surface(tmp_path_factory.mktemp("world"), environment, ports) as surface:
            yield World(surface, proxy)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_the_answer_is_as_described(call: Call, world: World) -> None:
    """Good and bad input gets the answer that the description has for it: status, media type, headers, every field."""
    with world.meanwhile(call.while_):
        answer = world.send(call)
    assert world.wrong(call, answer) == []


def of_any_body(route: Route) -> Call:
    """A call that would work."""
    good = [call for call in CALLS if (call.method, call.path) == (route.method, f"/api/{route.path}")]
    return next(call for call in good if call.status < 300)


GRAPHS = [of_any_body(route) for route in ROUTES if route.path in {"notifications", "lifecycle"}]
ASKING = [of_any_body(route) for route in ROUTES if route.asks]
ACTING = [of_any_body(route) for route in ROUTES if route.needs is Needs.ACT] + [
    call for call in CALLS if call.query == {"probe": "write"}
]


@pytest.mark.parametrize("call", ASKING, ids=str)
def test_without_a_key_nobody_gets_in(call: Call, world: World) -> None:
    """Every route that asks for a key refuses who has none, or a wrong one, as described."""
    for key in ("", "wrong"):
        answer = world.send(replace(call, values=dict.fromkeys(call.values, "x")), **{"x-functions-key": key})
        assert world.wrong(replace(call, status=401), answer) == []


def test_who_may_only_look_may_not_act(world: World) -> None:
    """While PHOTOSYNC_READ_ONLY is on, every acting route says so, and the others answer as ever."""
    stack = world.surface.stack
    host = stack.start_app(environment={"PHOTOSYNC_READ_ONLY": "true", "AzureWebJobs.photo_changes.Disabled": "true"})
    try:
        for call in ACTING:
            refused = replace(call, status=403, problem="read-only", values=dict.fromkeys(call.values, "x"))
            answer = world.send(refused, host.url, **{"x-functions-key": host.function_key})
            assert world.wrong(refused, answer) == [], str(call)
        overview = replace(of_any_body(next(route for route in ROUTES if route.path == "overview")))
        assert world.wrong(overview, world.send(overview, host.url, **{"x-functions-key": host.function_key})) == []
    finally:
        stack.stop_app(host)


@pytest.mark.parametrize(
    "call",
    [*ASKING, *(of_any_body(route) for route in ROUTES if route.path in {"notifications", "lifecycle"})],
    ids=str,
)
def test_storage_that_refuses_is_told(call: Call, world: World) -> None:
    """When the storage account lets nobody in, every route that needs it answers 503 and when to ask again."""
    if call in GRAPHS:
        element = {"clientState": world.surface.stack.environment()["PHOTOSYNC_CLIENT_STATE"]}
        call = replace(call, query={}, body={"value": [element | {"resource": f"Users/{NOBODY}"}]})
    if call.path == "/api/retry":
        call = replace(call, body={"all": True})
    for operation in AWAY:
        world.proxy.fault(operation, *["403"] * 200)
    try:
        answer = world.send(call)
    finally:
        world.proxy.clear_faults()
    assert world.wrong(replace(call, status=503), answer) == []
    assert call.path == "/api/health" or int(answer.headers["Retry-After"]) > 0


def test_what_storage_would_never_take_is_nobodys(world: World) -> None:
    """A place in a list that Storage refuses as malformed is the caller's mistake, no fault of Storage's."""
    place = _place(b'{"PartitionKey": "1!4!x"}')
    for path in ("/api/status", "/api/status.csv"):
        call = Call("GET", path, 400, "bad-request", query={"after": place})
        world.proxy.fault("table.query", "400", match="photostatus")
        answer = world.send(call)
        assert world.proxy.completed, "the fault was met"
        world.proxy.clear_faults()
        assert world.wrong(call, answer) == []


def test_every_described_answer_is_met() -> None:
    """Each status that the description has for a route is one that a test above expects of a real call."""
    document = Description(json.loads(give_description(SignIn.FUNCTION_KEY).get_body())).document
    met = {(call.method, call.path, call.status) for call in CALLS}
    met |= {(call.method, call.path, 401) for call in ASKING}
    met |= {(call.method, call.path, 403) for call in ACTING}
    met |= {(call.method, call.path, 503) for call in [*ASKING, *GRAPHS]}
    described = {
        (method.upper(), path, int(status))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        for status in operation["responses"]
    }
    assert described - met == set()
    assert met - described == set()

"""HTTP functions on a real host: routes, keys, requests, answers, administration."""

import json
from collections.abc import Iterator

import pytest

from local_run.app_host import AppHost
from local_run.azurite import Azurite
from tests.local_run.apps import ThrowAwayApp, encoded, texts, throw_away_app
from tests.waiting import eventually

_SOURCE = """
print("said while loading")

@app.route(route="echo/{name?}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    print("said while running")
    said = {"method": req.method, "params": dict(req.params), "route": dict(req.route_params), "url": req.url,
            "headers": dict(req.headers), "body": req.get_body().decode("latin-1")}
    return func.HttpResponse(json.dumps(said), mimetype="application/json", status_code=201)

@app.route(route="secret", auth_level=func.AuthLevel.FUNCTION)
async def secret(req: func.HttpRequest) -> func.HttpResponse:
    logging.getLogger("secret").warning("inside")
    return func.HttpResponse("known")

@app.route(route="mighty", auth_level=func.AuthLevel.ADMIN)
def mighty(req: func.HttpRequest) -> str:
    return "mighty"

@app.route(route="broken")
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("a detail that no caller may see")

@app.route(route="nothing")
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    return None

@app.route(route="cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    answer = func.HttpResponse(b"\\x00\\xff", mimetype="image/png")
    answer.headers.add("Set-Cookie", "a=1; Path=/x; HttpOnly; Secure; SameSite=Strict; Max-Age=60")
    answer.headers.add("Set-Cookie", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT")
    return answer

@app.route(route="put", methods=["POST"])
@app.queue_output(arg_name="out", queue_name="out-%MARK%", connection="AzureWebJobsStorage")
def put(req: func.HttpRequest, out: func.Out[typing.List[str]]) -> str:
    out.set(req.get_json())
    return "stored"

@app.route(route="off")
def off(req: func.HttpRequest) -> str:
    return "I should be off"

@app.queue_trigger(arg_name="msg", queue_name="by-hand-%MARK%", connection="AzureWebJobsStorage")
def by_hand(msg: func.QueueMessage) -> None:
    tell(by_hand=msg.get_body().decode(), dequeue_count=msg.dequeue_count)

@app.timer_trigger(arg_name="t", schedule="0 0 0 1 1 *")
def yearly(t: func.TimerRequest) -> None:
    tell(yearly=t.past_due)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, azurite: Azurite) -> Iterator[tuple[ThrowAwayApp, AppHost]]:
    """One host for all tests of this module: they only look at its answers."""
    with throw_away_app(tmp_path_factory.mktemp("http"), azurite) as app:
        app.write(_SOURCE, extensions={"http": {"routePrefix": "api"}})
        environment = {"AzureWebJobs.off.Disabled": "true", "PYTHON_THREADPOOL_THREAD_COUNT": "3"}
        yield app, app.start(environment=environment, function_key="the-function-key", master_key="the-master-key")


@pytest.fixture
def app(served: tuple[ThrowAwayApp, AppHost]) -> ThrowAwayApp:
    """The app that is served."""
    return served[0]


@pytest.fixture
def host(served: tuple[ThrowAwayApp, AppHost]) -> AppHost:
    """The host that serves it."""
    return served[1]


def test_the_ready_line_tells_what_is_served(host: AppHost) -> None:
    """Whoever starts the host learns the functions with their routes, queues and schedules, and the keys."""
    kinds = {function["name"]: function for function in host.functions}
    assert kinds["echo"] == {"name": "echo", "type": "httpTrigger", "route": "/api/echo/{name?}"}
    assert kinds["by_hand"]["queue"].startswith("by-hand-")
    assert kinds["yearly"]["schedule"] == "0 0 0 1 1 *"
    assert (host.function_key, host.master_key) == ("the-function-key", "the-master-key")
    assert "off" not in kinds


def test_what_the_app_prints_stays_out_of_the_ready_line(host: AppHost) -> None:
    """Standard output carries the ready line and nothing else, so nobody has to read it to the end."""
    host.call("GET", "/api/echo")
    assert len(host.process.printed().splitlines()) == 1
    eventually(lambda: "said while loading" in host.log() and "said while running" in host.log())


def test_a_request_reaches_the_function_whole(host: AppHost) -> None:
    """Method, URL, query, route values, headers (lower case, joined) and body arrive as Azure passes them."""
    answer = host.call(
        "POST",
        "/API/Echo/Zo%C3%AB%20x?a=1&a=2&empty=&q=%26",
        headers={"X-Mixed-Case": "Yes"},
        data=b"\x00\xffbody",
    )
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    said = answer.json()
    assert said["method"] == "POST"
    assert said["params"] == {"a": "1,2", "q": "&"}
    assert said["route"] == {"name": "Zoë x"}
    assert said["headers"]["x-mixed-case"] == "Yes"
    assert said["body"] == "\x00\xffbody"
    assert said["url"].startswith(host.url)
    assert said["url"].endswith("?a=1&a=2&empty=&q=%26")


def test_an_absent_optional_segment_is_no_route_value(host: AppHost) -> None:
    """A function sees no value where the path has none, and an empty body as empty."""
    said = host.call("GET", "/api/echo").json()
    assert (said["route"], said["body"]) == ({}, "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/api/echo", 404),
        ("HEAD", "/api/echo", 404),
        ("GET", "/echo", 404),
        ("GET", "/api/echo/a/b", 404),
        ("GET", "/api/unknown", 404),
        ("GET", "/api/off", 404),
        ("GET", "/api/broken", 500),
        ("GET", "/api/nothing", 500),
        ("GET", "/admin/elsewhere", 404),
    ],
)
def test_refusals_have_azures_shape(host: AppHost, method: str, path: str, status: int) -> None:
    """No route or method: 404. A function that raises: 500. Neither says a word about why."""
    answer = host.call(method, path, key="the-master-key")
    assert (answer.status_code, answer.content) == (status, b"")


def test_a_failure_is_in_the_log(host: AppHost) -> None:
    """What the caller is not told, the log tells, with the traceback."""
    host.call("GET", "/api/broken")
    eventually(lambda: "ValueError: a detail that no caller may see" in host.log())
    assert "Executed 'Functions.broken' (Failed" in host.log()


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/secret", "", 401),
        ("/api/secret", "wrong", 401),
        ("/api/secret", "the-function-key", 200),
        ("/api/secret", "the-master-key", 200),
        ("/api/secret?code=the-function-key", "", 200),
        ("/api/secret?code=the-function-key", "wrong", 401),
        ("/api/mighty", "the-function-key", 401),
        ("/api/mighty", "the-master-key", 200),
        ("/api/echo", "", 201),
        ("/admin/host/status", "the-function-key", 401),
        ("/admin/host/status", "the-master-key", 200),
        ("/admin/host/ping", "", 200),
    ],
)
def test_who_may_call_what(host: AppHost, path: str, key: str, status: int) -> None:
    """Each authorisation level asks for its key, in the header first, else as `code`; an empty 401 otherwise."""
    answer = host.call("GET", path, key=key)
    assert answer.status_code == status
    assert status != 401 or answer.content == b""


def test_keys_and_queries_stay_out_of_the_log(host: AppHost) -> None:
    """The log names every request and invocation, and never a key or a query."""
    host.call("GET", "/api/secret?code=the-function-key&token=private-thing")
    eventually(lambda: "inside" in host.log() and "GET '/api/secret' answered 200" in host.log())
    assert "the-function-key" not in host.log()
    assert "the-master-key" not in host.log()
    assert "private-thing" not in host.log()
    # The app's own line carries the invocation's id, as the host's lines do.
    line = next(line for line in host.log().splitlines() if "inside" in line)
    invocation = line.split()[2]
    assert f"Executed 'Functions.secret' (Succeeded, Id={invocation}" in host.log()


def test_bytes_and_cookies_come_back(host: AppHost) -> None:
    """Binary bodies are not touched, and each cookie keeps its attributes."""
    answer = host.call("GET", "/api/cookies")
    assert (answer.content, answer.headers["content-type"]) == (b"\x00\xff", "image/png")
    first, second = answer.raw.headers.getlist("set-cookie")
    assert set(first.split("; ")) == {"a=1", "Path=/x", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=60"}
    assert second == "b=2; expires=Wed, 21 Oct 2026 07:28:00 GMT"


def test_text_alone_is_plain_text(host: AppHost) -> None:
    """A function that returns a string answers 200 with plain text."""
    answer = host.call("GET", "/api/mighty", key="the-master-key")
    assert (answer.text, answer.headers["content-type"]) == ("mighty", "text/plain; charset=utf-8")


def test_an_output_binding_makes_one_message_an_element(host: AppHost, app: ThrowAwayApp) -> None:
    """A list put out is one base64 message for each element, on a queue that is made when it is missing."""
    assert host.call("POST", "/api/put", json=["one", "zwölf"]).text == "stored"
    assert texts(app.client("out")) == ["one", "zwölf"]


def test_a_failing_output_fails_the_request(host: AppHost) -> None:
    """A message that storage refuses (too large) turns the answer into a 500: nothing is lost silently."""
    assert host.call("POST", "/api/put", json=["x" * 70_000]).status_code == 500


def test_functions_run_by_hand(host: AppHost, app: ThrowAwayApp) -> None:
    """`POST /admin/functions/{name}` answers 202 and runs a queue function with the input, a timer function as is."""
    host.run_function("by_hand", "hello")
    host.run_function("YEARLY")
    eventually(lambda: app.told(by_hand="hello", dequeue_count=None) and app.told(yearly=False))
    for path, body, status in (
        ("/admin/functions/unknown", "{}", 404),
        ("/admin/functions/by_hand", "no json", 400),
        ("/admin/functions/echo", "{}", 400),
    ):
        assert host.call("POST", path, key=host.master_key, data=body).status_code == status


def test_the_administration_lists_functions(host: AppHost) -> None:
    """`GET /admin/functions` names all of them, with those that are switched off."""
    listed = {entry["name"]: entry for entry in host.call("GET", "/admin/functions", key=host.master_key).json()}
    assert (listed["off"]["isDisabled"], listed["echo"]["isDisabled"]) == (True, False)
    assert host.call("GET", "/admin/functions/echo", key=host.master_key).json()["route"] == "/api/echo/{name?}"
    assert host.call("GET", "/admin/host/status", key=host.master_key).json()["state"] == "Running"


def test_draining_and_resuming(host: AppHost, app: ThrowAwayApp) -> None:
    """A drained host takes no messages until it is resumed; HTTP goes on, and the status tells which it is."""

    def state() -> str:
        return str(host.call("GET", "/admin/host/drain/status", key=host.master_key).json()["State"])

    assert state() == "Disabled"
    assert host.call("POST", "/admin/host/drain", key=host.master_key).status_code == 202
    eventually(lambda: state() == "Completed")
    # A look at the queue that was under way is over when the next request has been served and the queue is still full.
    queue = app.queue("by-hand")
    queue.send_message(encoded("later"))
    assert host.call("GET", "/api/echo").status_code == 201
    assert (texts(queue), app.told(by_hand="later")) == (["later"], [])
    assert host.call("POST", "/admin/host/resume", key=host.master_key).json() == {"State": "Running"}
    eventually(lambda: app.told(by_hand="later", dequeue_count=1))
    assert state() == "Disabled"


def test_the_bodies_of_large_requests_arrive(host: AppHost) -> None:
    """A body of several megabytes, sent in many pieces, is one body."""
    body = json.dumps({"x": "y" * 3_000_000}).encode()
    assert len(host.call("POST", "/api/echo", data=body).json()["body"]) == len(body)

"""Scripted faults: understood or refused at once, met by the calls they speak of, in each service's own shape."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from simulated_tenant.faults import Instruction, parse
from simulated_tenant.limits import seconds_of
from simulated_tenant.wire import Manner
from tests.simulated_tenant.desk import Desk, header

METADATA = "graph.photo.metadata"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def script(desk: Desk, operation: str, *instructions: str, **more: str) -> None:
    status, body = desk.control("POST", "/faults", {"operation": operation, "script": list(instructions)} | more)
    assert status == 201, body


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("ok", Instruction("ok", "ok")),
        ("503", Instruction("503", "status", 503)),
        ("429:Retry-After=2", Instruction("429:Retry-After=2", "status", 429, (("Retry-After", "2"),))),
        (
            "429:Retry-After=Wed, 21 Oct 2026 07:28:00 GMT;X-A=b=c",
            Instruction(
                "429:Retry-After=Wed, 21 Oct 2026 07:28:00 GMT;X-A=b=c",
                "status",
                429,
                (("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"), ("X-A", "b=c")),
            ),
        ),
        ("404:code=X;message=Y", Instruction("404:code=X;message=Y", "status", 404, code="X", message="Y")),
        ("latency:250", Instruction("latency:250", "latency", seconds=0.25)),
        ("stall:5", Instruction("stall:5", "stall", seconds=5)),
    ],
)
def test_instructions_mean_what_they_say(text: str, meaning: Instruction) -> None:
    """Each form of instruction is read as documented, HTTP dates and equals signs in values included."""
    assert parse(text) == meaning


@pytest.mark.parametrize("text", ["", "200", "600", "reset:1", "latency", "stall:soon", "429:Retry-After", "explode"])
def test_other_texts_are_refused_with_the_grammar(desk: Desk, text: str) -> None:
    """What is no instruction is refused when it is scripted, with the list of those that are."""
    status, body = desk.control("POST", "/faults", {"operation": METADATA, "script": [text]})
    assert status == 400
    assert "An instruction is one of" in body["error"]


def test_unknown_operations_are_refused_with_the_known_ones(desk: Desk) -> None:
    """A misspelt operation never waits in vain: it is refused, and the known names are listed."""
    status, body = desk.control("POST", "/faults", {"operation": "graph.photo.get", "script": ["503"]})
    assert status == 400
    for name in ("graph.photo.value", "entra.token", "sharepoint.process_query"):
        assert name in body["error"]


def test_each_call_uses_up_one_instruction_and_is_proven(desk: Desk) -> None:
    """The script is met in order, call by call, and shows what was met and what is left."""
    user = desk.person_with_photo()
    script(desk, METADATA, "503", "ok", "500")
    assert [desk.ask("GET", f"/users/{user.id}/photo").status for _ in range(2)] == [503, 200]
    _, body = desk.control("GET", "/faults")
    assert (body["completed"], body["scripts"][0]["met"], body["scripts"][0]["left"]) == (False, ["503", "ok"], ["500"])
    assert [desk.ask("GET", f"/users/{user.id}/photo").status for _ in range(2)] == [500, 200]
    assert desk.control("GET", "/faults")[1]["completed"] is True


def test_a_script_for_a_user_leaves_others_alone(desk: Desk) -> None:
    """A user's script is met by id and by UPN, and by nobody else's calls."""
    one, other = desk.person_with_photo(), desk.person_with_photo()
    script(desk, METADATA, "503", "503", user=one.upn)
    assert desk.ask("GET", f"/users/{other.id}/photo").status == 200
    assert desk.ask("GET", f"/users/{one.id.upper()}/photo").status == 503
    assert desk.ask("GET", f"/users/{one.upn.replace('@', '%40')}/photo").status == 503
    assert desk.ask("GET", f"/users/{one.id}/photo").status == 200


def test_a_script_can_look_for_a_substring_or_an_app(desk: Desk) -> None:
    """`match` narrows to requests with a text in address or body, `app` to one client."""
    user = desk.person_with_photo()
    script(desk, "graph.users.list", "503", match="$top=7")
    assert desk.ask("GET", "/users?$top=6").status == 200
    assert desk.ask("GET", "/users?$top=7").status == 503
    script(desk, METADATA, "503", app="another")
    assert desk.ask("GET", f"/users/{user.id}/photo").status == 200
    assert desk.control("POST", "/faults", {"operation": METADATA, "script": ["503"], "user": "nobody"})[0] == 404


@pytest.mark.parametrize(
    ("text", "manner"),
    [("reset", Manner.RESET), ("lost", Manner.RESET), ("cut", Manner.CUT), ("stall:3", Manner.STALL)],
)
def test_faults_of_the_wire(desk: Desk, text: str, manner: Manner) -> None:
    """Resets, lost answers, cut bodies and stalls reach the wire as such."""
    user = desk.person_with_photo()
    script(desk, METADATA, text)
    reply = desk.reply("GET", f"/users/{user.id}/photo")
    assert reply.manner is manner
    assert reply.stall_seconds == (3 if manner is Manner.STALL else 0)


def test_reset_comes_before_the_deed_and_lost_after_it(desk: Desk) -> None:
    """A reset request was never done; one whose answer was lost was."""
    expires = (desk.tenant.now() + timedelta(days=1)).isoformat()
    wanted = {
        "changeType": "updated",
        "notificationUrl": "https://app.example/n",
        "resource": "users",
        "expirationDateTime": expires,
    }
    script(desk, "graph.subscriptions.create", "reset", "lost")
    desk.reply("POST", "/subscriptions", wanted)
    assert len(desk.tenant.subscriptions) == 0
    desk.reply("POST", "/subscriptions", wanted)
    assert len(desk.tenant.subscriptions) == 1


def test_garbage_keeps_status_and_type(desk: Desk) -> None:
    """Wrong bytes come under the right status and content type."""
    user = desk.person_with_photo()
    script(desk, "graph.photo.value", "garbage")
    answer = desk.ask("GET", f"/users/{user.id}/photo/$value")
    assert (answer.status, header(answer, "content-type")) == (200, "image/jpeg")
    assert b"neither a picture" in answer.body


@pytest.mark.parametrize(
    ("operation", "url", "key"),
    [
        ("graph.users.list", "https://graph.microsoft.com/v1.0/users", "error"),
        ("entra.discovery.keys", "https://login.microsoftonline.com/common/discovery/keys", "error_description"),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 423, 429, 500, 502, 503, 504, 509])
def test_every_status_has_the_services_shape(desk: Desk, operation: str, url: str, key: str, status: int) -> None:
    """Any error status comes in the shape that the service gives its own errors, with the scripted code."""
    script(desk, operation, f"{status}:code=Scripted")
    answer = desk.ask("GET", url)
    body = json.loads(answer.body)
    assert answer.status == status
    assert key in body
    assert "Scripted" in json.dumps(body)


def test_retry_after_can_be_an_http_date(desk: Desk) -> None:
    """`date+30` is thirty seconds ahead, by the machine's clock, as an HTTP date."""
    script(desk, "graph.users.list", "503:Retry-After=date+30")
    value = header(desk.ask("GET", "/users"), "retry-after") or ""
    ahead = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    assert 25 < ahead < 31


@pytest.mark.parametrize(("text", "seconds"), [("7", 7), ("0", 0), ("-3", -3), ("soon", None), ("", None)])
def test_retry_after_is_read_as_seconds(text: str, seconds: float | None) -> None:
    """Whole seconds are read; anything else that is no date means nothing."""
    assert seconds_of(text) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    """An HTTP date means the time until then."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert seconds_of(format_datetime(now + timedelta(seconds=90), usegmt=True), now) == 90


def test_latency_applies_to_service_or_operation(desk: Desk) -> None:
    """Latency can be set for a service and for an operation, which goes first; unknown names are refused."""
    assert desk.control("POST", "/latency", {"graph": 1, "graph.users.list": 40})[0] == 200
    desk.ask("GET", "/users")
    desk.ask("GET", "/organization")
    slow, fast = (entry.milliseconds for entry in desk.tenant.journal.entries)
    assert slow >= 40 > fast
    assert desk.control("POST", "/latency", {"outlook": 5})[0] == 400

"""What reaches Application Insights when it is connected, and that nothing is there when it is not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential

from local_run.stack import ROOT
from shared.send_telemetry import _credential
from shared.words import PhotoEvent, Reason
from tests import pictures
from tests.bench import CLIENT_STATE, Bench
from tests.ingestion import KEY, Ingestion, ingestion
from tests.waiting import eventually

SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def insights() -> Iterator[Ingestion]:
    """An Application Insights of the test's own."""
    with ingestion() as running:
        yield running


@dataclass
class Looking:
    """A process that looks at photos."""

    bench: Bench
    process: subprocess.Popen[str]
    log: str = ""
    imported: list[str] = field(default_factory=list)

    def look(self, user: str) -> str:
        """The outcome of a look at this user's photo, which belongs to the operation."""
        event = PhotoEvent(user_id=user, reason=Reason.NOTIFICATION, traceparent=SENT)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(event.to_message() + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def looking(bench: Bench, **environment: str) -> Iterator[Looking]:
    """The process; at the block's end it has ended well, and has sent what it had to send."""
    unconnected = {name: text for name, text in os.environ.items() if not name.startswith("APPLICATIONINSIGHTS")}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.telemetry.looking"],
        env=unconnected | bench.environment | environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            made = Looking(bench, process)
            yield made
            told, made.log = process.communicate(timeout=60)
            made.imported = json.loads(told)
            assert process.returncode == 0, made.log
            assert "Traceback" not in made.log, made.log[made.log.index("Traceback") :]
        finally:
            process.kill()


def test_what_is_sent_of_a_copy_a_pause_and_nothing_to_do(bench: Bench, insights: Ingestion) -> None:
    """A copy: its span in the trace that the message named, a child for each request, and the numbers. A pause that was
    asked for: its code and service. Nothing to do: a number only, since of those there are a thousand for each copy.
    """  # noqa: D205 - three promises of one process, which takes seconds to start
    users = [bench.person(pictures.jpeg(200, 200, seed=seed)) for seed in (1, 2)]
    with looking(bench, APPLICATIONINSIGHTS_CONNECTION_STRING=insights.connection_string) as process:
        assert process.look(users[0]) == "copied"
        assert process.look(users[0]) == "unchanged"
        eventually(insights.spans, what="the copy's spans")
        copied = insights.spans()
        bench.control.fault("sharepoint.file.add", "429:Retry-After=60")
        assert process.look(users[1]) == "deferred"
    deferred = insights.spans()[len(copied) :]
    check_spans_of_a_copy(copied)
    assert [(span["success"], span["target"]) for span in deferred if span["resultCode"] == "429"] == [
        (False, "contoso-my.sharepoint.com")
    ]
    check_numbers(insights)
    told = json.dumps(insights.items)
    names = [bench.row(user).upn or user for user in users]
    assert not [name for name in (*users, *names, *(name.partition("@")[0] for name in names)) if name in told]
    assert {item["iKey"] for item in insights.items} == {KEY}
    assert set(insights.paths) == {"/v2.1/track"}


def check_spans_of_a_copy(spans: list[dict[str, Any]]) -> None:
    """One look, and below it a call for each request, with Microsoft's id; no span of the look that did nothing."""
    assert {span["operation"] for span in spans} == {SENT[3:35]}
    (look,) = [span for span in spans if span["name"] == "look"]
    assert (look["parent"], look["type"], look["success"]) == (SENT[36:52], "InProc", True)
    assert look["properties"]["outcome"] == "copied"
    calls = [span for span in spans if span["parent"] == look["id"]]
    assert len(calls) == len(spans) - 1 >= 6
    assert all(call["properties"]["request_id"] for call in calls)
    assert {(call["resultCode"], call["success"]) for call in calls} <= {("200", True), ("201", True)}
    assert any(call["data"] == "https://graph.microsoft.com/v1.0/users/{}/photo/$value" for call in calls)
    assert any(call["target"] == "contoso-admin.sharepoint.com" for call in calls)


def check_numbers(insights: Ingestion) -> None:
    """Every count and every time is there once, added up."""
    metrics = insights.metrics()

    def by(name: str, attribute: str) -> dict[str, float]:
        added: dict[str, float] = {}
        for point in metrics[name]:
            key = point["properties"][attribute]
            added[key] = added.get(key, 0) + point["value"]
        return added

    assert by("photosync.looks", "outcome") == {"copied": 1, "unchanged": 1, "deferred": 1}
    assert by("photosync.failures", "code") == {"TooManyRequests": 1}
    assert by("photosync.throttled", "service") == {"sharepoint": 1}
    assert sum(point["count"] for point in metrics["photosync.seconds_to_copy"]) == 1
    assert sum(point["count"] for point in metrics["photosync.queue_seconds"]) == 3


def test_unconnected_nothing_of_it_is_imported(bench: Bench) -> None:
    """Without a connection string a whole copy imports no module of OpenTelemetry, and the log is as ever."""
    with looking(bench) as process:
        assert process.look(bench.person(pictures.jpeg(200, 200, seed=4))) == "copied"
    assert process.imported == []
    assert f"event=copied correlation={SENT[3:35]}" in process.log


def test_an_endpoint_that_is_away_harms_nobody(bench: Bench) -> None:
    """When Application Insights does not answer, photos are copied all the same, and the process ends."""
    with ingestion() as gone:
        away = gone.connection_string
    with looking(bench, APPLICATIONINSIGHTS_CONNECTION_STRING=away) as process:
        assert process.look(bench.person(pictures.jpeg(200, 200, seed=5))) == "copied"
        assert process.process.stderr is not None
        while "azure.monitor.opentelemetry" not in (line := process.process.stderr.readline()):
            assert line, "the exporter has said nothing"
        assert process.look(bench.person(pictures.jpeg(200, 200, seed=6))) == "copied"


@pytest.mark.parametrize(
    ("setting", "client_id"),
    [
        ("Authorization=AAD", None),
        ("ClientId=11111111-2222-3333-4444-555555555555;Authorization=AAD", "11111111-2222-3333-4444-555555555555"),
    ],
)
def test_the_setting_of_azure_functions_names_the_identity(setting: str, client_id: str | None) -> None:
    """With local authentication off, telemetry signs in as the setting says; without the setting it does not."""
    made = _credential(setting)
    assert isinstance(made, ManagedIdentityCredential)
    assert (client_id or "") in repr(vars(made._credential))
    assert _credential(None) is None


COLD = """
import sys
import azure.functions as func
import function_app
from sync_trigger import notifications
told = notifications(func.HttpRequest(method="POST", url="/", body=sys.argv[1].encode(), headers={}, params={}))
late = ("opentelemetry", "azure.monitor", "PIL", "jinja2", "msal")
print(told.status_code, [name for name in sys.modules if name.startswith(late)])
"""


def test_a_cold_webhook_answers_before_anything_of_it_is_imported(bench: Bench, insights: Ingestion) -> None:
    """Connected or not: the first delivery of a process is stored and answered without telemetry being imported."""
    user = bench.person()
    element = {"clientState": CLIENT_STATE, "resource": f"Users/{user}", "resourceData": {"id": user}}
    ran = subprocess.run(
        [sys.executable, "-c", COLD, json.dumps({"value": [element]})],
        env=os.environ | bench.environment | {"APPLICATIONINSIGHTS_CONNECTION_STRING": insights.connection_string},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.strip() == "202 []", ran.stderr

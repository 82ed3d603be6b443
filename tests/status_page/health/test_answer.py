"""The answer of `GET /api/health`: its status, its shape, and who may have the probe."""

import json
import threading
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from shared.receive_visit import Visit
from shared.who_gets_in import MAY_BE_FORGED, READ_ONLY, READER, LetIn, Refusal
from status_page.health import run_checks
from status_page.health.catalogue import Check, Lane, checks_for
from status_page.health.findings import Finding, Verdict, overall, passed
from status_page.health.kit import Kit
from status_page.health.tell_health import tell_health
from tests.status_page.health.conftest import Healthy

FIELDS = ["id", "section", "title", "verdict", "milliseconds", "found", "remedy", "requestId", "verifies"]


def ask(healthy: Healthy, refusal: Refusal | None = None, **query: str) -> tuple[int, dict[str, Any]]:
    """Ask as somebody whom the door lets in."""
    request = func.HttpRequest("GET", "https://photosync/api/health", params=query, body=b"")
    answer = tell_health(healthy.bench.services, Visit(request, LetIn("somebody", refusal)))
    return answer.status_code, json.loads(answer.get_body())


def test_the_answer_has_a_verdict_and_every_check(healthy: Healthy) -> None:
    """200 while nothing has failed; the counts agree with the checks."""
    status, told = ask(healthy)
    assert (status, told["verdict"]) == (200, "passed")
    assert all(list(check) == FIELDS for check in told["checks"])
    verdicts = [check["verdict"] for check in told["checks"]]
    assert told["counts"] == {str(verdict): verdicts.count(verdict) for verdict in Verdict}
    assert next(check for check in told["checks"] if check["id"] == "clock")["verifies"] == [
        "docs/to-verify.md#date-headers"
    ]


def test_a_failed_check_is_seen_by_who_looks_at_the_status_only(healthy: Healthy) -> None:
    """503, for availability tests and `curl --fail`, with the same body."""
    healthy.bench.control.call("POST", "/sharepoint/library", {"pictureFolders": []})
    status, told = ask(healthy)
    assert (status, told["verdict"], told["counts"]["failed"]) == (503, "failed", 1)


def test_another_probe_is_refused(healthy: Healthy) -> None:
    """A spelling mistake is not taken for a wish to look."""
    assert ask(healthy, probe="wirte")[0] == 400


@pytest.mark.parametrize("refusal", [READ_ONLY, READER, MAY_BE_FORGED])
def test_who_may_only_look_gets_no_probe(healthy: Healthy, refusal: Refusal) -> None:
    """Nothing is asked of anybody, least of all written; looking is allowed."""
    status, told = ask(healthy, refusal, probe="write")
    assert (status, told["title"]) == (403, refusal.title)
    assert healthy.bench.requests("sharepoint") == []


def test_a_probe_is_put_on_record(healthy: Healthy) -> None:
    """Who let it write stands among the actions, with the outcome."""
    assert ask(healthy, probe="write")[0] == 200
    latest = healthy.bench.services.actions.latest(1)[0]
    assert (latest.who, latest.method, latest.path, latest.status) == ("somebody", "GET", "health?probe=write", 200)


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([], "passed"),
        (["passed", "skipped"], "passed"),
        (["passed", "warning", "skipped"], "warning"),
        (["warning", "failed", "passed"], "failed"),
    ],
)
def test_the_worst_verdict_is_the_verdict(verdicts: list[str], worst: str) -> None:
    """What was skipped says nothing."""
    assert overall(Verdict(verdict) for verdict in verdicts) == worst


def test_a_check_that_hangs_or_breaks_costs_no_other(healthy: Healthy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer comes in time: the hanging one is said not to have ended, the broken one to be a defect."""
    over = threading.Event()

    def hang(_: Kit) -> Finding:
        over.wait(60)
        return passed("late")

    def break_down(_: Kit) -> Finding:
        raise ZeroDivisionError

    def well(_: Kit) -> Finding:
        return passed("well")

    checks = [
        Check("hanging", "s", "t", Lane.GRAPH, hang),
        Check("behind", "s", "t", Lane.GRAPH, well),
        Check("broken", "s", "t", Lane.SHAREPOINT, break_down),
        Check("after", "s", "t", Lane.SHAREPOINT, well),
        Check("last", "s", "t", Lane.AT_THE_END, well),
    ]
    monkeypatch.setattr(run_checks, "checks_for", lambda *_, **__: checks)
    monkeypatch.setattr(run_checks, "LONGEST", 0.2)
    found = {result.check.id: result.finding for result in run_checks.run_checks(Kit(healthy.bench.services))}
    over.set()
    assert [found[name].verdict for name in ("hanging", "behind", "broken")] == [Verdict.FAILED] * 3
    assert "did not end" in found["behind"].found
    assert "ZeroDivisionError" in found["broken"].found
    assert found["after"].verdict is found["last"].verdict is Verdict.PASSED


def test_no_call_begins_when_the_time_is_over(healthy: Healthy) -> None:
    """However many checks there are, the whole ends well below the 230 seconds after which an answer is cut off."""
    kit = Kit(healthy.bench.services)
    healthy.bench.clock._slept += timedelta(seconds=95)
    results = {check.id: check.look(kit) for check in checks_for(kit.settings) if check.lane is Lane.GRAPH}
    assert results["token-graph"].verdict is Verdict.PASSED
    assert results["graph-users"].verdict is Verdict.FAILED
    assert healthy.bench.requests("graph") == []

"""The answer of `GET /api/health`.

It is 503 when a check has failed, else 200, with the same body: availability tests, uptime monitors and `curl --fail`
look at the status and at nothing else. A warning is no outage, so it is 200. What a monitor should ask every few
minutes is `GET /api/overview`, which costs a few reads of a table; this one asks Microsoft's services a dozen times.
"""

import logging
from collections.abc import Sequence

import azure.functions as func
from azure.core.exceptions import AzureError

from shared.actions import ActionRow
from shared.logs import Happened, tell
from shared.problem import json_answer, problem
from shared.receive_visit import Visit
from shared.services import Services
from shared.settings import VERSION
from status_page.answer_shapes import CheckTold, HealthAnswer
from status_page.health.findings import Verdict, overall
from status_page.health.kit import Kit
from status_page.health.run_checks import Result, run_checks

DOCUMENT = "docs/to-verify.md"
WRITE = "write"
_log = logging.getLogger("photosync.health")


def tell_health(services: Services, visit: Visit) -> func.HttpResponse:
    """Run the checks; with `?probe=write` the one that writes too, which needs the right to act."""
    probe = visit.query.get("probe")
    if probe not in {None, WRITE}:
        return problem(400, "bad-request", "There is no such probe.", f"?probe={WRITE} is the one there is.")
    if probe and (refusal := visit.refused_to_act()):
        return refusal
    results = run_checks(Kit(services), probe=probe is not None)
    body = told(services, results)
    status = 503 if body["verdict"] == Verdict.FAILED else 200
    if probe:
        # A route that only looks is not recorded by the door; this one has written.
        now, what = services.clock.now(), "Write a test user's picture and take it back"
        _record(services, ActionRow(now, visit.who, what, "GET", f"health?probe={WRITE}", status))
    return json_answer(status, body)


def told(services: Services, results: Sequence[Result]) -> HealthAnswer:
    """The results with the names of the wire. Pure but for the time."""
    verdicts = [result.finding.verdict for result in results]
    return {
        "verdict": overall(verdicts),
        "checkedAt": services.clock.now().isoformat(timespec="seconds"),
        "version": VERSION,
        "tenantId": services.settings.tenant_id,
        "counts": {verdict: verdicts.count(verdict) for verdict in Verdict},
        "checks": [_check(result) for result in results],
    }


def _check(result: Result) -> CheckTold:
    check, finding = result.check, result.finding
    return {
        "id": check.id,
        "section": check.section,
        "title": check.title,
        "verdict": finding.verdict,
        "milliseconds": result.milliseconds,
        "found": finding.found,
        "remedy": finding.remedy or None,
        "requestId": finding.request_id or None,
        "verifies": [f"{DOCUMENT}#{anchor}" for anchor in check.verifies],
    }


def _record(services: Services, row: ActionRow) -> None:
    """As the front door does: what is done is done, whether or not it can be written down."""
    try:
        services.actions.add(row)
    except AzureError as error:
        tell(_log, Happened.ACTION_NOT_RECORDED, error=type(error).__name__)

"""Manual syncs: what the administrator may ask, and what the job then tells."""

import json
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest

from shared.words import Outcome
from sync_trigger.start_job import start_job, tell_progress
from tests import pictures
from tests.bench import Bench

PHOTO = pictures.jpeg(300, 300, seed=4)


def ask(bench: Bench, **body: Any) -> func.HttpResponse:
    """The answer to a request with this body."""
    return start_job(bench.services, json.dumps(body).encode(), "a test")


def told(answer: func.HttpResponse) -> dict[str, Any]:
    """The body of an answer."""
    return dict(json.loads(answer.get_body()))


def progress(bench: Bench, job: str) -> dict[str, Any]:
    """What the job tells."""
    return told(tell_progress(bench.services, job))


def test_users_are_named_by_id_or_upn(bench: Bench) -> None:
    """Both name the same person, who is looked at once; the answer says where progress is told."""
    user, other = bench.person(PHOTO), bench.person(PHOTO)
    upn = bench.control.user(user)["userPrincipalName"]
    before = bench.waiting()
    answer = ask(bench, users=[user, upn.upper(), f" {upn} ", other])
    assert answer.status_code == 202
    job = told(answer)
    assert answer.headers["Location"] == job["status"] == f"/api/sync/{job['jobId']}"
    assert bench.waiting() == before + 2
    assert progress(bench, job["jobId"]) | {"requestedAt": "", "estimatedEnd": ""} == {
        "jobId": job["jobId"],
        "correlationId": job["correlationId"],
        "state": "running",
        "requestedAt": "",
        "requestedBy": "a test",
        "users": "named",
        "group": None,
        "action": "copy",
        "force": False,
        "dryRun": False,
        "total": 2,
        "finished": 0,
        "counts": {},
        "estimatedEnd": "",
        "failures": [],
        "wouldCopy": [],
        "kept": [],
    }


def test_a_job_ends_when_every_user_has_an_outcome(bench: Bench) -> None:
    """Counts by outcome, failures in words with the remedy; a deferred user is not finished."""
    good, broken = bench.person(PHOTO), bench.person(b"no picture")
    job = told(ask(bench, users=[good, broken]))["jobId"]
    bench.control.fault("graph.photo.metadata", "429:Retry-After=60", user=good)
    assert bench.look(good, job_id=job) is Outcome.DEFERRED
    bench.clock.sleep(61)
    assert bench.look(broken, job_id=job) is Outcome.FAILED
    midway = progress(bench, job)
    assert (midway["state"], midway["finished"], midway["counts"]) == ("running", 1, {"deferred": 1, "failed": 1})
    assert bench.look(good, job_id=job) is Outcome.COPIED
    assert bench.look(good, job_id=job) is Outcome.UNCHANGED  # the message came twice
    done = progress(bench, job)
    assert (done["state"], done["finished"]) == ("done", 2)
    [failure] = done["failures"]
    assert (failure["userId"], failure["error"]) == (broken, "PhotoRefused")
    assert failure["remedy"]


def test_unknown_users_are_the_jobs_failures(bench: Bench) -> None:
    """Names that Graph does not know end at once, without keeping the others from going."""
    user = bench.person(PHOTO)
    job = told(ask(bench, users=[user, "nobody@contoso.com", "guest_x#EXT#/?@contoso.com", str(uuid4())]))
    assert job["total"] == 4
    status = progress(bench, job["jobId"])
    assert status["counts"] == {"failed": 3}
    assert {failure["error"] for failure in status["failures"]} == {"UserNotFound"}
    assert "nobody@contoso.com" in {failure["user"] for failure in status["failures"]}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "exactly one"),
        ({"users": [], "force": True}, "at least 1"),
        ({"users": ["a.b@contoso.com"], "all": True}, "exactly one"),
        ({"users": ["a.b@contoso.com"], "forse": True}, "not permitted"),
        ({"users": "a.b@contoso.com"}, "array"),
        ({"users": ["a.b@contoso.com"], "dryRun": "yes"}, "boolean"),
        ({"group": "everybody"}, "object id"),
        ({"users": ["x@y.z"] * 1001}, "at most 1000"),
    ],
)
def test_a_wrong_body_is_explained(bench: Bench, body: dict[str, Any], wrong: str) -> None:
    """Each mistake is named, with an example of what is right."""
    answer = ask(bench, **body)
    assert answer.status_code == 400
    problem = told(answer)
    assert wrong in json.dumps(problem["errors"])
    assert "Example" in problem["detail"]


def test_graph_being_away_is_told(bench: Bench) -> None:
    """503 with Retry-After, and no job is left behind."""
    bench.control.fault("graph.batch", "429:Retry-After=40")
    answer = ask(bench, users=["a.b@contoso.com"])
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 40
    assert told(answer)["type"] == "urn:photosync:problem:TooManyRequests"


def test_an_unknown_job_is_told(bench: Bench) -> None:
    """404 with problem details."""
    assert tell_progress(bench.services, "no-such-job").status_code == 404

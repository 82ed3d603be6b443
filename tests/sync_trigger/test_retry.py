"""Retry: failed users again, as a job; messages that nobody could read back on their queue."""

import json
from typing import Any

import azure.functions as func
import pytest

from photo_worker.record_poison import record_poison
from shared import safety_stop
from shared.runs import RunKind, RunState
from shared.words import QUEUE_OF_CHECKS, Outcome, PhotoEvent, Reason, UserState
from sync_trigger.check_messages import CheckedUser, CheckMessage, ListMessage
from sync_trigger.record_check_poison import record_check_poison
from sync_trigger.retry import retry
from sync_trigger.start_job import start_job, tell_progress
from sync_trigger.start_sweep import start_sweep, tell_sweep
from tests import pictures
from tests.draining import Drained

PHOTO = pictures.jpeg(200, 200, seed=80)


def ask(drained: Drained, **body: Any) -> func.HttpResponse:
    """The answer to a request with this body."""
    return retry(drained.services, json.dumps(body).encode(), "a test")


def body_of(answer: func.HttpResponse) -> dict[str, Any]:
    """The answer's JSON."""
    return dict(json.loads(answer.get_body()))


def told(drained: Drained, answer: func.HttpResponse) -> dict[str, Any]:
    """What the job tells that the answer began."""
    return body_of(tell_progress(drained.services, body_of(answer)["jobId"]))


def failed_people(drained: Drained, count: int) -> list[str]:
    """So many users whose copy has failed for want of a permission that is back by now."""
    users = [drained.bench.person(PHOTO) for _ in range(count)]
    drained.bench.control.fault("graph.photo.value", *["403"] * count)
    for user in users:
        assert drained.bench.look(user) is Outcome.FAILED
        drained.services.control.remove("breaker graph")
    drained.restart()
    return users


def test_named_users_are_looked_at_again(drained: Drained) -> None:
    """At once, as a job; even a photo that was refused is downloaded anew, since a person asks."""
    [user] = failed_people(drained, 1)
    broken = drained.bench.person(b"no picture")
    assert drained.bench.look(broken) is Outcome.FAILED
    drained.bench.control.clear_records()
    answer = ask(drained, users=[user, broken])
    assert answer.status_code == 202
    drained.run()
    assert told(drained, answer)["counts"] == {"copied": 1, "failed": 1}
    downloads = [request["path"] for request in drained.bench.control.requests(operation="graph.photo.value")]
    assert all(any(looked_at in path for path in downloads) for looked_at in (user, broken))


@pytest.mark.parametrize("count", [3, 27])
def test_everybody_who_failed_is_looked_at_again(drained: Drained, count: int) -> None:
    """Few at once, many page by page at the pace of bulk work; others are left alone."""
    users = failed_people(drained, count)
    other = drained.bench.person(PHOTO)
    assert drained.bench.look(other) is Outcome.COPIED
    answer = ask(drained, all=True)
    drained.run()
    done = told(drained, answer)
    assert (done["state"], done["total"], done["counts"]) == ("done", count, {"copied": count})
    assert {drained.bench.row(user).state for user in users} == {UserState.IN_STEP}
    assert any(drained.delays()) == (count > 25)


def test_when_nobody_failed_the_job_is_done(drained: Drained) -> None:
    """Nothing to do is no error."""
    answer = ask(drained, all=True)
    assert (told(drained, answer)["state"], told(drained, answer)["total"]) == ("done", 0)


def test_poison_goes_back_where_it_came_from(drained: Drained) -> None:
    """Unreadable messages of both queues are kept in Control; put back, those that can be read now are worked off."""
    user = drained.bench.person(PHOTO)
    event = PhotoEvent(user_id=user, reason=Reason.MANUAL)
    later_version = event.to_message().replace('"v":1', '"v":9')
    record_poison(drained.services, "m1", later_version)
    record_check_poison(drained.services, "m2", "no message at all")
    rows = drained.services.control.starting_with("unreadable-message ")
    assert {row.values.get("queue") for row in rows} == {None, QUEUE_OF_CHECKS}
    # The version that can read them is deployed again: here, by making the one message readable.
    drained.services.control.put("unreadable-message m1", {"text": event.to_message()})
    drained.services.control.remove("unreadable-message m2")
    answer = ask(drained, poison=True)
    assert (answer.status_code, body_of(answer)) == (200, {"putBack": 1})
    assert drained.services.control.starting_with("unreadable-message ") == []
    drained.run()
    assert drained.bench.shows(user, PHOTO)
    assert body_of(ask(drained, poison=True)) == {"putBack": 0}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "exactly one"),
        ({"all": True, "poison": True}, "exactly one"),
        ({"users": []}, "at least 1"),
        ({"all": "yes"}, "boolean"),
        ({"everything": True}, "not permitted"),
    ],
)
def test_a_wrong_body_is_explained(drained: Drained, body: dict[str, Any], wrong: str) -> None:
    """Each mistake is named, with an example of what is right."""
    answer = ask(drained, **body)
    assert answer.status_code == 400
    assert wrong in json.dumps(body_of(answer)["errors"])


def test_a_sweep_is_asked_for(drained: Drained) -> None:
    """202 with its address; while it is at work 409 tells which one; afterwards another may be asked for."""
    drained.bench.person(PHOTO)
    answer = start_sweep(drained.services, b"", "a test")
    assert answer.status_code == 202
    run = body_of(answer)["runId"]
    assert answer.headers["Location"] == f"/api/sweep/{run}"
    busy = start_sweep(drained.services, b"{}", "a test")
    assert (busy.status_code, body_of(busy)["runId"]) == (409, run)
    drained.run()
    told_of = body_of(tell_sweep(drained.services, run))
    assert (told_of["state"], told_of["users"], told_of["chunks"], told_of["different"]) == ("running", 1, 1, 1)
    assert told_of["requestedBy"] == "a test"
    assert start_sweep(drained.services, b"", "a test").status_code == 202
    assert tell_sweep(drained.services, "none").status_code == 404
    assert start_sweep(drained.services, b'{"force": 1}', "a test").status_code == 400


def test_a_forced_sweep_lifts_the_safety_stop(drained: Drained) -> None:
    """On a person's word; without force it stays, and lifting what is not set is no error."""
    control = drained.services.control
    assert body_of(start_sweep(drained.services, b'{"force": true}', "a test"))["safetyStopLifted"] is False
    safety_stop.set_(control, drained.now, would_remove=50, allowed=10)
    safety_stop.set_(control, drained.now, would_remove=40, allowed=10)
    stop = safety_stop.read(control)
    assert stop is not None
    assert (stop.would_remove, stop.in_force) == (50, True)
    start_sweep(drained.services, b"", "a test")
    assert safety_stop.is_set(control)
    assert body_of(start_sweep(drained.services, b'{"force": true}', "a test"))["safetyStopLifted"] is True
    assert not safety_stop.is_set(control)
    assert safety_stop.lifted_lately(control, drained.now)


def test_what_the_host_gave_up_on_is_told_by_its_run(drained: Drained) -> None:
    """A list message ends its run with an error; a check message makes its users the job's failures."""
    start_job(drained.services, b'{"all": true}', "a test")
    [run] = drained.services.runs.newest(RunKind.JOB, 1)
    users = (CheckedUser(id=drained.bench.person(), upn="a@b.c"), CheckedUser(id=drained.bench.person(), upn="d@e.f"))
    check = CheckMessage(
        run_kind=RunKind.JOB, run_id=run.run_id, chunk=0, reason=Reason.MANUAL, users=users, job_id=run.run_id
    )
    record_check_poison(drained.services, "m1", check.to_message())
    progress = drained.services.runs.progress(run.run_id)
    assert progress is not None
    assert progress.counts == {Outcome.FAILED: 2}
    assert progress.run.error_code == "UnexpectedError"
    record_check_poison(drained.services, "m2", ListMessage(run_kind=RunKind.JOB, run_id=run.run_id).to_message())
    [run] = drained.services.runs.newest(RunKind.JOB, 1)
    assert run.state is RunState.FAILED

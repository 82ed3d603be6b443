"""Pause and resume: while the app is paused nothing is checked and nothing copied, and nothing is lost."""

import json
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from shared import paused
from shared.words import Outcome, PhotoEvent, Reason
from sync_trigger.pause_app import pause_app, resume_app
from sync_trigger.start_job import cancel_job, start_job, tell_progress
from sync_trigger.start_sweep import start_sweep
from sync_trigger.sweep import sweep_when_due
from tests import pictures
from tests.draining import Drained
from tests.sync_trigger.kept_subscription import Kept

PHOTO = pictures.jpeg(200, 200, seed=31)
SOON = timedelta(seconds=75)
"""A minute or so: what is promised, whatever the switch is set to."""


def told(answer: func.HttpResponse) -> dict[str, Any]:
    """The body of an answer."""
    return dict(json.loads(answer.get_body()))


def pause(drained: Drained, **body: Any) -> dict[str, Any]:
    """Pause, and let a second go by, after which everybody knows."""
    answer = pause_app(drained.services, json.dumps(body).encode(), "maria@contoso.com")
    assert answer.status_code == 200
    drained.bench.clock.sleep(1)
    return told(answer)


def resume(drained: Drained) -> dict[str, Any]:
    """Let everything go on."""
    return told(resume_app(drained.services))


def notice(drained: Drained, user: str) -> None:
    """A notification of the user has come."""
    drained.services.queue.put(PhotoEvent(user_id=user, reason=Reason.NOTIFICATION))


def asked(drained: Drained) -> list[dict[str, Any]]:
    """Every request to Microsoft so far."""
    return drained.bench.control.requests(app=drained.bench.client_id)


def test_everything_waits_and_goes_on_within_a_minute_or_so(drained: Drained) -> None:
    """Notifications, a job over everybody and one of named users wait; soon after the resume all is done."""
    users = [drained.bench.person(PHOTO) for _ in range(4)]
    pause(drained)
    notice(drained, users[0])
    everybody = told(start_job(drained.services, b'{"all": true}', "a test"))["jobId"]
    listed_before = len(asked(drained))
    drained.pass_time(timedelta(minutes=10))
    assert len(asked(drained)) == listed_before
    assert set(drained.outcomes) == {Outcome.DEFERRED}
    assert drained.services.status.get(users[0]) is None

    assert resume(drained)["wasPausedSince"]
    # The list, its checks, and the photo events that they make: each was, or is, put on a queue once more at most.
    drained.pass_time(SOON + timedelta(seconds=10))
    assert all(drained.bench.shows(user, PHOTO) for user in users)
    job = told(tell_progress(drained.services, everybody))
    assert (job["state"], job["finished"], job["failures"]) == ("done", 4, [])


def test_waiting_uses_up_no_attempt(drained: Drained) -> None:
    """However long the pause, the message is the one that it was; a job's user fails no sooner for it."""
    user = drained.bench.person(PHOTO)
    job = told(start_job(drained.services, json.dumps({"users": [user]}).encode(), "a test"))["jobId"]
    pause(drained)
    drained.pass_time(timedelta(minutes=30))
    resume(drained)
    drained.pass_time(SOON)
    assert drained.bench.row(user).attempts == 0
    [attempt] = drained.services.history.of(user)
    assert (attempt.outcome, attempt.job_id) == (Outcome.COPIED, job)


def test_no_sweep_begins(drained: Drained) -> None:
    """The timer begins none, and who asks for one is told why; after the resume it begins the one that is due."""
    drained.bench.person(PHOTO)
    pause(drained)
    assert sweep_when_due(drained.services) is None
    refused = start_sweep(drained.services, b"", "a test")
    assert (refused.status_code, told(refused)["type"]) == (409, "urn:photosync:problem:paused")
    resume(drained)
    assert sweep_when_due(drained.services) is not None


def test_a_job_may_be_cancelled_while_it_waits(drained: Drained) -> None:
    """A cancelled job ends in the pause already; nobody is looked at afterwards."""
    user = drained.bench.person(PHOTO)
    pause(drained)
    job = told(start_job(drained.services, json.dumps({"users": [user]}).encode(), "a test"))["jobId"]
    drained.pass_time(timedelta(minutes=5))
    cancel_job(drained.services, job)
    drained.run()
    assert drained.outcomes[-1] is Outcome.CANCELLED
    resume(drained)
    assert drained.services.status.get(user) is None


def test_another_process_knows_within_a_second(drained: Drained) -> None:
    """A process that has looked at the switch a moment ago looks again after a second, one that starts at once."""
    other = paused.PauseSwitch(drained.services.control)
    assert other.wait(drained.now) is None
    pause(drained)
    assert other.wait(drained.now) is not None
    drained.restart()
    assert drained.services.pause_switch.wait(drained.now) is not None
    resume(drained)
    drained.bench.clock.sleep(1)
    assert other.wait(drained.now) is None


def test_the_first_pause_stands(drained: Drained) -> None:
    """A second pause changes neither who nor why; a second resume does nothing."""
    first = pause(drained, reason="  SharePoint is being moved ")
    assert (first["by"], first["reason"]) == ("maria@contoso.com", "SharePoint is being moved")
    second = pause_app(drained.services, b'{"reason": "another"}', "somebody else")
    assert told(second) == first
    assert resume(drained)["wasPausedSince"] == first["since"]
    assert resume(drained)["wasPausedSince"] is None


@pytest.mark.parametrize("body", [b'{"reason": 5}', b'{"reason": "%s"}' % (b"x" * 201), b'{"until": "noon"}', b"["])
def test_a_wrong_body_pauses_nothing(drained: Drained, body: bytes) -> None:
    """What is not understood is explained, and the app goes on."""
    answer = pause_app(drained.services, body, "a test")
    assert (answer.status_code, told(answer)["type"]) == (400, "urn:photosync:problem:bad-request")
    assert paused.read(drained.services.control) is None


def test_the_subscription_is_looked_after_meanwhile(kept: Kept) -> None:
    """In a pause of forty days, longer than any subscription lives, Graph has one all the time."""
    kept.bench.services.pause_switch.pause(kept.now, "a test", None)
    kept.run()
    for _ in range(20):
        kept.run(timedelta(days=2))
        assert len(kept.subscriptions()) == 1

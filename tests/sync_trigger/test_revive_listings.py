"""A job whose process died before its first message goes on by itself."""

import json
from datetime import timedelta

import pytest

from shared.runs import RunKind, RunState
from sync_trigger.revive_listings import revive_listings
from sync_trigger.start_job import start_job
from sync_trigger.sweep import DEAD_AFTER
from tests import pictures
from tests.draining import Died, Drained


def test_a_job_without_its_message_is_set_going_again(drained: Drained) -> None:
    """The process dies between the job's row and its message: half an hour later the timer puts the message, once."""
    photo = pictures.jpeg(200, 200, seed=71)
    user = drained.bench.person(photo)
    body = json.dumps({"all": True}).encode()
    start_job(drained.services, body, "a test")
    drained.run()
    first = drained.services.runs.newest(RunKind.JOB, 1)[0].run_id
    drained.die_at(2)
    with pytest.raises(Died):
        start_job(drained.services, body, "a test")
    drained.live()
    job = drained.services.runs.newest(RunKind.JOB, 1)[0]
    assert job.run_id != first
    drained.run()
    assert job.state is RunState.LISTING
    assert revive_listings(drained.services) == [], "it may only be late"
    drained.pass_time(DEAD_AFTER + timedelta(minutes=1))
    assert revive_listings(drained.services) == [job.run_id]
    assert revive_listings(drained.services) == []
    drained.run()
    progress = drained.services.runs.progress(job.run_id)
    assert progress is not None
    assert (progress.is_done, progress.run.total) == (True, 1)
    assert drained.bench.shows(user, photo)
    drained.pass_time(DEAD_AFTER + timedelta(minutes=1))
    assert revive_listings(drained.services) == [], "what is listed is left alone"

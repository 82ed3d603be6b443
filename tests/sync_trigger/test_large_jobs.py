"""Jobs over a group or everybody: paced, resumable, told, estimated, rehearsed, cancelled."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import azure.functions as func
import pytest

from shared.runs import RunKind
from shared.words import Outcome, UserState
from sync_trigger.start_job import cancel_job, start_job, tell_progress
from tests import pictures
from tests.draining import Died, Drained

PHOTO = pictures.jpeg(200, 200, seed=70)
ROLES = {
    "graph": ["ProfilePhoto.Read.All", "User.Read.All", "GroupMember.Read.All"],
    "sharepoint": ["User.ReadWrite.All", "Sites.ReadWrite.All"],
}


def people(drained: Drained, with_photo: int, without: int = 0) -> list[str]:
    """So many users, those with a photo first."""
    return [drained.bench.person(PHOTO) for _ in range(with_photo)] + [drained.bench.person() for _ in range(without)]


def ask(drained: Drained, **body: Any) -> func.HttpResponse:
    """The answer to a request with this body."""
    return start_job(drained.services, json.dumps(body).encode(), "a test")


def job_of(answer: func.HttpResponse) -> str:
    """The id of the job that the answer tells of."""
    assert answer.status_code == 202, answer.get_body()
    return str(json.loads(answer.get_body())["jobId"])


def told(drained: Drained, job: str) -> dict[str, Any]:
    """What the job tells."""
    return dict(json.loads(tell_progress(drained.services, job).get_body()))


def test_a_job_over_everybody_ends_with_everybody_counted(drained: Drained) -> None:
    """The total grows while users are listed; then each user has one outcome, and the job is done."""
    users = people(drained, 3, 25)
    broken = drained.bench.person(b"no picture")
    job = job_of(ask(drained, all=True))
    assert (told(drained, job)["state"], told(drained, job)["total"]) == ("listing", 0)
    drained.run(checks_only=True)
    midway = told(drained, job)
    assert (midway["state"], midway["total"], midway["finished"]) == ("running", 29, 25)
    drained.run()
    done = told(drained, job)
    assert (done["state"], done["finished"], done["users"]) == ("done", 29, "all")
    assert done["counts"] == {"copied": 3, "failed": 1, "no_photo": 25}
    assert [failure["userId"] for failure in done["failures"]] == [broken]
    assert done["estimatedEnd"] is None
    assert all(drained.bench.shows(user, PHOTO) for user in users[:3])

    again = job_of(ask(drained, all=True))
    drained.run()
    assert told(drained, again)["counts"] == {"failed": 1, "no_photo": 25, "unchanged": 3}
    forced = job_of(ask(drained, all=True, force=True))
    drained.run()
    assert told(drained, forced)["counts"] == {"copied": 3, "failed": 1, "no_photo": 25}


def test_a_job_over_a_group_looks_at_its_members_only(drained: Drained) -> None:
    """Through other groups too; who is out of scope stays out; an unknown group is told at once."""
    inside, through, outside = people(drained, 3)
    guest = drained.bench.person(PHOTO, userType="Guest")
    control = drained.bench.control
    group = control.put_group([inside, guest, control.put_group([through])])
    control.change_app(drained.bench.client_id, roles=ROLES)
    drained.restart(PHOTOSYNC_SCOPE_GROUP="")
    job = job_of(ask(drained, group=group.upper()))
    drained.run()
    done = told(drained, job)
    assert (done["state"], done["counts"], done["group"]) == ("done", {"copied": 2}, group)
    assert [drained.services.status.get(user) for user in (outside, guest)] == [None, None]
    answer = ask(drained, group=str(uuid4()))
    assert answer.status_code == 404
    assert json.loads(answer.get_body())["type"] == "urn:photosync:problem:no-such-group"


def test_a_job_over_a_group_stays_within_the_scope_group(drained: Drained) -> None:
    """Who is in the asked group, but not in the settings' one, is left alone."""
    both, asked_only = people(drained, 2)
    control = drained.bench.control
    control.change_app(drained.bench.client_id, roles=ROLES)
    scope, asked = control.put_group([both]), control.put_group([both, asked_only])
    drained.restart(PHOTOSYNC_SCOPE_GROUP=scope)
    job = job_of(ask(drained, group=asked))
    drained.run()
    assert (told(drained, job)["total"], told(drained, job)["counts"]) == (1, {"copied": 1})


def test_a_group_needs_a_permission_and_the_answer_says_so(drained: Drained) -> None:
    """Without GroupMember.Read.All the request is refused with the remedy, and no job is left behind."""
    answer = ask(drained, group=str(uuid4()))
    assert answer.status_code == 502
    assert json.loads(answer.get_body())["type"] == "urn:photosync:problem:NotPermitted"
    assert drained.services.runs.newest(RunKind.JOB, 5) == []


def test_a_dry_run_tells_and_writes_nothing(drained: Drained) -> None:
    """Who would be copied is named; no status row and no file is written, and 1,019 users cost 2 + 51 requests."""
    with_photo = people(drained, 3)
    drained.bench.control.add_users([{"userPrincipalName": f"crowd.{number}@contoso.com"} for number in range(1016)])
    job = job_of(ask(drained, all=True, dryRun=True))
    drained.run()
    done = told(drained, job)
    assert (done["state"], done["counts"]) == ("done", {"no_photo": 1016, "would_copy": 3})
    assert {user["userId"] for user in done["wouldCopy"]} == set(with_photo)
    assert drained.services.status.page(None, None, 10) == []
    assert drained.bench.requests("sharepoint") == []
    asked = drained.bench.requests("graph")
    assert (asked.count("graph.users.list"), asked.count("graph.batch"), len(asked)) == (2, 51, 53)
    assert drained.delays() == []


def test_the_end_is_estimated_from_the_pace(drained: Drained) -> None:
    """Thirty copies at one a minute end in about half an hour, and the estimate says so all the way."""
    drained.restart(PHOTOSYNC_BULK_COPIES_PER_MINUTE="1")
    people(drained, 30)
    started = drained.now
    job = job_of(ask(drained, all=True))
    drained.run(checks_only=True)
    for minutes in (0, 15):
        drained.pass_time(started + timedelta(minutes=minutes) - drained.now)
        end = datetime.fromisoformat(told(drained, job)["estimatedEnd"])
        assert timedelta(minutes=28) < end - started < timedelta(minutes=31)
    drained.run()
    assert timedelta(minutes=28) < drained.now - started < timedelta(minutes=31)


def test_a_cancelled_job_stops(drained: Drained) -> None:
    """What has not begun does not begin, the line is free for others, and the job says what was done."""
    drained.restart(PHOTOSYNC_BULK_COPIES_PER_MINUTE="1")
    users = people(drained, 30)
    job = job_of(ask(drained, all=True))
    drained.pass_time(timedelta(minutes=4, seconds=30))
    answer = cancel_job(drained.services, job)
    assert (answer.status_code, json.loads(answer.get_body())["state"]) == (200, "cancelled")
    assert drained.services.pace.claim(1, drained.now)[0] < timedelta(minutes=2)
    drained.run()
    end = told(drained, job)
    assert (end["state"], end["counts"]) == ("cancelled", {"cancelled": 25, "copied": 5})
    assert sum(drained.services.status.get(user) is not None for user in users) == 5
    assert cancel_job(drained.services, job).status_code == 200

    drained.sweep()
    assert all(drained.bench.row(user).state is UserState.IN_STEP for user in users)


def test_a_job_is_cancelled_while_it_is_listed(drained: Drained) -> None:
    """Its messages end, and nobody is looked at."""
    people(drained, 2)
    job = job_of(ask(drained, all=True))
    cancel_job(drained.services, job)
    drained.run()
    assert drained.bench.requests("graph") == []
    assert told(drained, job)["state"] == "cancelled"


def test_only_what_runs_can_be_cancelled(drained: Drained) -> None:
    """A job that is done answers 409, an unknown one 404."""
    job = job_of(ask(drained, users=people(drained, 1)))
    drained.run()
    assert told(drained, job)["state"] == "done"
    assert cancel_job(drained.services, job).status_code == 409
    assert cancel_job(drained.services, "none").status_code == 404


@pytest.mark.parametrize("deed", range(1, 22, 2))
def test_a_job_that_dies_anywhere_counts_right(drained: Drained, deed: int) -> None:
    """The process dies before one of its writes or requests: everybody is counted once, and the job ends."""
    people(drained, 2, 3)
    job = job_of(ask(drained, all=True))
    drained.die_at(deed)
    drained.run(checks_only=True)
    drained.live()
    drained.run()
    done = told(drained, job)
    assert (done["state"], done["total"]) == ("done", 5)
    assert sum(done["counts"].values()) == 5
    assert done["counts"]["no_photo"] == 3
    assert done["counts"].get("copied", 0) + done["counts"].get("unchanged", 0) == 2


def test_every_message_twice_counts_once(drained: Drained) -> None:
    """A job whose messages all come twice has the same numbers, and gives each user to a worker once or twice."""
    people(drained, 2, 30)
    drained.bench.control.fault("graph.photo.metadata", "429:Retry-After=30")
    drained.everything_twice = True
    job = job_of(ask(drained, all=True))
    drained.run()
    done = told(drained, job)
    assert (done["state"], done["total"], sum(done["counts"].values())) == ("done", 32, 32)
    assert done["counts"]["no_photo"] == 30
    assert drained.outcomes.count(Outcome.COPIED) == 2


def test_a_job_whose_users_cannot_be_listed_says_why(drained: Drained) -> None:
    """A missing permission is the job's error, with its remedy."""
    people(drained, 1)
    drained.bench.control.change_app(drained.bench.client_id, roles={"graph": [], "sharepoint": []})
    job = job_of(ask(drained, all=True))
    drained.run()
    failed = told(drained, job)
    assert (failed["state"], failed["error"]) == ("failed", "NotPermitted")
    assert "consent" in failed["remedy"]
    assert cancel_job(drained.services, job).status_code == 409


def test_an_answer_that_got_lost_leaves_nothing_behind_that_works(drained: Drained) -> None:
    """The process dies before the first message is put: the job stays at its beginning, and another can be started."""
    people(drained, 1)
    drained.die_at(2)
    with pytest.raises(Died):
        ask(drained, all=True)
    drained.live()
    drained.restart()
    job = job_of(ask(drained, all=True))
    drained.run()
    assert told(drained, job)["state"] == "done"

"""Undo as administrators ask for it: named people, a group or everybody; and that no sweep undoes it."""

import json
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.data.tables import UpdateMode

from shared.words import Outcome, UserState
from sync_trigger.retry import retry
from sync_trigger.start_job import cancel_job, start_job, tell_progress
from tests import pictures
from tests.bench import GRAPH_ROLES, SHAREPOINT_ROLES
from tests.draining import Drained

PHOTO, NEWER = pictures.jpeg(200, 200, seed=91), pictures.jpeg(200, 200, seed=92)


def ask(drained: Drained, **body: Any) -> func.HttpResponse:
    """The answer to a request with this body."""
    return start_job(drained.services, json.dumps(body).encode(), "Ada")


def done(drained: Drained, **body: Any) -> dict[str, Any]:
    """What the job tells when both queues are empty."""
    answer = ask(drained, **body)
    assert answer.status_code == 202, answer.get_body()
    drained.run()
    return told(drained, json.loads(answer.get_body())["jobId"])


def told(drained: Drained, job: str) -> dict[str, Any]:
    """What the job tells."""
    return dict(json.loads(tell_progress(drained.services, job).get_body()))


def pictured(drained: Drained, user: str) -> bool:
    """Whether SharePoint shows a picture of the user."""
    return drained.bench.control.target(user)["pictureUrl"] is not None


def in_step(drained: Drained, number: int) -> list[str]:
    """So many people with a photo, in step."""
    users = [drained.bench.person(PHOTO) for _ in range(number)]
    drained.sweep()
    assert all(drained.bench.shows(user, PHOTO) for user in users)
    return users


def test_a_named_person_is_restored_and_no_sweep_copies_again(drained: Drained) -> None:
    """For a day of sweeps and a new photo; then a copy asked for by name brings the person back in step."""
    user, other = in_step(drained, 2)
    job = done(drained, users=[user], action="restore")
    assert (job["state"], job["action"], job["counts"]) == ("done", "restore", {"restored": 1})
    assert not pictured(drained, user)
    said = drained.bench.row(user).error_detail or ""
    assert "by Ada" in said
    for person in (user, other):
        drained.bench.control.put_photo(person, NEWER)
    for _ in range(3):
        drained.pass_time(timedelta(hours=25))
        drained.sweep()
    assert not pictured(drained, user)
    assert drained.bench.row(user).state is UserState.OUT_OF_SCOPE
    assert drained.bench.shows(other, NEWER)
    assert done(drained, users=[user])["counts"] == {"copied": 1}
    assert drained.bench.shows(user, NEWER)


def test_everybody_is_restored_also_who_is_out_of_scope_by_now(drained: Drained) -> None:
    """Whoever the app has written, each counted once; who was never written is left as ever."""
    users = in_step(drained, 3)
    never = drained.bench.person()
    drained.pass_time(timedelta(minutes=20))
    drained.sweep()
    drained.bench.control.change_user(users[0], accountEnabled=False)
    job = done(drained, all=True, action="restore")
    assert (job["state"], job["finished"]) == ("done", 4)
    assert job["counts"] == {"restored": 3, "never_written": 1}
    assert not any(pictured(drained, user) for user in users)
    assert drained.bench.row(never).state is UserState.NO_PHOTO
    drained.pass_time(timedelta(hours=2))
    drained.sweep()
    assert not any(pictured(drained, user) for user in users)
    assert done(drained, all=True, action="restore")["counts"] == {"restored": 3, "never_written": 1}


def test_a_copy_of_everybody_leaves_them_alone_unless_forced(drained: Drained) -> None:
    """`{"all": true}` respects every restore; with force it lifts them all."""
    user, other = in_step(drained, 2)
    done(drained, users=[user], action="restore")
    assert done(drained, all=True)["counts"] == {"out_of_scope": 1, "unchanged": 1}
    assert not pictured(drained, user)
    drained.pass_time(timedelta(seconds=5))
    assert done(drained, all=True, force=True)["counts"] == {"copied": 2}
    assert drained.bench.shows(user, PHOTO)
    assert drained.bench.shows(other, PHOTO)


def test_a_copy_asked_for_after_a_restore_of_everybody_stands(drained: Drained) -> None:
    """Although the restore comes to this person later: it counts from when it was asked for."""
    user, other = in_step(drained, 2)
    everybody = ask(drained, all=True, action="restore")
    drained.bench.clock.sleep(5)
    ask(drained, users=[user])
    drained.run()
    job = told(drained, json.loads(everybody.get_body())["jobId"])
    assert job["counts"] == {"kept": 1, "restored": 1}
    assert [kept["userId"] for kept in job["kept"]] == [user]
    assert (pictured(drained, user), pictured(drained, other)) == (True, False)


def test_a_paused_app_restores_and_copies_nobody(drained: Drained) -> None:
    """So one leaves for good: pause, restore everybody, revoke. Nobody is copied for the first time meanwhile."""
    users = in_step(drained, 2)
    drained.services.pause_switch.pause(drained.now, "Ada", None)
    newcomer = drained.bench.person(PHOTO)
    copying = ask(drained, users=[newcomer])
    answer = ask(drained, all=True, action="restore")
    drained.run(until=drained.now + timedelta(minutes=10))
    assert told(drained, json.loads(answer.get_body())["jobId"])["counts"] == {"restored": 2}
    assert told(drained, json.loads(copying.get_body())["jobId"])["counts"] == {}
    assert not any(pictured(drained, user) for user in [*users, newcomer])


def test_a_group_is_restored(drained: Drained) -> None:
    """Its members, in scope or not, and nobody else."""
    drained.bench.control.change_app(
        drained.bench.client_id,
        roles={"graph": [*GRAPH_ROLES, "GroupMember.Read.All"], "sharepoint": list(SHAREPOINT_ROLES)},
    )
    user, other, outside = in_step(drained, 3)
    drained.bench.control.change_user(other, accountEnabled=False)
    group = drained.bench.control.put_group([user, other, drained.bench.person()])
    job = done(drained, group=group, action="restore")
    assert job["counts"] == {"restored": 2, "never_written": 1}
    assert [pictured(drained, person) for person in (user, other, outside)] == [False, False, True]


def test_a_dry_run_of_everybody_writes_nothing(drained: Drained) -> None:
    """It counts whom it would restore, and for whom that cannot be done, and why."""
    users = in_step(drained, 2)
    table = drained.services.storage.table("PhotoStatus")
    row = table.get_entity(users[0][:2], users[0])
    del row["beforeAt"]
    table.update_entity(row, mode=UpdateMode.REPLACE)
    job = done(drained, all=True, action="restore", dryRun=True)
    assert job["counts"] == {"failed": 1, "would_restore": 1}
    assert [failure["error"] for failure in job["failures"]] == ["EarlierNotKnown"]
    assert all(pictured(drained, user) for user in users)
    assert done(drained, all=True, action="restore", orClear=True)["counts"] == {"restored": 2}


def test_somebody_who_is_deleted_is_restored_by_id(drained: Drained) -> None:
    """Graph knows them no more, but their pictures are in SharePoint: the app's record names them."""
    (user,) = in_step(drained, 1)
    path = drained.bench.row(user).picture_url
    drained.bench.control.delete_user(user)
    job = done(drained, users=[user], action="restore")
    assert (job["counts"], job["failures"]) == ({"restored": 1}, [])
    assert path
    removed = drained.bench.control.requests(operation="sharepoint.file.recycle")
    assert [request["status"] for request in removed if user in request["path"]] == [200] * 3


def test_a_cancelled_restore_leaves_the_others_in_step(drained: Drained) -> None:
    """What has not begun does not begin."""
    users = in_step(drained, 2)
    job = json.loads(ask(drained, users=users, action="restore").get_body())["jobId"]
    assert cancel_job(drained.services, job).status_code == 200
    drained.run()
    assert told(drained, job)["counts"] == {"cancelled": 2}
    assert all(pictured(drained, user) for user in users)


def test_a_failed_restore_is_retried_as_a_restore(drained: Drained) -> None:
    """Without a permission it fails and says so; the retry of what failed finishes it, and copies nobody."""
    (user,) = in_step(drained, 1)
    bench = drained.bench
    bench.control.fault("sharepoint.process_query", "403")
    job = done(drained, users=[user], action="restore")
    assert job["counts"] == {"failed": 1}
    assert pictured(drained, user)
    retry(drained.services, b'{"all": true}', "Ada")
    drained.run()
    assert not pictured(drained, user)
    assert drained.outcomes[-1] is Outcome.RESTORED


def test_a_process_that_dies_anywhere_loses_no_restore(drained: Drained) -> None:
    """Before each write and request in turn; in the end the person is as before, and stays so."""
    deed = 0
    while drained.death.deeds >= deed:
        deed += 1
        user = drained.bench.person(PHOTO)
        drained.bench.look(user)
        assert ask(drained, users=[user], action="restore").status_code == 202
        drained.die_at(deed)
        drained.run()
        drained.live()
        assert not pictured(drained, user)
        assert (drained.bench.row(user).state, drained.bench.row(user).restored_at is None) == ("out_of_scope", False)
        removed = drained.bench.control.requests(operation="sharepoint.file.recycle")
        assert len({request["path"] for request in removed if user in request["path"]}) == 3
    assert deed > 10


def test_a_process_that_dies_over_a_first_copy_loses_no_earlier_picture(drained: Drained) -> None:
    """Wherever it dies, what is kept as earlier is what was there, never the app's own."""
    deed = 0
    while drained.death.deeds >= deed:
        deed += 1
        user = drained.bench.person(PHOTO)
        ask(drained, users=[user])
        drained.die_at(deed)
        drained.run()
        drained.live()
        assert drained.bench.shows(user, PHOTO)
        row = drained.bench.row(user)
        assert row.before_at is not None
        assert row.before_picture_url == ""
    assert deed > 10


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"users": ["a@b.c"], "action": "restore", "force": True}, '"force" is for copies'),
        ({"users": ["a@b.c"], "orClear": True}, '"orClear" goes with'),
        ({"users": ["a@b.c"], "action": "undo"}, "'copy' or 'restore'"),
        ({"action": "restore"}, "exactly one of"),
    ],
)
def test_what_does_not_go_together_is_explained(drained: Drained, body: dict[str, Any], says: str) -> None:
    """The problem names the mistake; nothing is done."""
    answer = ask(drained, **body)
    assert answer.status_code == 400
    assert says in json.loads(answer.get_body())["errors"][0]["wrong"]

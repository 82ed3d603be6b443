"""The sweep finds every photo that differs, costs little, never doubles, and loses nobody wherever it is broken off."""

import random
import threading
import tracemalloc
from datetime import timedelta
from typing import Any

import pytest

from shared import graph, safety_stop, sweep_wanted
from shared.runs import RunKind, RunRow, RunState
from shared.services import Services
from shared.words import Outcome, UserState
from sync_trigger import list_users, sweep_record
from sync_trigger.check_messages import ListMessage
from sync_trigger.list_users import UserLister
from sync_trigger.sweep import Busy, begin_sweep, sweep_when_due
from tests import pictures
from tests.draining import Died, Drained

PHOTO = pictures.jpeg(200, 200, seed=50)
NEW = pictures.jpeg(200, 200, seed=51)
INTERVAL = timedelta(minutes=15)


def people(drained: Drained, with_photo: int, without: int = 0) -> list[str]:
    """So many users, those with a photo first."""
    return [drained.bench.person(PHOTO) for _ in range(with_photo)] + [drained.bench.person() for _ in range(without)]


def runs(drained: Drained) -> list[RunRow]:
    """The latest sweeps, newest first."""
    return drained.services.runs.newest(RunKind.SWEEP, 20)


def begin(services: Services) -> RunRow | Busy:
    """A sweep that somebody asks for now."""
    return begin_sweep(services, why="a test", requested_by="a test")


def test_a_first_sweep_brings_everybody_in_step(drained: Drained) -> None:
    """Everybody with a photo is copied; everybody without one has a row; guests are left alone; one request a chunk."""
    users = people(drained, 4, 30)
    guest = drained.bench.person(PHOTO, userType="Guest")
    assert drained.sweep() is not None
    assert drained.outcomes == [Outcome.COPIED] * 4
    assert all(drained.bench.shows(user, PHOTO) for user in users[:4])
    assert {drained.bench.row(user).state for user in users[4:]} == {UserState.NO_PHOTO}
    assert drained.bench.row(users[4]).display_name == drained.bench.control.user(users[4])["displayName"]
    assert drained.services.status.get(guest) is None
    looks = drained.bench.requests("graph")
    assert looks.count("graph.users.list") == 1
    assert looks.count("graph.batch") == 2 + 4  # two chunks, and each worker's own look
    [run] = runs(drained)
    assert (run.state, run.total, run.chunks) == (RunState.RUNNING, 34, 2)
    progress = drained.services.runs.progress(run.run_id, kind=RunKind.SWEEP)
    assert progress is not None
    assert progress.given == 4
    record = sweep_record.read(drained.services.control)
    assert record is not None
    assert (record[0].run_id, record[0].users) == (run.run_id, 34)


def test_a_second_sweep_does_nothing(drained: Drained) -> None:
    """When everybody is in step a sweep makes no upload, no write to any row, and one look at each photo."""
    users = people(drained, 3, 3)
    drained.sweep()
    before = {user: drained.services.status.get(user) for user in users}
    drained.pass_time(INTERVAL)
    drained.bench.control.clear_records()
    assert drained.sweep() is not None
    assert drained.bench.requests("sharepoint") == []
    assert drained.bench.requests("graph") == ["graph.users.list", "graph.batch"]
    looks = drained.bench.control.requests_and_counts(service="graph")["counts"]["operations"]
    assert looks["graph.photo.metadata"] == len(users)
    assert {user: drained.services.status.get(user) for user in users} == before


def test_without_any_notification_everybody_is_in_step_one_sweep_later(drained: Drained) -> None:
    """For a day photos come, change, go and come back, and nobody tells; only the timer fires."""
    control, dice = drained.bench.control, random.Random(7)
    drained.restart(PHOTOSYNC_SWEEP_MINUTES="60", PHOTOSYNC_BULK_COPIES_PER_MINUTE="600")
    users = people(drained, 2, 2)
    photos: dict[str, bytes | None] = dict.fromkeys(users) | dict.fromkeys(users[:2], PHOTO)
    several = [pictures.jpeg(120, 120, seed=seed) for seed in range(4)]
    for _ in range(24):
        user = dice.choice(users)
        photo = photos[user] = dice.choice([None, *several])
        if photo is None:
            control.delete_photo(user)
        else:
            control.put_photo(user, photo)
        drained.sweep()
        drained.pass_time(timedelta(minutes=60))
    for _ in range(2):  # who took the photo away last is believed after an hour
        drained.sweep()
        drained.pass_time(timedelta(minutes=61))
    for user, photo in photos.items():
        row = drained.bench.row(user)
        if photo is None:
            assert (row.state, row.picture_url) == (UserState.NO_PHOTO, None)
        else:
            assert row.state is UserState.IN_STEP
            assert drained.bench.shows(user, photo)


def test_memory_does_not_grow_with_the_tenant(drained: Drained) -> None:
    """A page takes as much memory in a tenant of 10,000 as in one of 2,500; 3 requests and 125 chunks there."""
    peaks = {}
    for total, more in ((2500, 2500), (10_000, 7500)):
        drained.bench.control.add_users(
            [{"userPrincipalName": f"memory.{total}.{number}@contoso.com"} for number in range(more)]
        )
        run = begin(drained.services)
        assert isinstance(run, RunRow)
        lister = UserLister(drained.services)
        pages = []
        tracemalloc.start()
        try:
            for page in range(total // 999 + 1):
                tracemalloc.reset_peak()
                before, _ = tracemalloc.get_traced_memory()
                lister.handle(ListMessage(run_kind=RunKind.SWEEP, run_id=run.run_id, page=page))
                pages.append(tracemalloc.get_traced_memory()[1] - before)
        finally:
            tracemalloc.stop()
        peaks[total] = max(pages[:-1])
        assert (runs(drained)[0].total, runs(drained)[0].chunks) == (total, total // 20)
        assert drained.bench.requests("graph") == ["graph.users.list"] * (total // 999 + 1)
        drained.bench.control.clear_records()
        drained.services.control.remove(sweep_record.ROW)  # its checks are of no interest here
    assert peaks[10_000] < peaks[2500] * 1.3
    assert peaks[10_000] < 16_000_000


def test_a_sweep_that_dies_anywhere_goes_on_and_loses_nobody(drained: Drained, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies before each of its writes and requests in turn; each time everybody ends in step."""
    monkeypatch.setattr(graph, "PAGE_SIZE", 3)  # two pages, so that what is carried over and the next page matter
    monkeypatch.setattr(list_users, "CHUNK", 2)
    people(drained, 0, 2)
    [carried, *_] = people(drained, 1, 1)
    drained.sweep()
    deed, died = 1, True
    while died:
        drained.pass_time(INTERVAL)
        wanted = str(drained.bench.control.change_etag(carried)["mediaEtag"])
        drained.die_at(deed)
        try:
            sweep_when_due(drained.services)
        except Died:
            drained.live()
            drained.restart()
            drained.pass_time(timedelta(minutes=31))
            sweep_when_due(drained.services)
        drained.run(checks_only=True)
        died = drained.death.at is None
        drained.live()
        drained.run()
        assert str(drained.bench.row(carried).source_etag).strip('"') == wanted.strip('"'), f"deed {deed}"
        deed += 1
    assert deed > 15


def test_every_message_twice_does_no_harm(drained: Drained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page and each chunk is delivered twice: nobody is missed, nothing multiplies, nobody is copied twice."""
    monkeypatch.setattr(graph, "PAGE_SIZE", 20)
    users = people(drained, 5, 95)
    drained.everything_twice = True
    drained.sweep()
    assert drained.outcomes.count(Outcome.COPIED) == 5
    assert {drained.bench.row(user).state for user in users[5:]} == {UserState.NO_PHOTO}
    assert drained.bench.requests("graph").count("graph.users.list") == 5
    assert len(drained.delays("photo-checks")) == 5 + 5  # a message a page, a message a chunk
    assert runs(drained)[0].total == 100


def test_who_is_throttled_inside_a_batch_is_asked_again_alone(drained: Drained) -> None:
    """The others are decided on at once; the one is asked about again, alone, not before its Retry-After."""
    users = people(drained, 2, 3)
    control = drained.bench.control
    control.fault("graph.photo.metadata", "429:Retry-After=45", user=users[4])
    started = drained.now
    sweep_when_due(drained.services)
    drained.run(until=started + timedelta(seconds=20))
    assert drained.services.status.get(users[3]) is not None
    assert drained.services.status.get(users[4]) is None
    drained.run()
    assert drained.bench.row(users[4]).state is UserState.NO_PHOTO
    inner = [
        request["path"] for request in control.requests(operation="graph.photo.metadata") if users[4] in request["path"]
    ]
    assert len(inner) == 2
    assert all(user_of(drained, user) for user in users[:2])
    assert drained.now - started >= timedelta(seconds=45)
    assert control.faults()["completed"]


def user_of(drained: Drained, user: str) -> bool:
    """Whether the user is in step."""
    return drained.bench.row(user).state is UserState.IN_STEP


@pytest.mark.parametrize("fault", ["429:Retry-After=200", "503:Retry-After=60"])
@pytest.mark.parametrize("operation", ["graph.users.list", "graph.batch"])
def test_a_sweep_waits_as_long_as_graph_asks(drained: Drained, operation: str, fault: str) -> None:
    """A page or a whole batch that is throttled comes again when it may, and not a second before."""
    users = people(drained, 1, 1)
    started = drained.now
    drained.bench.control.fault(operation, fault)
    drained.sweep()
    assert user_of(drained, users[0])
    assert drained.bench.row(users[1]).state is UserState.NO_PHOTO
    assert drained.now - started >= timedelta(seconds=float(fault.partition("=")[2]))


@pytest.mark.parametrize("operation", ["graph.users.list", "graph.batch"])
def test_a_sweep_outlives_an_outage(drained: Drained, operation: str) -> None:
    """Three failures a try, three tries: put off at growing intervals, then everybody is checked."""
    users = people(drained, 0, 2)
    drained.bench.control.fault(operation, *["503"] * 9)
    drained.sweep()
    assert {drained.bench.row(user).state for user in users} == {UserState.NO_PHOTO}
    delays = [delay for delay in drained.delays("photo-checks") if delay]
    assert delays == sorted(delays)
    assert len(delays) == 3


@pytest.mark.parametrize(
    ("roles", "operation"), [(["ProfilePhoto.Read.All"], "graph.users.list"), ([], "graph.users.list")]
)
def test_a_missing_permission_ends_the_sweep_with_its_remedy(
    drained: Drained, roles: list[str], operation: str
) -> None:
    """Nothing is tried blindly: the run says NotPermitted, and the next sweep tries anew once it is granted."""
    users = people(drained, 1)
    control = drained.bench.control
    control.change_app(drained.bench.client_id, roles={"graph": roles, "sharepoint": []})
    drained.sweep()
    [run] = runs(drained)
    assert (run.state, run.error_code) == (RunState.FAILED, "NotPermitted")
    assert drained.bench.requests("graph") == [operation]
    granted = {"graph": ["ProfilePhoto.Read.All", "User.Read.All"], "sharepoint": []}
    granted["sharepoint"] = ["User.ReadWrite.All", "Sites.ReadWrite.All"]
    control.change_app(drained.bench.client_id, roles=granted)
    drained.pass_time(INTERVAL)
    drained.sweep()
    assert user_of(drained, users[0])


def test_photos_that_graph_refuses_all_end_the_sweep(drained: Drained) -> None:
    """When every request in a batch is refused, that is the app's trouble: told once, not for each user."""
    people(drained, 60)
    drained.bench.control.fault("graph.photo.metadata", *["403"] * 60)
    drained.sweep()
    [run] = runs(drained)
    assert (run.state, run.error_code) == (RunState.FAILED, "NotPermitted")
    assert drained.bench.requests("graph").count("graph.batch") == 1
    assert drained.outcomes == []


def test_two_sweeps_at_once_are_one(drained: Drained) -> None:
    """Of two that begin at the same moment, in two processes, one begins and the other hears of it."""
    people(drained, 0, 1)
    barrier, found = threading.Barrier(4), list[Any]()

    def ask() -> None:
        barrier.wait()
        found.append(begin(drained.services))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [begun] = [run for run in found if isinstance(run, RunRow)]
    assert {busy.run_id for busy in found if isinstance(busy, Busy)} <= {begun.run_id}
    assert len(runs(drained)) == 1
    drained.run()
    assert drained.bench.requests("graph").count("graph.users.list") == 1


def test_a_sweep_begins_when_it_is_time_and_not_before(drained: Drained) -> None:
    """The timer begins the next one after the setting's time, however often it fires."""
    people(drained, 0, 1)
    assert drained.sweep() is not None
    begun = 0
    for _ in range(12):
        drained.pass_time(timedelta(minutes=5))
        begun += drained.sweep() is not None
    assert begun == 4


def test_whoever_finds_a_gap_gets_a_sweep_at_once(drained: Drained) -> None:
    """A sweep that is wanted begins with the next tick, once, and says why."""
    people(drained, 0, 1)
    drained.sweep()
    sweep_wanted.ask_for_sweep(drained.services.control, "the subscription had lapsed", drained.now)
    drained.pass_time(timedelta(minutes=1))
    run = drained.sweep()
    assert run is not None
    assert run.why == "the subscription had lapsed"
    assert drained.sweep() is None


def test_no_sweep_begins_while_checks_of_the_last_one_wait(drained: Drained) -> None:
    """Graph asks to wait for 40 minutes: the next sweep waits as well, but not beyond four intervals."""
    people(drained, 0, 2)
    drained.bench.control.fault("graph.batch", "429:Retry-After=2400")
    sweep_when_due(drained.services)
    drained.run(until=drained.now + timedelta(minutes=20))
    drained.pass_time(timedelta(minutes=16))
    assert sweep_when_due(drained.services) is None
    assert isinstance(begin(drained.services), Busy)
    drained.run(until=drained.now)
    drained.bench.clock.sleep(45 * 60)
    assert sweep_when_due(drained.services) is not None


def test_a_listing_that_is_stuck_is_begun_anew(drained: Drained) -> None:
    """Its message is lost: after half an hour another sweep takes its place, and a late message of the old one ends."""
    users = people(drained, 0, 2)
    old = begin(drained.services)
    assert isinstance(old, RunRow)
    drained.services.storage.queue("photo-checks").clear_messages()
    drained.pass_time(timedelta(minutes=29))
    assert sweep_when_due(drained.services) is None
    drained.pass_time(timedelta(minutes=2))
    assert drained.sweep() is not None
    assert [run.state for run in runs(drained)] == [RunState.RUNNING, RunState.ABANDONED]
    drained.server.serve(ListMessage(run_kind=RunKind.SWEEP, run_id=old.run_id).to_message())
    drained.run()
    assert drained.bench.requests("graph").count("graph.users.list") == 1
    assert drained.bench.row(users[0]).state is UserState.NO_PHOTO


def test_no_second_photo_event_while_one_is_on_its_way(drained: Drained) -> None:
    """With one copy a minute twelve new photos take twelve minutes; three sweeps find them; there are twelve events."""
    drained.restart(PHOTOSYNC_BULK_COPIES_PER_MINUTE="1", PHOTOSYNC_SWEEP_MINUTES="5")
    users = people(drained, 12)
    for _ in range(4):
        sweep_when_due(drained.services)
        drained.pass_time(timedelta(minutes=5))
    assert drained.outcomes == [Outcome.COPIED] * 12
    assert len(drained.delays()) == 12
    assert all(user_of(drained, user) for user in users)


def test_what_is_on_its_way_is_shown(drained: Drained) -> None:
    """A changed photo whose turn has not come is pending, with the time of its turn; what was agreed stays agreed."""
    drained.restart(PHOTOSYNC_BULK_COPIES_PER_MINUTE="1")
    [user, other] = people(drained, 2)
    drained.sweep()
    agreed = drained.bench.row(other).source_sha256
    drained.pass_time(INTERVAL)
    for changed in (user, other):
        drained.bench.control.put_photo(changed, NEW)
    sweep_when_due(drained.services)
    drained.run(checks_only=True)
    rows = [drained.bench.row(changed) for changed in (user, other)]
    assert {row.state for row in rows} == {UserState.PENDING}
    assert all(row.next_attempt_at is not None for row in rows)
    assert rows[1].source_sha256 == agreed
    drained.run()
    assert all(drained.bench.shows(changed, NEW) for changed in (user, other))


def test_a_lost_photo_event_is_made_again(drained: Drained) -> None:
    """A message that vanished is noticed an hour after it was due."""
    [user] = people(drained, 1)
    sweep_when_due(drained.services)
    drained.run(checks_only=True)
    drained.services.storage.queue("photo-changes").clear_messages()
    drained._heap.clear()
    drained.pass_time(timedelta(minutes=30))
    drained.sweep()
    assert drained.bench.row(user).state is UserState.PENDING
    drained.pass_time(timedelta(minutes=45))
    drained.sweep()
    assert user_of(drained, user)


def test_who_is_gone_is_found_within_days(drained: Drained) -> None:
    """A deleted user is in no sweep any more: two days later one look says so, and no second follows."""
    drained.restart(PHOTOSYNC_SWEEP_MINUTES="720")
    gone, disabled, here = people(drained, 3)
    drained.sweep()
    drained.bench.control.delete_user(gone)
    drained.bench.control.change_user(disabled, accountEnabled=False)
    looks = 0
    for _ in range(10):
        drained.pass_time(timedelta(hours=12))
        before = len(drained.outcomes)
        drained.sweep()
        looks += len(drained.outcomes) - before
    assert looks == 2
    assert drained.bench.row(gone).error_code == "UserNotFound"
    assert {drained.bench.row(user).state for user in (gone, disabled)} == {UserState.OUT_OF_SCOPE}
    assert user_of(drained, here)
    drained.bench.control.change_user(disabled, accountEnabled=True)
    drained.pass_time(timedelta(hours=12))
    drained.sweep()
    assert user_of(drained, disabled)


def test_after_a_long_rest_nobody_is_taken_for_gone(drained: Drained) -> None:
    """The app was stopped for five days: its first sweep vouches for everybody before anyone counts as unseen."""
    people(drained, 2, 2)
    drained.sweep()
    drained.outcomes.clear()
    drained.pass_time(timedelta(days=5))
    drained.sweep()
    drained.pass_time(INTERVAL)
    drained.sweep()
    assert drained.outcomes == []


def test_groups_decide_who_is_swept(drained: Drained) -> None:
    """Only members of the scope's group, through other groups too, and nobody of the excluded one."""
    inside, through, excluded, outside = people(drained, 4)
    control = drained.bench.control
    nested = control.put_group([through, excluded])
    scope, exclude = control.put_group([inside, nested]), control.put_group([excluded])
    roles = ["ProfilePhoto.Read.All", "User.Read.All", "GroupMember.Read.All"]
    sharepoint = ["User.ReadWrite.All", "Sites.ReadWrite.All"]
    control.change_app(drained.bench.client_id, roles={"graph": roles, "sharepoint": sharepoint})
    drained.restart(PHOTOSYNC_SCOPE_GROUP=scope, PHOTOSYNC_EXCLUDE_GROUP=exclude)
    drained.sweep()
    assert all(user_of(drained, user) for user in (inside, through))
    assert [drained.services.status.get(user) for user in (excluded, outside)] == [None, None]


def test_a_safety_stop_keeps_the_sweep_from_clearing(drained: Drained) -> None:
    """While it is in force nobody is even given to a worker for it; once a person has lifted it, pictures go."""
    [user] = people(drained, 1)
    drained.sweep()
    drained.bench.control.delete_photo(user)
    safety_stop.set_(drained.services.control, drained.now, would_remove=99, allowed=10)
    for _ in range(6):
        drained.pass_time(timedelta(minutes=30))
        drained.sweep()
    assert drained.outcomes == [Outcome.COPIED, Outcome.NO_PHOTO]
    assert drained.bench.row(user).picture_url is not None
    assert safety_stop.lift(drained.services.control, drained.now)
    drained.pass_time(timedelta(minutes=30))
    drained.sweep()
    assert drained.outcomes[-1] is Outcome.CLEARED

"""At most one worker writes a user's target, and the newest photo wins whatever happens in between."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from photo_worker.lease import LEASE, take
from photo_worker.record_poison import record_poison
from shared.words import Outcome, PhotoEvent, Reason, UserState
from tests import pictures
from tests.bench import Bench
from tests.waiting import eventually

OLD = pictures.jpeg(400, 300, seed=1)
NEW = pictures.jpeg(300, 400, seed=2)


def test_a_change_during_a_copy_is_copied_too(bench: Bench) -> None:
    """The second event finds the lease taken and goes; the holder sees its mark and copies the newer photo."""
    user = bench.person(OLD)
    bench.control.fault("sharepoint.file.add", "latency:600")
    with ThreadPoolExecutor() as pool:
        holder = pool.submit(bench.look, user)
        eventually(lambda: "graph.photo.value" in bench.requests("graph"))
        bench.control.put_photo(user, NEW)
        assert bench.look(user) is Outcome.LEFT_TO_HOLDER
        assert holder.result() is Outcome.COPIED
    assert bench.shows(user, NEW)
    assert [attempt.outcome for attempt in bench.services.history.of(user)] == [Outcome.COPIED] * 2


def test_an_event_that_must_be_answered_waits_for_its_turn(bench: Bench) -> None:
    """A job's event that meets a held lease is put back, since its own outcome is asked for."""
    user = bench.person(OLD)
    lease = take(bench.services.status, user, bench.clock.now(), mark_dirty=False)
    assert lease is not None
    before = bench.waiting()
    assert bench.look(user, force=True) is Outcome.LEFT_TO_HOLDER
    assert bench.waiting() == before + 1


def test_a_dead_workers_photo_is_copied_by_the_next(bench: Bench) -> None:
    """A worker died with the lease in its hand: others wait until it ends, then one takes over."""
    user = bench.person(OLD)
    assert take(bench.services.status, user, bench.clock.now(), mark_dirty=False)
    assert bench.look(user) is Outcome.LEFT_TO_HOLDER
    bench.clock.sleep(LEASE.total_seconds())
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, OLD)


def test_who_lost_the_lease_has_it_all_looked_at_again(bench: Bench) -> None:
    """A worker that was asleep while another took over may have written over something newer: a forced look follows."""
    user = bench.person(OLD)
    bench.control.fault("sharepoint.process_query", "latency:600")
    before = bench.waiting()
    with ThreadPoolExecutor() as pool:
        holder = pool.submit(bench.look, user)
        eventually(lambda: "sharepoint.file.add" in bench.requests("sharepoint"))
        seen = bench.services.status.get(user)
        assert seen is not None
        assert seen.row.state is UserState.COPYING
        eventually(lambda: bench.requests("sharepoint").count("sharepoint.file.add") == 3)
        seen = bench.services.status.get(user)
        assert seen is not None
        bench.services.status.replace(replace(seen.row, lease_owner="somebody else"), seen.etag)
        assert holder.result() is Outcome.DEFERRED
    assert bench.waiting() == before + 1


def test_poison_is_written_down_at_once(bench: Bench) -> None:
    """What the host gave up on is failed, for the job too; what is no photo event is kept to be read."""
    user = bench.person(OLD)
    run = bench.services.runs.start(now=bench.clock.now(), requested_by="a test", total=1, force=False, dry_run=False)
    event = PhotoEvent(user_id=user, reason=Reason.MANUAL, job_id=run.run_id)
    record_poison(bench.services, "m1", event.to_message())
    assert (bench.row(user).state, bench.row(user).error_code) == (UserState.FAILED, "UnexpectedError")
    progress = bench.services.runs.progress(run.run_id)
    assert progress is not None
    assert [item.error_code for item in progress.failures] == ["UnexpectedError"]
    assert bench.look(user) is Outcome.COPIED

    record_poison(bench.services, "m2", "{not ours")
    assert bench.services.control.get("unreadable-message m2")["text"] == "{not ours"

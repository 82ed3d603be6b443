"""The pace of bulk work: one line for all instances, none for single users."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.gates import Service
from shared.pace import MOST_AHEAD, ROW, slots
from shared.words import Outcome, Reason
from sync_trigger.start_job import start_job
from sync_trigger.sweep import sweep_when_due
from tests import pictures
from tests.draining import Drained

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
PHOTO = pictures.jpeg(200, 200, seed=60)


@given(
    st.one_of(st.none(), st.integers(-10_000, 1_000_000)),
    st.integers(0, 1000),
    st.integers(1, 5000),
)
def test_slots_follow_each_other_at_the_pace(line: int | None, count: int, per_minute: int) -> None:
    """Never before now, never closer than the interval, never beyond six days; the line ends behind the last."""
    interval = timedelta(minutes=1) / per_minute
    end = None if line is None else NOW + timedelta(seconds=line)
    claimed = slots(end, count, NOW, interval)
    assert len(claimed.delays) <= count
    assert all(timedelta() <= delay <= MOST_AHEAD for delay in claimed.delays)
    assert all(after - before == interval for before, after in zip(claimed.delays, claimed.delays[1:], strict=False))
    if claimed.delays:
        assert NOW + claimed.delays[0] == max(end or NOW, NOW)
        assert claimed.next_free == NOW + claimed.delays[-1] + interval
    if len(claimed.delays) < count:
        assert claimed.next_free > NOW + MOST_AHEAD


def test_instances_that_claim_at_once_share_the_line(drained: Drained) -> None:
    """Eight threads claim: every slot is given once, evenly spaced."""
    pace, now = drained.services.pace, drained.now
    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(lambda _: pace.claim(5, now), range(8)))
    delays = sorted(delay for claim in claims for delay in claim)
    assert delays == [timedelta(seconds=number) for number in range(40)]


def test_a_claim_that_does_not_fit_is_cut(drained: Drained) -> None:
    """The line is six days long: what fits is given, and the rest is to be asked for later."""
    pace, now = drained.services.pace, drained.now
    drained.services.control.put(ROW, {"nextFree": now + MOST_AHEAD - timedelta(seconds=3)})
    assert len(pace.claim(10, now)) == 4
    assert pace.claim(1, now) == ()
    assert pace.claim(0, now) == ()


def test_released_slots_shorten_the_line(drained: Drained) -> None:
    """Who comes next stands where the cancelled ones stood, and never in the past."""
    pace, now = drained.services.pace, drained.now
    pace.claim(100, now)
    pace.release(60, now)
    assert pace.claim(1, now) == (timedelta(seconds=40),)
    pace.release(500, now)
    assert pace.claim(1, now) == (timedelta(),)


def test_what_has_no_room_is_checked_again_later(drained: Drained) -> None:
    """The line is full: the check of those users comes again when it has moved on, and they are copied then."""
    users = [drained.bench.person(PHOTO) for _ in range(3)]
    end = drained.now + MOST_AHEAD + timedelta(hours=5)
    drained.services.control.put(ROW, {"nextFree": end})
    drained.sweep()
    assert drained.outcomes == [Outcome.COPIED] * 3
    assert drained.now >= end
    assert len(drained.delays()) == 3
    assert all(drained.bench.shows(user, PHOTO) for user in users)


def test_single_users_never_wait_behind_bulk_work(drained: Drained) -> None:
    """With days of bulk work ahead, a job of twenty-five users begins at once; one of twenty-six stands in line."""
    users = [drained.bench.person() for _ in range(26)]
    drained.services.pace.claim(5000, drained.now)
    body = json.dumps({"users": users[:25]}).encode()
    assert start_job(drained.services, body, "a test").status_code == 202
    assert drained.delays() == [timedelta()] * 25
    start_job(drained.services, json.dumps({"users": users}).encode(), "a test")
    assert min(drained.delays()[25:]) > timedelta(seconds=4990)
    assert len(set(drained.delays()[25:])) == 26


@pytest.mark.parametrize("reason", Reason)
def test_bulk_work_that_must_wait_does_not_come_back_all_at_once(drained: Drained, reason: Reason) -> None:
    """Thirty people of a sweep, a job or a large delivery meet a closed gate: they come back over ten minutes.

    Whoever an administrator names alone comes back as soon as SharePoint may be called again.
    """
    users = [drained.bench.person(PHOTO) for _ in range(30)]
    match reason:
        case Reason.SWEEP:
            sweep_when_due(drained.services)
        case Reason.MANUAL:
            start_job(drained.services, json.dumps({"users": users}).encode(), "a test")
        case Reason.NOTIFICATION:
            drained.notify(users)
    drained.run(checks_only=True)
    assert len(drained.delays()) == 30
    drained.services.gates.close(Service.SHAREPOINT, drained.now + timedelta(seconds=60))
    drained.run(until=drained.now + timedelta(seconds=45))
    again = sorted(drained.delays()[30:])
    assert len(again) == 30
    assert again[0] > timedelta(seconds=15)
    assert again[-1] - again[0] > timedelta(minutes=3)  # all 30 within three of ten minutes: never, in 10^15 runs

    named = drained.bench.person(PHOTO)
    start_job(drained.services, json.dumps({"users": [named]}).encode(), "a test")
    drained.run(until=drained.now)
    assert drained.delays()[-1] < timedelta(seconds=40)
    drained.run()
    assert drained.outcomes.count(Outcome.COPIED) == 31

"""What SharePoint announces of its budget holds bulk work back, and nobody else."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.allowance import (
    PATIENCE,
    UNITS_OF_A_COPY,
    Allowance,
    Announced,
    announced,
    seconds_until_room,
)
from shared.words import Outcome, PhotoEvent, Reason
from tests import pictures
from tests.bench import Bench

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMITS = st.integers(UNITS_OF_A_COPY, 10_000)
PHOTO = pictures.jpeg(200, 200, seed=64)


class Slept(Exception):  # noqa: N818 - no error
    """Somebody has to wait."""


class StandingClock:
    """Stands; and whoever wants to sleep is told so."""

    def now(self) -> datetime:
        """The time."""
        return NOW

    def sleep(self, seconds: float) -> None:
        """Raise `Slept`."""
        raise Slept(seconds)


@given(LIMITS, st.integers(0, 10_000), st.integers(0, 40), st.just(0.0) | st.floats(0, 120))
def test_the_wait_is_as_long_as_it_says(limit: int, remaining: int, under_way: int, later: float) -> None:
    """Whoever waits that long finds room; there is room at once exactly when what is left suffices for all."""
    said = Announced(limit, remaining, NOW)
    now = NOW + timedelta(seconds=later)
    wait = seconds_until_room(said, under_way, now)
    assert wait >= 0
    assert seconds_until_room(said, under_way, now + timedelta(seconds=wait, microseconds=2)) == 0
    if later == 0:
        assert (wait == 0) == (remaining >= UNITS_OF_A_COPY * (under_way + 1))


@given(LIMITS, st.integers(0, 10_000), st.integers(0, 40), st.floats(0, 59))
def test_more_left_or_fewer_under_way_never_means_a_longer_wait(
    limit: int, remaining: int, under_way: int, later: float
) -> None:
    """The wait grows with the copies under way and shrinks with what is left and with time."""
    now = NOW + timedelta(seconds=later)
    wait = seconds_until_room(Announced(limit, remaining, NOW), under_way, now)
    assert seconds_until_room(Announced(limit, remaining + 1, NOW), under_way, now) <= wait
    assert seconds_until_room(Announced(limit, remaining, NOW), under_way + 1, now) >= wait
    assert seconds_until_room(Announced(limit, remaining, NOW), under_way, now + timedelta(seconds=1)) <= wait


@given(st.integers(0, 40), st.floats(60, 10_000))
def test_what_was_said_a_window_ago_counts_no_more(under_way: int, later: float) -> None:
    """Without an announcement, or with an old one, everybody may begin."""
    assert seconds_until_room(None, under_way, NOW) == 0
    assert seconds_until_room(Announced(1250, 0, NOW), under_way, NOW + timedelta(seconds=later)) == 0


@given(st.dictionaries(st.sampled_from(["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]), st.text()))
def test_headers_that_cannot_be_read_announce_nothing(headers: dict[str, str]) -> None:
    """Absent, negative, empty or garbled headers never raise, and hold nobody back for longer than a window."""
    said = announced(headers, NOW)
    if said is not None:
        assert said.limit > 0
        assert said.remaining >= 0
        assert headers.keys() >= {"RateLimit-Limit", "RateLimit-Remaining"}


@given(LIMITS, st.integers(0, 10_000))
def test_the_headers_of_the_documentation_are_read(limit: int, remaining: int) -> None:
    """`RateLimit-Limit: 1250`, `RateLimit-Remaining: 0`, as on Microsoft's page."""
    headers = {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(remaining), "RateLimit-Reset": "31"}
    assert announced(headers, NOW) == Announced(limit, remaining, NOW)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 200))
def test_as_many_begin_at_once_as_there_is_room_for(remaining: int) -> None:
    """Sixteen threads ask at the same moment: exactly as many begin as what is left suffices for."""
    allowance = Allowance(StandingClock())
    allowance.heed({"RateLimit-Limit": "1250", "RateLimit-Remaining": str(remaining)})
    together = Barrier(16)

    def begins_at_once(_: int) -> bool:
        together.wait(timeout=30)
        try:
            with allowance.turn(waits=True) as has_turn:
                together.wait(timeout=30)  # nobody is done before everybody has asked
                return has_turn
        except Slept:
            together.wait(timeout=30)
            return False

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(begins_at_once, range(16))) == min(16, remaining // UNITS_OF_A_COPY)


def test_who_does_not_stand_in_line_has_a_turn_at_once() -> None:
    """A single person's change is not held back, whatever is left; a wait beyond patience is no turn."""
    allowance = Allowance(StandingClock())
    allowance.heed({"RateLimit-Limit": "10", "RateLimit-Remaining": "0"})
    with allowance.turn(waits=False) as has_turn:
        assert has_turn
    with allowance.turn(waits=True) as has_turn:
        assert not has_turn


def test_bulk_work_slows_down_before_it_is_refused(bench: Bench) -> None:
    """Thirty people at once and room for twenty-five a minute: one request is refused at most, and all are copied.

    One, since after a rush nothing comes back for a while, which no answer says.
    """
    users = [bench.person(PHOTO) for _ in range(32)]
    for user in users[:2]:  # the folder is found, and what SharePoint showed before is on record for nobody else
        assert bench.look(user) is Outcome.COPIED
    bench.clock.sleep(61)
    bench.control.budget("sharepoint", 250)
    bench.control.clear_records()
    try:
        left = users[2:]
        while left:
            outcomes = [bench.worker.handle(PhotoEvent(user_id=user, reason=Reason.SWEEP, bulk=True)) for user in left]
            left = [user for user, outcome in zip(left, outcomes, strict=True) if outcome is not Outcome.COPIED]
            bench.clock.sleep(PATIENCE)
    finally:
        bench.control.budget("sharepoint", None)
    refused = [request for request in bench.control.requests(service="sharepoint") if request["throttled"]]
    assert len(refused) <= 1
    assert all(bench.shows(user, PHOTO) for user in users)

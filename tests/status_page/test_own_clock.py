"""The app's clock against Storage's."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.services import Services
from status_page.own_clock import GOOD_FOR, OwnClock, clock_off
from tests.status_page.conftest import MovingClock

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@given(st.integers(-100_000, 100_000), st.integers(0, 3_000), st.floats(0, 1))
def test_the_difference_is_what_it_is(milliseconds: int, took: int, share: float) -> None:
    """However long the answer took, the difference is right to a second more than that, and none is made up."""
    off, lasted = timedelta(milliseconds=milliseconds), timedelta(milliseconds=took)
    header = format_datetime((NOW - off + lasted * share).replace(microsecond=0), usegmt=True)
    told = clock_off(NOW, NOW + lasted, header)
    assert told is not None
    assert abs(told - off) <= lasted + timedelta(seconds=1.5)
    assert (told > timedelta()) <= (off > timedelta())
    assert (told < timedelta()) <= (off < timedelta())


def test_a_header_that_is_none_tells_nothing() -> None:
    """What is no date is not taken for one."""
    assert clock_off(NOW, NOW, "soon") is None


def test_storage_is_asked_now_and_then(services: Services, clock: MovingClock, requests_to_storage: list[str]) -> None:
    """A clock an hour ahead is found, with one request every five minutes, before any table is there."""
    services.clock = clock
    clock.sleep(3600)
    own = OwnClock(services)
    assert abs((own.off() or timedelta()) - timedelta(hours=1)) < timedelta(seconds=3)
    own.off()
    assert len(requests_to_storage) == 1
    clock.sleep(GOOD_FOR.total_seconds() + 1)
    own.off()
    assert len(requests_to_storage) == 2

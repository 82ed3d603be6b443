"""NCRONTAB schedules: next occurrences, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_run.functions_host.ncrontab import Schedule

_MOMENTS = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}")
    part = st.one_of(
        st.just("*"),
        number.map(str),
        span,
        st.tuples(st.one_of(st.just("*"), span, number.map(str)), st.integers(1, 30)).map(lambda p: f"{p[0]}/{p[1]}"),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


def _allowed(text: str, low: int, high: int) -> set[int]:
    """A second, naive reading of a field, to compare with."""
    allowed: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = map(int, span.split("-"))
        else:
            first, last = int(span), high if step else int(span)
        allowed |= {value for value in range(first, last + 1) if (value - first) % int(step or 1) == 0}
    return allowed


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("*/5 * * * * *", "2026-11-22T10:00:00", "2026-11-22T10:00:05"),
        ("0 */5 * * * *", "2026-11-22T10:00:00", "2026-11-22T10:05:00"),
        ("0 */5 * * * *", "2026-11-22T10:04:59.9", "2026-11-22T10:05:00"),
        ("0 0 * * * *", "2026-11-22T23:00:01", "2026-11-23T00:00:00"),
        ("0 30 9 * * MON-FRI", "2026-11-20T09:30:00", "2026-11-23T09:30:00"),
        ("0 30 9 * Jan Mon", "2026-11-22T00:00:00", "2027-01-04T09:30:00"),
        ("0 0 0 29 2 *", "2026-11-22T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 29 2 0", "2030-01-01T00:00:00", "2032-02-29T00:00:00"),
        ("0 0 0 1 * 5", "2026-11-22T00:00:00", "2027-01-01T00:00:00"),
        ("5/20 * * * * *", "2026-11-22T10:00:26", "2026-11-22T10:00:45"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31T23:59:59"),
        ("0 0 3 * * Sunday", "2026-11-22T03:00:00", "2026-11-29T03:00:00"),
    ],
)
def test_next_occurrence(text: str, after: str, expected: str) -> None:
    """The next run comes at the moment that anybody would work out with a calendar."""
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert Schedule.parse(text).next_after(moment) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@settings(deadline=None)
@given(
    st.tuples(_field(0, 59), _field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 6)),
    _MOMENTS,
)
def test_the_next_run_is_later_and_allowed(fields: tuple[str, ...], moment: datetime) -> None:
    """Whatever the schedule, the next run is later than now and every one of its fields allows it."""
    found = Schedule.parse(" ".join(fields)).next_after(moment)
    assert found > moment
    values = (found.second, found.minute, found.hour, found.day, found.month, found.isoweekday() % 7)
    bounds = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
    for text, value, (low, high) in zip(fields, values, bounds, strict=True):
        assert value in _allowed(text, low, high)


@settings(deadline=None)
@given(_field(0, 59), _field(0, 59), _field(0, 23), _MOMENTS)
def test_no_run_is_skipped(second: str, minute: str, hour: str, moment: datetime) -> None:
    """Between now and the next run there is no second that the schedule allows too."""
    found = Schedule.parse(f"{second} {minute} {hour} * * *").next_after(moment)
    seconds, minutes, hours = _allowed(second, 0, 59), _allowed(minute, 0, 59), _allowed(hour, 0, 23)
    between = moment.replace(microsecond=0) + timedelta(seconds=1)
    while between < found:
        if between.hour not in hours:
            between = (between + timedelta(hours=1)).replace(minute=0, second=0)
        elif between.minute not in minutes:
            between = (between + timedelta(minutes=1)).replace(second=0)
        else:
            assert between.second not in seconds
            between += timedelta(seconds=1)


def test_times_are_utc() -> None:
    """A moment in another time zone is taken for what it is."""
    moment = datetime.fromisoformat("2026-11-22T12:00:00+02:00")
    assert Schedule.parse("0 0 11 * * *").next_after(moment) == datetime(2026, 11, 22, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("*/5 * * * *", "six are needed"),
        ("", "six are needed"),
        ("60 * * * * *", "second: '60' is not between 0 and 59"),
        ("* * 24 * * *", "hour: '24'"),
        ("* * * 0 * *", "day: '0'"),
        ("* * * * * 7", "day of the week: '7'"),
        ("* * * * Foo *", "month: 'Foo'"),
        ("*/0 * * * * *", "must be 1 or more"),
        ("5-1 * * * * *", "runs backwards"),
        ("1,,2 * * * * *", "not understood"),
        ("-1 * * * * *", "not understood"),
        ("0 0 0 30 2 *", "never comes"),
    ],
)
def test_bad_schedules_are_refused_in_plain_words(text: str, told: str) -> None:
    """A schedule that cannot be meant is refused, and the message names the field."""
    with pytest.raises(ValueError, match=told):
        Schedule.parse(text)

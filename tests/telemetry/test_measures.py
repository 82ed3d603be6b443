"""Measures by the hour: every count arrives once, however many processes count, at a handful of requests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from hypothesis import given
from hypothesis import strategies as st

from local_run.azurite import Azurite
from shared.measures import Measure, MeasuredHour, Measures
from shared.storage import Storage, Table
from status_page.chart_hours import HEIGHT, WEEK, LastHours, chart_of, strip_of, told_hours
from tests.draining import Drained
from tests.waiting import eventually

NOON = datetime(2026, 11, 22, 12, 20, tzinfo=UTC)
UNREACHABLE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=QUFBQQ==;"
    "QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a;"
)


class Clock:
    """Stands until it is moved on."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        """The time."""
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def storage(azurite: Azurite) -> Iterator[Storage]:
    """A storage account without measures."""
    made = Storage({"AzureWebJobsStorage": azurite.connection_string})
    made.table(Table.MEASURES).delete_table()
    yield made
    made.table(Table.MEASURES).delete_table()


def test_many_processes_add_up(storage: Storage) -> None:
    """Three processes count over two hours; each reads the sum, whoever wrote how often, hours without a count too."""
    clock = Clock()
    processes = [Measures(storage, clock, write_after=None) for _ in range(3)]
    for hour in range(2):
        clock.moment = NOON + timedelta(hours=hour)
        for number, process in enumerate(processes):
            for _ in range(number + 1):
                process.count(Measure.COPIED)
                process.write()
            process.count(Measure.FAILED)
            process.write()
            process.write()
    hours = processes[0].hours(clock.now(), 4)
    assert list(hours) == [NOON.replace(minute=0) + timedelta(hours=back) for back in (-2, -1, 0, 1)]
    assert list(hours.values()) == [MeasuredHour()] * 2 + [MeasuredHour(copied=6, failed=3)] * 2


def test_a_write_costs_one_request_and_nothing_new_costs_none(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand counts are one request; without a count there is none."""
    measures = Measures(storage, Clock(), write_after=None)
    measures.count(Measure.COPIED)
    measures.write()
    client, written = measures._client, list[Any]()
    upsert = client.upsert_entity

    def counted(*given: Any) -> Any:
        written.append(given)
        return upsert(*given)

    monkeypatch.setattr(client, "upsert_entity", counted)
    for _ in range(1000):
        measures.count(Measure.COPIED)
    measures.write()
    measures.write()
    assert len(written) == 1
    assert measures.hours(NOON, 1) == {NOON.replace(minute=0): MeasuredHour(copied=1001)}


def test_what_storage_did_not_take_comes_with_the_next_write(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails loses nothing, not even over the turn of the hour."""
    clock = Clock()
    measures = Measures(storage, clock, write_after=None)
    away = Storage({"AzureWebJobsStorage": UNREACHABLE}, {"retry_total": 0}).table(Table.MEASURES)
    measures.count(Measure.DEFERRED)
    with monkeypatch.context() as without:
        without.setattr(measures, "_client", away)
        with pytest.raises(AzureError):
            measures.write()
    clock.sleep(3600)
    measures.count(Measure.THROTTLED)
    measures.write()
    assert list(measures.hours(clock.now(), 2).values()) == [MeasuredHour(deferred=1), MeasuredHour(throttled=1)]


def test_it_is_written_by_itself(storage: Storage) -> None:
    """Nobody needs to ask: so long after the first count everything counted is in the table."""
    measures = Measures(storage, Clock(), write_after=0.05)
    measures.count(Measure.COPIED)
    eventually(lambda: measures.hours(NOON, 1)[NOON.replace(minute=0)].copied == 1)
    measures.count(Measure.COPIED)
    eventually(lambda: measures.hours(NOON, 1)[NOON.replace(minute=0)].copied == 2)


def test_the_work_is_counted(drained: Drained) -> None:
    """A copy, a pause that was asked for with the deferral, and the copy after it are what the hour tells."""
    bench = drained.bench
    from tests import pictures

    bench.person(pictures.jpeg(100, 100, seed=1))
    slowed = bench.person(pictures.jpeg(100, 100, seed=2))
    bench.control.fault("sharepoint.file.add", "429:Retry-After=30", match=slowed)
    drained.sweep()
    measures = drained.services.measures
    measures.write()
    hours = measures.hours(drained.now, 24)
    assert sum(hours.values(), MeasuredHour()) == MeasuredHour(copied=2, deferred=1, throttled=1)


def test_views_do_not_read_each_time(storage: Storage) -> None:
    """Within the 15 seconds in which nothing can be new, the page reads the table once."""
    clock = Clock()
    measures = Measures(storage, clock, write_after=None)
    known = LastHours(measures, clock)
    first = known.get()
    measures.count(Measure.COPIED)
    measures.write()
    assert known.get() is first
    clock.sleep(15)
    assert list(known.get().values())[-1].copied == 1
    assert told_hours(known.get()) == [
        {"hour": "2026-11-22T12:00:00+00:00", "copied": 1, "failed": 0, "deferred": 0, "throttled": 0}
    ]


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
def test_bars_are_in_proportion_and_nothing_is_hidden(counts: list[int]) -> None:
    """Every count has its bar within the drawing; the highest is full; one of a hundred thousand can still be seen."""
    strip = strip_of([NOON] * len(counts), counts)
    assert [bar.count for bar in strip.bars] == counts
    for bar in strip.bars:
        assert (bar.height > 0) is (bar.count > 0)
        assert bar.height == 0 or bar.height >= 2
        assert bar.y + bar.height == pytest.approx(HEIGHT)
        assert bar.x + 10 <= strip.width
    if any(counts):
        assert strip.highest.height == HEIGHT
    assert strip.total == sum(counts)


def test_days_are_the_hours_added_up() -> None:
    """The seven bars at the right hold the 168 hours, and the last of them the 24 at the left."""
    hours = {NOON + timedelta(hours=number): MeasuredHour(copied=number) for number in range(WEEK)}
    copied = chart_of(hours).series[0]
    assert copied.days.total == sum(range(WEEK))
    assert copied.days.bars[-1].count == copied.hours.total == sum(range(WEEK - 24, WEEK))
    assert chart_of(dict.fromkeys(hours, MeasuredHour())).is_empty

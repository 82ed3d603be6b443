"""What is older than the settings say goes, in bounded pieces; nothing younger does, and nothing still needed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.actions import ActionRow
from shared.deliveries import DeliveryRow
from shared.measures import Measure, Measures
from shared.newest_first import newest_first
from shared.prune import DAY_TABLES, ROW, older_than, prune
from shared.runs import ChunkRow, ItemRow, RunKind, RunState
from shared.services import Services
from shared.status import HistoryRow, StatusRow
from shared.words import Outcome, Reason, UserState
from tests.status_page.conftest import MovingClock

DAY = timedelta(days=1)
TABLES = ("Actions", "Deliveries", "PhotoHistory", "SyncRuns", "SyncRunItems")


@pytest.fixture
def kept(services: Services, clock: MovingClock) -> Iterator[Services]:
    """An app whose tables are empty, and whose time the test moves."""
    services.clock = clock
    clear(services)
    yield services
    clear(services)


def clear(services: Services) -> None:
    """Empty every table that is pruned."""
    for table in (*TABLES, *DAY_TABLES, "PhotoStatus", "Control"):
        client = services.storage.table(table)
        for key in keys(client):
            client.delete_entity(*key)


def keys(client: TableClient) -> list[tuple[str, str]]:
    """What is in a table."""
    try:
        return [(row["PartitionKey"], row["RowKey"]) for row in client.list_entities()]
    except ResourceNotFoundError:
        return []


def attempt(services: Services, user: str, age: timedelta) -> None:
    """One attempt, so long ago."""
    at = services.clock.now() - age
    row = HistoryRow(user, at, Reason.SWEEP, Outcome.COPIED, 5, 1, 4, noticed_at=at)
    services.history.add(row)


def delivery(services: Services, age: timedelta) -> None:
    """One delivery, so long ago."""
    services.deliveries.add(DeliveryRow(services.clock.now() - age, "notifications", 202, 1, 1, 1, 5))


def action(services: Services, age: timedelta) -> None:
    """Somebody did something, so long ago."""
    services.actions.add(ActionRow(services.clock.now() - age, "anna", "Begin a sweep", "POST", "sweep", 202))


def job(services: Services, age: timedelta, done: int, total: int, **fields: Any) -> str:
    """A job asked for so long ago, with so many users finished."""
    now = services.clock.now() - age
    run = services.runs.start(now=now, requested_by="a key", total=total, **fields)
    for _ in range(done):
        services.runs.record(run.run_id, ItemRow(str(uuid4()), Outcome.COPIED, now))
    services.runs.record_chunk(run.run_id, ChunkRow("1"))
    return run.run_id


def until_done(services: Services, **options: Any) -> int:
    """Runs until nothing is left to do, an hour between two; gives how many it took."""
    for number in range(1, 200):
        if not prune(services, **options).unfinished:
            return number
        services.clock.sleep(3600)
    raise AssertionError("it never came to an end")


ages = st.lists(st.integers(0, 200).map(lambda days: days * DAY + timedelta(hours=1)), max_size=6)


@examples(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(attempts=st.lists(ages, max_size=3), deliveries=ages, jobs=ages, requests=st.integers(1, 6))
def test_what_is_too_old_goes_and_nothing_else(
    kept: Services, attempts: list[list[timedelta]], deliveries: list[timedelta], jobs: list[timedelta], requests: int
) -> None:
    """Nothing younger than ninety days is removed; everything older is gone after enough runs, however small they are.

    Of attempts the latest of each user stays; a day of deliveries goes when all of it is too old.
    """
    clear(kept)
    for number, of_one in enumerate(attempts):
        for age in of_one:
            attempt(kept, str(UUID(int=number)), age)
    for age in deliveries:
        delivery(kept, age)
        action(kept, age)
    made = {job(kept, age, 1, 1): age for age in jobs}
    began = kept.clock.now()
    runs = until_done(kept, requests=requests)
    passed = kept.clock.now() - began + timedelta(minutes=1)

    for number, of_one in enumerate(attempts):
        left = {began - row.at for row in kept.history.of(str(UUID(int=number)))}
        old = [age for age in of_one if age > 90 * DAY and age != min(of_one)]
        assert len(left) >= len([age for age in of_one if age + passed <= 90 * DAY])
        assert not [age for age in left for gone in old if abs(age - gone) < timedelta(seconds=30) and age != min(left)]
        assert bool(left) == bool(of_one), "the latest attempt stays"
    days = {partition for partition, _ in keys(kept.storage.table("Deliveries"))}
    acted = [row.at for row in kept.actions.latest(50)]
    limit = kept.clock.now() - 90 * DAY
    assert len(acted) >= len([age for age in deliveries if age + passed <= 90 * DAY])
    assert all(at >= limit - passed for at in acted)
    assert all(day >= f"{limit - passed:%Y-%m-%d}" for day in days)
    assert {f"{began - age:%Y-%m-%d}" for age in deliveries if age + passed < 90 * DAY} <= days
    young = {run_id for run_id, age in made.items() if age + passed <= 90 * DAY}
    old_jobs = {run_id for run_id, age in made.items() if age > 90 * DAY}
    stored = {row for _, row in keys(kept.storage.table("SyncRuns"))}
    assert young <= stored
    assert not old_jobs & stored
    assert {partition for partition, _ in keys(kept.storage.table("SyncRunItems"))} == stored
    assert runs < 100


def test_what_is_still_needed_stays(kept: Services) -> None:
    """A job that is not over, the present sweep, and each user's latest attempt stay, however old."""
    at_work = job(kept, 95 * DAY, 1, 2)
    job(kept, 95 * DAY, 2, 2)
    job(kept, 95 * DAY, 1, 2, state=RunState.CANCELLED)
    job(kept, 105 * DAY, 1, 2)  # older than any message lives: nobody can be at work on it
    present = job(kept, 95 * DAY, 0, 7, kind=RunKind.SWEEP, run_id=newest_first(kept.clock.now() - 95 * DAY))
    job(kept, 96 * DAY, 0, 7, kind=RunKind.SWEEP)
    kept.control.put("sweep", {"runId": present})
    user = str(uuid4())
    for days in (120, 100, 95):
        attempt(kept, user, days * DAY)
    until_done(kept)
    assert {row for _, row in keys(kept.storage.table("SyncRuns"))} == {at_work, present}
    assert {partition for partition, _ in keys(kept.storage.table("SyncRunItems"))} == {at_work, present}
    (latest,) = kept.history.of(user)
    assert 94 * DAY < kept.clock.now() - latest.at < 96 * DAY


def test_who_is_gone_is_forgotten(kept: Services) -> None:
    """A deleted user's row and attempts go when the look that found nobody is too old; others' rows never go."""
    now = kept.clock.now()
    gone, lately, excluded, failed = (str(UUID(int=n)) for n in range(1, 5))
    found: dict[str, Any] = {"state": UserState.OUT_OF_SCOPE, "error_code": "UserNotFound"}
    kept.status.insert(StatusRow(gone, **found, checked_at=now - 91 * DAY))
    kept.status.insert(StatusRow(lately, **found, checked_at=now - 89 * DAY))
    kept.status.insert(StatusRow(excluded, UserState.OUT_OF_SCOPE, error_detail="a guest", checked_at=now - 300 * DAY))
    kept.status.insert(StatusRow(failed, UserState.FAILED, error_code="UserNotFound", checked_at=now - 300 * DAY))
    for user in (gone, lately):
        attempt(kept, user, 91 * DAY)
        attempt(kept, user, 1 * DAY)
    prune(kept)
    assert {row for _, row in keys(kept.storage.table("PhotoStatus"))} == {lately, excluded, failed}
    assert kept.history.of(gone) == []
    assert len(kept.history.of(lately)) == 1
    kept.clock.sleep(3 * 86_400)
    prune(kept)
    assert {row for _, row in keys(kept.storage.table("PhotoStatus"))} == {excluded, failed}


def test_a_run_is_short(kept: Services, requests_to_storage: list[str]) -> None:
    """However much there is to do, a run keeps to its allowance; the next goes on where it was, and a day has one walk.

    Rows go by the hundred; a table without anything old costs one request.
    """
    client = kept.storage.table("PhotoHistory")
    attempt(kept, str(UUID(int=0)), DAY)
    for number in range(12):
        user = str(UUID(int=number << 96))
        old = [{"PartitionKey": user, "RowKey": newest_first(kept.clock.now() - 100 * DAY)} for _ in range(200)]
        for half in (old[:100], old[100:]):
            client.submit_transaction([("create", row) for row in half])
    first = prune(kept, requests=4)
    assert first.unfinished == ["PhotoHistory"]
    assert 0 < first.removed["PhotoHistory"] < 1200
    requests_to_storage.clear()
    until_done(kept)
    assert len(keys(client)) == 12
    assert len(kept.history.of(str(UUID(int=0)))) == 1
    deletions = [request for request in requests_to_storage if "$batch" in request]
    assert len(deletions) <= 2 * 12 + 12, "by the hundred"

    requests_to_storage.clear()
    assert not prune(kept).removed
    assert not [request for request in requests_to_storage if "PhotoHistory" in request], "walked today"
    assert len(requests_to_storage) <= 10
    kept.clock.sleep(86_400)
    requests_to_storage.clear()
    prune(kept)
    assert [request for request in requests_to_storage if "PhotoHistory" in request]
    assert set(kept.control.get(ROW)) == {"historyBegan", "goneBegan"}


def test_old_hours_of_the_chart_go(kept: Services) -> None:
    """What was counted on days that are too old is removed; what the chart shows stays."""
    measures = Measures(kept.storage, kept.clock, write_after=None)
    began = kept.clock.now()
    measures.count(Measure.COPIED)
    measures.write()
    kept.clock.sleep(92 * 86_400)
    measures.count(Measure.COPIED)
    measures.write()
    assert prune(kept).removed == {"Measures": 1}
    (left,) = keys(kept.storage.table("Measures"))
    assert left[0] > f"{began:%Y-%m-%d}"


def test_an_app_that_was_just_deployed_has_nothing_to_prune(services: Services) -> None:
    """Without any table a run does nothing, and does not fail."""
    assert not prune(services).removed


@given(st.datetimes())
def test_keys_tell_age(naive: datetime) -> None:
    """A key is above the limit's exactly when its moment is earlier."""
    moment = naive.replace(tzinfo=UTC)
    limit = datetime(2026, 11, 22, tzinfo=UTC)
    assert (newest_first(moment) > older_than(limit)) == (moment < limit)

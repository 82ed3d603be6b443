"""What every earlier version has left in Storage is read by the present code; what a later one adds does no harm."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from azure.data.tables import TableEntity

from local_run.azurite import Azurite
from photo_worker.lease import take
from photo_worker.record_poison import record_poison
from shared import safety_stop, subscription_record, sweep_wanted
from shared.breaker import Breakers
from shared.deliveries import DeliveryRow
from shared.gates import Gates, Service
from shared.rows import from_entity, to_entity
from shared.runs import ChunkRow, ItemRow, RunKind, RunRow
from shared.services import Services
from shared.settings import VERSION
from shared.status import HistoryRow, StatusRow
from shared.storage import Storage
from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS, PhotoEvent, UserState
from sync_trigger import lifecycle_events, sweep_record
from sync_trigger.check_messages import CheckMessage, ListMessage, read_message
from sync_trigger.notified_users import NotifiedMessage
from tests.golden.stored import from_json, read, versions

ROWS = {"PhotoStatus": StatusRow, "PhotoHistory": HistoryRow, "SyncRuns": RunRow, "Deliveries": DeliveryRow}
KEYS = {"PartitionKey", "RowKey"}
every_version = pytest.mark.parametrize("folder", versions(), ids=lambda folder: folder.name)


def kind_of(table: str, row: Mapping[str, Any]) -> type:
    """The dataclass of a row."""
    if table == "SyncRunItems":
        return ChunkRow if str(row["RowKey"]).startswith("chunk-") else ItemRow
    return ROWS[table]


@pytest.fixture(scope="module")
def storage() -> Iterator[Storage]:
    """A storage account of our own: what is put into it is not for other tests to find."""
    with Azurite.start() as azurite:
        yield Storage({"AzureWebJobsStorage": azurite.connection_string})


@pytest.fixture
def services(storage: Storage) -> Services:
    """The parts that these tests need: they touch nothing but Storage, so no settings are read."""
    built = Services(cast("Any", None), {})
    built.storage = storage
    return built


def test_the_present_version_is_kept() -> None:
    """There is a folder for the version that is in the making, with every state of a user in it."""
    assert versions()[-1].name == VERSION
    assert {row["state"] for row in read(versions()[-1], "PhotoStatus")} == set(UserState)


@every_version
@pytest.mark.parametrize("table", [*ROWS, "SyncRunItems"])
def test_rows_are_read_with_everything_in_them(folder: Path, table: str) -> None:
    """Each row comes back with every property that it holds; what a later version adds is ignored."""
    rows = read(folder, table)
    assert rows
    for told in rows:
        entity = from_json(told)
        later = entity | {"addedLater": "x", "addedLaterAt": datetime.now(UTC)}
        row: Any = from_entity(kind_of(table, entity), later)
        again = to_entity(row, entity["PartitionKey"], entity["RowKey"])
        assert {name: again.get(name) for name in entity} == entity


@every_version
def test_messages_are_read(folder: Path) -> None:
    """Each message says what it said; what a later version adds is ignored."""
    readers = {QUEUE_OF_CHANGES: PhotoEvent.from_message, QUEUE_OF_CHECKS: read_message}
    for queue, reader in readers.items():
        messages = read(folder, queue)
        assert messages
        for text in messages:
            said = json.loads(text)
            understood = reader(json.dumps(said | {"addedLater": {"deep": [1]}}))
            assert holds(json.loads(understood.to_message()), said)


def holds(more: Any, said: Any) -> bool:
    """Whether everything that was said is still there; fields that a later version has added may stand beside it."""
    match said:
        case dict():
            return all(name in more and holds(more[name], value) for name, value in said.items())
        case list():
            return len(more) == len(said) and all(map(holds, more, said))
        case _:
            return bool(more == said)


@pytest.mark.parametrize("reader", [PhotoEvent.from_message, read_message])
def test_a_message_of_a_later_version_is_refused(reader: Any) -> None:
    """Half-understood is worse than not understood: another `v` is refused, and so ends as poison."""
    queue = QUEUE_OF_CHECKS if reader is read_message else QUEUE_OF_CHANGES
    for text in read(versions()[-1], queue):
        with pytest.raises(ValueError, match="v"):
            reader(json.dumps(json.loads(text) | {"v": 2}))


def test_a_refused_message_stays_readable(services: Services) -> None:
    """What a later version put on the queue is kept as it was, with what to do about it."""
    text = json.dumps(json.loads(read(versions()[-1], QUEUE_OF_CHANGES)[0]) | {"v": 2, "addedLater": "ä"})
    record_poison(services, "from-later", text)
    kept = services.control.get("unreadable-message from-later")
    assert (kept["text"], kept["errorCode"]) == (text, "UnreadableMessage")


@every_version
def test_control_is_heeded(folder: Path, services: Services) -> None:
    """What the version before has decided still holds: gates, breakers, the stop, the subscription, the sweep."""
    services.storage._tables.create_table_if_not_exists("Control")
    for told in read(folder, "Control"):
        services.storage.table("Control").upsert_entity(from_json(told) | {"addedLater": 1})
    rows = {told["RowKey"]: from_json(told) for told in read(folder, "Control")}
    control = services.control

    gate = rows["gate graph"]["opensAt"]
    assert Gates(control).seconds_left(Service.GRAPH, gate - timedelta(seconds=20)) == pytest.approx(20)
    probe = rows["breaker graph"]["nextProbeAt"]
    assert Breakers(control).wait(probe - timedelta(minutes=2)) == timedelta(minutes=2)
    subscription, _ = subscription_record.read(control)
    assert (subscription.id, subscription.expires_at) == tuple(rows["subscription"][key] for key in ("id", "expiresAt"))
    wanted = sweep_wanted.read(control)
    assert wanted is not None
    assert wanted[0].why == rows["sweep-wanted"]["why"]
    assert [noted.event for noted in lifecycle_events.read(control)] == ["missed"]
    assert safety_stop.is_set(control)
    sweep = sweep_record.read(control)
    assert sweep is not None
    assert (sweep[0].run_id, sweep[0].users) == (rows["sweep"]["runId"], rows["sweep"]["users"])
    assert not control.claim("picture-name a_b_contoso_com", str(uuid4()))


@every_version
def test_work_in_flight_goes_on(folder: Path, services: Services) -> None:
    """A lease of the version before is respected, then taken over; what its runs have done counts."""
    for table in ("PhotoStatus", "SyncRuns", "SyncRunItems"):
        services.storage._tables.create_table_if_not_exists(table)
        for told in read(folder, table):
            services.storage.table(table).upsert_entity(TableEntity(from_json(told)))
    copying = next(from_json(row) for row in read(folder, "PhotoStatus") if row["state"] == "copying")
    until = copying["leaseUntil"]
    assert take(services.status, copying["userId"], until - timedelta(seconds=1), mark_dirty=True) is None
    lease = take(services.status, copying["userId"], until, mark_dirty=False)
    assert lease is not None
    assert lease.row.picture_timestamp == copying["pictureTimestamp"]
    for told in read(folder, "SyncRuns"):
        progress = services.runs.progress(told["RowKey"], kind=RunKind(told["PartitionKey"]))
        assert progress is not None
        assert progress.counts.total() <= progress.run.total
        assert progress.finished


def test_the_checks_are_of_every_kind() -> None:
    """The recorded messages are of every kind that there is, so that none goes unread."""
    recorded = {type(read_message(text)) for text in read(versions()[-1], QUEUE_OF_CHECKS)}
    assert recorded == {ListMessage, CheckMessage, NotifiedMessage}

"""The lease, on real Table storage: one writer, no lost mark, no lease for ever."""

import random
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from local_run.azurite import Azurite
from photo_worker.lease import LEASE, Lease, LeaseLost, take
from shared.status import StatusTable
from shared.storage import Storage
from shared.words import UserState

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def table(azurite: Azurite) -> StatusTable:
    """The status table of a storage account."""
    return StatusTable(Storage({"AzureWebJobsStorage": azurite.connection_string}))


@pytest.fixture
def user() -> str:
    """A user whom nobody has looked at."""
    return str(uuid4())


def taken(table: StatusTable, user: str, now: datetime = NOW) -> Lease:
    """The lease, which must be free."""
    lease = take(table, user, now, mark_dirty=True)
    assert lease is not None
    return lease


def test_a_held_lease_keeps_others_out_and_marks_the_row(table: StatusTable, user: str) -> None:
    """Who finds the lease taken gets none; the holder sees the mark, looks again, and may then go."""
    lease = taken(table, user)
    assert take(table, user, NOW, mark_dirty=True) is None
    assert lease.let_go(NOW, state=UserState.IN_STEP) is False
    assert take(table, user, NOW, mark_dirty=False) is None
    assert lease.let_go(NOW, state=UserState.IN_STEP) is True
    seen = table.get(user)
    assert seen is not None
    assert (seen.row.lease_owner, seen.row.dirty, seen.row.state) == (None, False, UserState.IN_STEP)


def test_a_mark_in_the_midst_is_not_overwritten(table: StatusTable, user: str) -> None:
    """A save of the holder keeps the mark that came in between."""
    lease = taken(table, user)
    assert take(table, user, NOW, mark_dirty=True) is None
    lease.save(upn="a.b@contoso.com")
    assert lease.row.dirty
    assert lease.let_go(NOW) is False


def test_what_is_noted_goes_with_the_next_write(table: StatusTable, user: str) -> None:
    """It costs no write of its own, and is kept even when somebody marks the row in between."""
    lease = taken(table, user)
    lease.note(seen_etag="B", upn="a.b@contoso.com")
    before = table.get(user)
    assert before is not None
    assert before.row.seen_etag is None
    assert lease.row.seen_etag == "B"
    assert take(table, user, NOW, mark_dirty=True) is None
    lease.save(state=UserState.COPYING)
    seen = table.get(user)
    assert seen is not None
    assert (seen.row.seen_etag, seen.row.upn, seen.row.dirty) == ("B", "a.b@contoso.com", True)
    assert lease.row == seen.row


def test_an_expired_lease_is_taken_over_and_never_before(table: StatusTable, user: str) -> None:
    """A dead holder keeps others out until its lease ends, and no longer; the late holder learns that it lost."""
    late = taken(table, user)
    assert take(table, user, NOW + LEASE - timedelta(seconds=1), mark_dirty=False) is None
    heir = taken(table, user, NOW + LEASE)
    with pytest.raises(LeaseLost):
        late.save(upn="old")
    with pytest.raises(LeaseLost):
        late.let_go(NOW)
    assert heir.let_go(NOW + LEASE) is True


def test_what_is_put_back_goes_without_a_second_look(table: StatusTable, user: str) -> None:
    """A holder that has put the event back lets go even of a dirty row: the event will look again."""
    lease = taken(table, user)
    assert take(table, user, NOW, mark_dirty=True) is None
    assert lease.let_go(NOW, look_again=False, state=UserState.DEFERRED) is True
    assert taken(table, user).row.state is UserState.DEFERRED


def test_many_workers_are_one_writer_and_no_mark_is_lost(table: StatusTable, user: str) -> None:
    """Eight workers, two hundred events: never two inside at once, and after the last event somebody has looked."""
    inside = 0
    most_inside = 0
    looked_at = 0
    event = 0
    guard = threading.Lock()
    dice = random.Random(7)
    failures: list[BaseException] = []

    def work(events: int) -> None:
        nonlocal inside, most_inside, looked_at, event
        try:
            for _ in range(events):
                with guard:
                    event += 1
                lease = take(table, user, NOW, mark_dirty=True)
                while lease is not None:
                    with guard:
                        inside += 1
                        most_inside = max(most_inside, inside)
                        looked_at = event
                    if dice.random() < 0.3:
                        lease.save(checked_at=NOW)
                    with guard:
                        inside -= 1
                    if lease.let_go(NOW):
                        lease = None
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(25,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert most_inside == 1
    assert looked_at == 200

"""`python -m tests.status_page.seed_many 100000`: Azurite with so many users' rows, to measure the page on by hand.

It prints the connection string and stays until it is interrupted. With a second word, a connection string, it fills
that storage account instead, and ends. Rows go in by entity-group transactions of a hundred, a partition each.
"""

import itertools
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from local_run.azurite import Azurite
from shared.rows import to_entity
from shared.status import StatusRow
from shared.storage import Storage
from shared.words import UserState

_GIVEN = ("Maria", "Ken", "Chidi", "Zoë", "Lwazi", "Ana", "Jörg", "Wei", "Olu", "Ingrid", "Tomás", "Aya")
_FAMILY = ("Petrova", "Nakamura", "Okafor", "Ångström", "Dlamini", "Souza", "Weiß", "Chen", "Berg", "García", "Sato")
_TRANSACTION = 100
_SPACE = uuid5(NAMESPACE_DNS, "seed-many.example")


def made_up(number: int, now: datetime) -> StatusRow:
    """One user: nearly everybody in step, a few in each other state."""
    name = f"{_GIVEN[number % len(_GIVEN)]} {_FAMILY[number % len(_FAMILY)]} {number}"
    fields: dict[str, Any] = {"upn": f"user{number}@contoso.com", "display_name": name, "checked_at": now}
    user_id = str(uuid5(_SPACE, str(number)))
    if number % 500 == 3:
        return StatusRow(user_id, UserState.FAILED, error_code="PhotoRefused", attempts=1, **fields)
    if number % 100 == 4:
        return StatusRow(user_id, UserState.NO_PHOTO, **fields)
    copied = now - timedelta(minutes=number)
    return StatusRow(user_id, UserState.IN_STEP, source_etag=f'"{number:x}"', copied_at=copied, **fields)


def transactions(rows: int, now: datetime) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The rows in groups that may be written together."""
    users = sorted((made_up(number, now) for number in range(rows)), key=lambda row: row.user_id)
    for partition, some in itertools.groupby(users, lambda row: row.user_id[:2]):
        for batch in itertools.batched(some, _TRANSACTION, strict=False):
            yield [("upsert", to_entity(row, partition, row.user_id)) for row in batch]


def seed(storage: Storage, rows: int) -> None:
    """Write so many users."""
    table = storage.table("PhotoStatus")
    table.create_table()
    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(table.submit_transaction, transactions(rows, datetime.now(UTC))):
            pass


def main(rows: int, connection_string: str | None = None) -> None:
    """Fill, and say how long it took."""
    began = time.monotonic()
    if connection_string:
        seed(Storage({"AzureWebJobsStorage": connection_string}), rows)
        print(f"{rows} rows in {time.monotonic() - began:.0f} s")
        return
    with Azurite.start() as azurite:
        seed(Storage({"AzureWebJobsStorage": azurite.connection_string}), rows)
        print(f"{rows} rows in {time.monotonic() - began:.0f} s", azurite.connection_string, sep="\n", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:3])

"""The tables: a row is written, read and deleted, and each of the app's tables is readable."""

import secrets
from contextlib import suppress

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.storage import Table, creating
from status_page.health.findings import Finding, failed, of_storage, passed
from status_page.health.kit import Kit

_PARTITION = "health"
_ROLES = "Storage Table Data Contributor"


def check_tables(kit: Kit) -> Finding:
    """A row of our own, then a look into each table."""
    try:
        same = _row_survives(kit)
        absent = [name for name in Table if not _is_there(kit, name)]
    except AzureError as error:
        return of_storage(error, "tables", _ROLES)
    if not same:
        return failed(
            "A row came back from Control other than it was written.",
            "Look whether something else writes to the tables of this storage account; the app wants one of its own.",
        )
    there = f"{len(Table) - len(absent)} of the app's {len(Table)} tables can be read"
    if absent:
        there += f"; {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} made by the first row"
    return passed(f"A row was written, read and deleted; {there}.")


def _row_survives(kit: Kit) -> bool:
    """Whether a row is read as it was written; it is deleted whatever happens."""
    client = kit.storage.table(Table.CONTROL)
    row = {"PartitionKey": _PARTITION, "RowKey": secrets.token_hex(8), "text": "Grüße, 你好"}
    try:
        creating(client, lambda: client.create_entity(row))
        read = client.get_entity(row["PartitionKey"], row["RowKey"])
        client.delete_entity(row["PartitionKey"], row["RowKey"])
    except AzureError:
        with suppress(AzureError):
            client.delete_entity(row["PartitionKey"], row["RowKey"])
        raise
    return bool(read["text"] == row["text"])


def _is_there(kit: Kit, name: Table) -> bool:
    """Whether the table exists; raises `AzureError` when it cannot be read."""
    try:
        next(iter(kit.storage.table(name).query_entities("PartitionKey eq ''", results_per_page=1)), None)
    except ResourceNotFoundError:
        return False
    return True

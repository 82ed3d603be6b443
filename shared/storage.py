"""Azure Storage: the queue and the tables, reached by the app's own identity or, locally, by connection string.

The settings are those that the Functions host itself reads: `AzureWebJobsStorage`, or the same prefix with
`__accountName`, `__queueServiceUri`, `__tableServiceUri` and `__clientId`.
Source: Azure Functions, "Connecting to host storage with an identity".
"""

import functools
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64EncodePolicy

from shared.sessions import pooled_session
from shared.settings import SettingsError

_PREFIX = "AzureWebJobsStorage"
_TIMEOUTS = {"connection_timeout": 3, "read_timeout": 10, "retry_total": 3, "retry_backoff_factor": 0.2}
CONNECTIONS = 32
"""Kept open to one host: as many as there are threads, those that read status rows side by side included."""
_QUEUE_PAUSES: dict[str, Any] = {"initial_backoff": 1, "increment_base": 2, "random_jitter_range": 1}
"""Seconds; without them the queue library waits for about 15 before its first retry, with a worker's lease running."""


class Table(StrEnum):
    """The app's tables; each is made by its first row."""

    CONTROL = "Control"
    PHOTO_STATUS = "PhotoStatus"
    PHOTO_HISTORY = "PhotoHistory"
    SYNC_RUNS = "SyncRuns"
    SYNC_RUN_ITEMS = "SyncRunItems"
    DELIVERIES = "Deliveries"
    ACTIONS = "Actions"
    MEASURES = "Measures"


class Storage:
    """The storage account of one process; clients are made on first use and shared by its threads."""

    def __init__(self, environment: Mapping[str, str], options: Mapping[str, Any] | None = None) -> None:
        """`options` go to the SDK's clients over our own; they hold time limits and retries.

        Raises:
            SettingsError: when the environment names no storage account.
        """
        options = {**_TIMEOUTS, **(options or {})}
        options["transport"] = _transport(options)
        if connection_string := environment.get(_PREFIX):
            self._queues = QueueServiceClient.from_connection_string(connection_string, **_QUEUE_PAUSES, **options)
            self._tables = TableServiceClient.from_connection_string(connection_string, **options)
        else:
            credential = _identity(environment)
            self._queues = QueueServiceClient(_endpoint(environment, "queue"), credential, **_QUEUE_PAUSES, **options)
            self._tables = TableServiceClient(_endpoint(environment, "table"), credential=credential, **options)
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}

    def queue(self, name: str) -> QueueClient:
        """The client of one queue; it encodes messages as the trigger expects them (base64)."""
        make = functools.partial(self._queues.get_queue_client, name, message_encode_policy=TextBase64EncodePolicy())
        return self._shared(f"queue/{name}", make)

    def queue_names(self, prefix: str) -> list[str]:
        """The names of the account's queues that begin so."""
        return [str(queue.name) for queue in self._queues.list_queues(name_starts_with=prefix)]

    def table(self, name: str) -> TableClient:
        """The client of one table."""
        return self._shared(f"table/{name}", functools.partial(self._tables.get_table_client, name))

    def _shared[Client](self, key: str, make: Callable[[], Client]) -> Client:
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            client: Client = self._made[key]
            return client


def creating[Result](client: QueueClient | TableClient, do: Callable[[], Result]) -> Result:
    """What `do` returns; when its queue or table is not there yet, it is created and `do` done again.

    `do` adds a message or a row, so that nothing but the queue or the table can be what is not found.
    """
    try:
        return do()
    except ResourceNotFoundError:
        pass
    try:
        if isinstance(client, QueueClient):
            client.create_queue()
        else:
            client.create_table()
    except ResourceExistsError:
        pass  # another instance was quicker
    return do()


def _transport(options: Mapping[str, Any]) -> RequestsTransport:
    """Connections for all clients of the account, kept for as many threads as there are; the SDK's own keeps ten."""
    timeouts = {name: options[name] for name in ("connection_timeout", "read_timeout")}
    return RequestsTransport(session=pooled_session(CONNECTIONS), session_owner=False, **timeouts)


def _endpoint(environment: Mapping[str, str], service: str) -> str:
    if uri := environment.get(f"{_PREFIX}__{service}ServiceUri"):
        return uri
    if account := environment.get(f"{_PREFIX}__accountName"):
        return f"https://{account}.{service}.core.windows.net"
    raise SettingsError(
        f"The storage account is not named: set {_PREFIX} (a connection string) or {_PREFIX}__accountName (with the "
        "app's identity). Example: AzureWebJobsStorage__accountName=stphotosync"
    )


def _identity(environment: Mapping[str, str]) -> Any:
    from azure.identity import ManagedIdentityCredential

    client_id = environment.get(f"{_PREFIX}__clientId")
    return ManagedIdentityCredential(client_id=client_id) if client_id else ManagedIdentityCredential()

"""Gates: "nobody calls this service before that time", shared by all instances.

A service that asks for a pause closes its gate; every later call of every instance waits, or is deferred, until the
gate opens. Early retries count against the quota and prolong the throttling.
Source: sp-dev-docs, "Avoid getting throttled or blocked in SharePoint Online"; "Microsoft Graph throttling guidance".
"""

import logging
import threading
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from azure.core.exceptions import AzureError

STALE_AFTER = timedelta(seconds=1)
"""How long an instance trusts what it last read of a gate: so long may others call on after one was told to stop."""
_log = logging.getLogger("photosync.gates")


class Service(StrEnum):
    """What can be throttled on its own."""

    GRAPH = "graph"
    SHAREPOINT = "sharepoint"
    ENTRA = "entra"


class SharedRows(Protocol):
    """Where gates are shared: the table Control."""

    def get(self, name: str) -> dict[str, Any]:
        """The row's properties; empty when there is no such row."""
        ...

    def change_later(self, name: str, field: str, moment: datetime) -> None:
        """Write `moment` into the row's field, unless a later one is there."""
        ...


class Gates:
    """The gates as one process sees them; safe for its threads."""

    def __init__(self, shared: SharedRows) -> None:
        self._shared = shared
        self._opens: dict[Service, datetime] = {}
        self._read_at: dict[Service, datetime] = {}
        self._lock = threading.Lock()

    def close(self, service: Service, until: datetime) -> None:
        """Nobody calls `service` before `until`; a gate that is closed for longer stays so."""
        with self._lock:
            self._opens[service] = max(until, self._opens.get(service, until))
        try:
            self._shared.change_later(row_of(service), "opensAt", until)
        except AzureError as error:
            # This process knows; the others will be told the same by the service itself.
            _log.warning("the gate of %s could not be shared: %s", service, type(error).__name__)

    def seconds_left(self, service: Service, now: datetime) -> float:
        """How long `service` is still closed; 0 when it is open."""
        self._read(service, now)
        with self._lock:
            opens = self._opens.get(service)
        return 0.0 if opens is None else max(0.0, (opens - now).total_seconds())

    def _read(self, service: Service, now: datetime) -> None:
        """Learn what other instances were told, if that was not just read."""
        with self._lock:
            read_at = self._read_at.get(service)
            if read_at is not None and read_at <= now < read_at + STALE_AFTER:
                return
            self._read_at[service] = now
        try:
            opens = self._shared.get(row_of(service)).get("opensAt")
        except AzureError as error:
            _log.warning("the gate of %s could not be read: %s", service, type(error).__name__)
            return
        if opens is not None:
            with self._lock:
                self._opens[service] = max(opens, self._opens.get(service, opens))


def row_of(service: Service) -> str:
    """The row of Control that holds the gate."""
    return f"gate {service}"

"""Gates: "nobody calls this service before that time", shared by all instances.

A service that asks for a pause closes its gate; every later call of every instance waits, or is deferred, until the
gate opens. Early retries count against the quota and prolong the throttling.
Source: sp-dev-docs, "Avoid getting throttled or blocked in SharePoint Online"; "Microsoft Graph throttling guidance".
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from azure.core.exceptions import AzureError

from shared.logs import Happened, tell

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

    def __init__(self, shared: SharedRows, on_close: Callable[[Service], None] | None = None) -> None:
        """`on_close`: is told whenever a service asks for a pause."""
        self._shared = shared
        self._on_close = on_close
        self._opens: dict[Service, datetime] = {}
        self._read_at: dict[Service, datetime] = {}
        self._lock = threading.Lock()

    def close(self, service: Service, until: datetime) -> None:
        """Nobody calls `service` before `until`; a gate that is closed for longer stays so."""
        with self._lock:
            self._opens[service] = max(until, self._opens.get(service, until))
        tell(_log, Happened.GATE_CLOSED, service=service, until=until.isoformat(timespec="seconds"))
        if self._on_close is not None:
            self._on_close(service)
        try:
            self._shared.change_later(row_of(service), "opensAt", until)
        except AzureError as error:
            # This process knows; the others will be told the same by the service itself.
            tell(_log, Happened.GATE_NOT_SHARED, service=service, error=type(error).__name__)

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
            tell(_log, Happened.GATE_NOT_READ, service=service, error=type(error).__name__)
            return
        if opens is not None:
            with self._lock:
                self._opens[service] = max(opens, self._opens.get(service, opens))


def row_of(service: Service) -> str:
    """The row of Control that holds the gate."""
    return f"gate {service}"

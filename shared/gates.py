"""Gates: "nobody calls this service before that time".

A service that asks for a pause closes its gate; every later call of this process waits, or is deferred, until the gate
opens. Early retries count against the quota and prolong the throttling.
Source: sp-dev-docs, "Avoid getting throttled or blocked in SharePoint Online"; "Microsoft Graph throttling guidance".
"""

import threading
from datetime import datetime
from enum import StrEnum


class Service(StrEnum):
    """What can be throttled on its own."""

    GRAPH = "graph"
    SHAREPOINT = "sharepoint"
    ENTRA = "entra"


class Gates:
    """The gates of one process; safe for its threads."""

    def __init__(self) -> None:
        self._opens: dict[Service, datetime] = {}
        self._lock = threading.Lock()

    def close(self, service: Service, until: datetime) -> None:
        """Nobody calls `service` before `until`; a gate that is closed for longer stays so."""
        with self._lock:
            self._opens[service] = max(until, self._opens.get(service, until))

    def seconds_left(self, service: Service, now: datetime) -> float:
        """How long `service` is still closed; 0 when it is open."""
        with self._lock:
            opens = self._opens.get(service)
        return 0.0 if opens is None else max(0.0, (opens - now).total_seconds())

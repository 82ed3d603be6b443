"""Counts what this process asks of Storage and of Microsoft's services, by kind."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from local_run.azurite import Azurite


@dataclass(frozen=True)
class Traffic:
    """HTTP requests since the counting began."""

    counted: Counter[str]

    @property
    def microsoft(self) -> int:
        """To Graph, SharePoint and Entra ID."""
        return self.counted["microsoft"]

    @property
    def queue(self) -> int:
        """Operations of Queue storage."""
        return self.counted["queue"]

    @property
    def table(self) -> int:
        """Operations of Table storage."""
        return self.counted["table"]

    def clear(self) -> None:
        """Begin anew."""
        self.counted.clear()


@contextmanager
def counted(azurite: Azurite) -> Iterator[Traffic]:
    """Count the requests of this process; the storage SDK sends its own through `requests` too."""
    traffic = Traffic(Counter())
    kinds = {azurite.ports.queue: "queue", azurite.ports.table: "table", azurite.ports.blob: "blob"}
    send = requests.Session.send

    def counting(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        on_this_machine = parts.hostname == "127.0.0.1"
        traffic.counted[kinds.get(parts.port or 0, "other") if on_this_machine else "microsoft"] += 1
        return send(session, request, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "send", counting)
        yield traffic

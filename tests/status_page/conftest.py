"""The page's data on a storage account of its own, so that counts count nobody else's users."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.core.pipeline.transport import RequestsTransport

from local_run.azurite import Azurite
from shared.services import Services
from shared.settings import Settings
from tests.status_page.in_a_browser import chromium, opened, tenant

__all__ = ["chromium", "opened", "tenant"]


@pytest.fixture(scope="module")
def own_storage() -> Iterator[Azurite]:
    """A storage account for one module's tests."""
    with Azurite.start() as storage:
        yield storage


class MovingClock:
    """The machine's time plus what was slept, which takes no time."""

    def __init__(self) -> None:
        self._slept = timedelta()

    def now(self) -> datetime:
        """The virtual time (UTC)."""
        return datetime.now(UTC) + self._slept

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self._slept += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> MovingClock:
    """A clock that the test moves."""
    return MovingClock()


@pytest.fixture
def requests_to_storage(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every request that this process sends to Storage from here on: method and address."""
    sent: list[str] = []
    send = RequestsTransport.send

    def counted(transport: RequestsTransport, request: Any, **options: Any) -> Any:
        sent.append(f"{request.method} {request.url}")
        return send(transport, request, **options)

    monkeypatch.setattr(RequestsTransport, "send", counted)
    return sent


@pytest.fixture
def services(own_storage: Azurite) -> Services:
    """An app that has just been deployed: nothing is in Storage, and there is no tenant to reach."""
    environment = {
        "AzureWebJobsStorage": own_storage.connection_string,
        "PHOTOSYNC_TENANT_ID": str(uuid4()),
        "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
        "PHOTOSYNC_PUBLIC_URL": "https://photosync.contoso.example",
        "PHOTOSYNC_CLIENT_STATE": "the-client-state-of-the-page",
    }
    made = Services(Settings.from_environment(environment), environment)
    for table in ("PhotoStatus", "Control"):
        made.storage.table(table).delete_table()
    return made

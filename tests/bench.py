"""The product's parts in this process, on real Storage and a running simulated tenant. Time is virtual.

Import the fixtures you need into a folder's conftest. Every test gets an app of its own in the tenant and users of its
own, so that tests do not see each other; faults, budgets and records are cleared after each.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from azure.core.exceptions import ResourceNotFoundError

from local_run.azurite import Azurite
from photo_worker.look_at_photo import PhotoWorker
from photo_worker.make_thumbnails import make_thumbnails
from shared.services import Services
from shared.settings import Settings
from shared.status import StatusRow
from shared.words import QUEUE_OF_CHANGES, Outcome, PhotoEvent, Reason
from simulated_tenant.client import Control, RunningTenant, start, stop
from tests.certificates import KeyPair, key_pair

GRAPH_ROLES = ("ProfilePhoto.Read.All", "User.Read.All")
SHAREPOINT_ROLES = ("User.ReadWrite.All", "Sites.ReadWrite.All")
CLIENT_STATE = "the-client-state-of-the-bench"


class VirtualClock:
    """The machine's time plus what was slept; sleeping moves the tenant's clock along and takes no time.

    Once it stands, time passes by sleeping only, however long the machine takes for anything.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._slept = timedelta()
        self._stands_at: datetime | None = None
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        """The virtual time (UTC)."""
        return (self._stands_at or datetime.now(UTC)) + self._slept

    def stand(self) -> None:
        """Let both clocks stand."""
        self._control.let_clock_stand()
        self._stands_at = datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.sleeps.append(seconds)
        self._slept += timedelta(seconds=seconds)
        self._control.advance(seconds)


@dataclass
class Bench:
    """One app, signed in to one tenant by certificate, with its worker."""

    tenant: RunningTenant
    settings: Settings
    environment: dict[str, str]
    client_id: str
    clock: VirtualClock
    services: Services = field(init=False)
    worker: PhotoWorker = field(init=False)

    def __post_init__(self) -> None:
        """Build the parts."""
        self.start_afresh()

    @property
    def control(self) -> Control:
        """The tenant's control API."""
        return self.tenant.control

    def start_afresh(self, **settings: str) -> None:
        """The app as after a restart, with other settings if given."""
        self.environment |= settings
        self.settings = Settings.from_environment(self.environment)
        self.services = Services(self.settings, self.environment, self.clock)
        self.worker = PhotoWorker(self.services)

    def forget_what_instances_share(self) -> None:
        """Open every gate, close every breaker, as in a fresh deployment: times there are virtual, and may be ahead."""
        for prefix in ("gate ", "breaker ", "safety-stop", "removals", "sweep", "bulk-pace", "pause"):
            for row in self.services.control.starting_with(prefix):
                self.services.control.remove(row.name)

    def person(self, photo: bytes | None = None, **fields: Any) -> str:
        """A new user of the tenant; gives the object id."""
        return self.control.add_user(f"person.{uuid4().hex[:12]}@contoso.com", photo, **fields)

    def look(self, user: str, **event: Any) -> Outcome:
        """Handle a photo event of the user."""
        return self.worker.handle(PhotoEvent(user_id=user, reason=Reason.NOTIFICATION, **event))

    def row(self, user: str) -> StatusRow:
        """The user's status row."""
        seen = self.services.status.get(user)
        assert seen is not None
        return seen.row

    def requests(self, service: str) -> list[str]:
        """Operations that the tenant has served to this app, those inside a batch aside."""
        served = self.control.requests(service=service, app=self.client_id, inner=False)
        return [request["operation"] for request in served]

    def waiting(self) -> int:
        """Messages on the queue, visible or not."""
        try:
            properties = self.services.storage.queue(QUEUE_OF_CHANGES).get_queue_properties()
        except ResourceNotFoundError:
            return 0
        return properties.approximate_message_count or 0

    def shows(self, user: str, photo: bytes, large: int = 300) -> bool:
        """Whether SharePoint shows exactly the pictures made from this photo."""
        import hashlib

        thumbnails = make_thumbnails(photo, large)
        target = self.control.target(user)
        if target["properties"].get("SPS-PicturePlaceholderState") != "0":
            return False
        wanted = {"S": thumbnails.small, "M": thumbnails.medium, "L": thumbnails.large}
        return all(
            target["files"][size].get("sha256") == hashlib.sha256(content).hexdigest()
            for size, content in wanted.items()
        )


@pytest.fixture(scope="session")
def certificate() -> KeyPair:
    """A self-signed certificate; one for all tests, since making one takes a moment."""
    return key_pair("bench")


@pytest.fixture(scope="session")
def tenant() -> Iterator[RunningTenant]:
    """A simulated tenant as a process of its own, one for all tests."""
    running = start()
    yield running
    stop(running)


def reach(tenant: RunningTenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process reach the tenant by Microsoft's host names, as a deployed app reaches Microsoft."""
    for name, value in tenant.environment.items():
        monkeypatch.setenv(name, value)


def bench_on(tenant: RunningTenant, azurite: Azurite, certificate: KeyPair, **settings: str) -> Bench:
    """A bench with a new app in the tenant. Call it with the process's environment reaching that tenant."""
    app = tenant.control.add_app(certificate=certificate.certificate, graph=GRAPH_ROLES, sharepoint=SHAREPOINT_ROLES)
    environment = {
        "AzureWebJobsStorage": azurite.connection_string,
        "PHOTOSYNC_TENANT_ID": tenant.tenant_id,
        "PHOTOSYNC_SHAREPOINT_NAME": "contoso",
        "PHOTOSYNC_CREDENTIAL": "certificate",
        "PHOTOSYNC_CLIENT_ID": app["clientId"],
        "PHOTOSYNC_CERTIFICATE": certificate.key + certificate.certificate,
        "PHOTOSYNC_PUBLIC_URL": "https://photosync.contoso.example",
        "PHOTOSYNC_CLIENT_STATE": CLIENT_STATE,
        "PHOTOSYNC_COMPANY": "Contoso",
        **settings,
    }
    clock = VirtualClock(tenant.control)
    return Bench(tenant, Settings.from_environment(environment), environment, app["clientId"], clock)


@pytest.fixture
def bench(
    tenant: RunningTenant, azurite: Azurite, certificate: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """The product's parts, ready to work; at the end the tenant must have nothing to complain of."""
    reach(tenant, monkeypatch)
    built = bench_on(tenant, azurite, certificate)
    built.forget_what_instances_share()
    yield built
    complaints = [violation for violation in tenant.control.violations() if violation.get("app") == built.client_id]
    tenant.control.clear_faults()
    tenant.control.clear_records()
    tenant.control.latency({})
    tenant.control.budget("sharepoint", None)
    tenant.control.budget("graph", None)
    assert not complaints

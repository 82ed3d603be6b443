"""An app with which all is well, on a storage account and in a tenant of its own, so that one thing can break."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError

from local_run.azurite import Azurite
from shared import subscription_record
from shared.caller import TokenSource
from shared.runs import RunKind, RunState, Users
from simulated_tenant.client import RunningTenant, start, stop
from status_page.health.findings import Verdict
from status_page.health.kit import Kit
from status_page.health.probe_write import ROW
from status_page.health.run_checks import Result, run_checks
from status_page.health.tell_health import told
from sync_trigger.ensure_subscription import ensure_subscription
from tests import pictures
from tests.bench import Bench, bench_on, reach
from tests.bench import certificate as certificate  # noqa: PLC0414 - a fixture, for pytest to find here
from tests.certificates import KeyPair
from tests.sync_trigger.public_endpoint import public_endpoint

PHOTO = pictures.jpeg(320, 320, seed=11)
MARKS = ("Zaphod", "Beeblebrox")
"""In the names of everybody here: they must not be told."""


@dataclass
class Healthy:
    """The app, with a test user in step, a subscription and a sweep."""

    bench: Bench
    user: str
    upn: str

    def check(self, *, probe: bool = False, tokens: TokenSource | None = None) -> dict[str, Result]:
        """Run the checks; what they found, by id."""
        results = run_checks(Kit(self.bench.services, tokens), probe=probe)
        return {result.check.id: result for result in results}

    def told(self, **how: Any) -> dict[str, Any]:
        """The body of the answer."""
        return told(self.bench.services, list(self.check(**how).values()))

    def restart(self, **settings: str) -> None:
        """With other settings."""
        self.bench.start_afresh(**settings)


def of(found: dict[str, Result], verdict: Verdict) -> set[str]:
    """The checks that ended so."""
    return {name for name, result in found.items() if result.finding.verdict is verdict}


def failed(found: dict[str, Result]) -> set[str]:
    """The checks that failed."""
    return of(found, Verdict.FAILED)


@pytest.fixture(scope="session")
def own_tenant() -> Iterator[RunningTenant]:
    """A tenant that no other tests use."""
    running = start()
    yield running
    stop(running)


@pytest.fixture(scope="session")
def own_storage() -> Iterator[Azurite]:
    """A storage account that no other tests use."""
    with Azurite.start() as storage:
        yield storage


@pytest.fixture
def healthy(
    own_tenant: RunningTenant, own_storage: Azurite, certificate: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Healthy]:
    """Everything is well; at the end the tenant must have nothing to complain of."""
    control = own_tenant.control
    reach(own_tenant, monkeypatch)
    bench = bench_on(own_tenant, own_storage, certificate)
    _clean(bench)
    user = bench.person(PHOTO, displayName=" ".join(MARKS))
    upn = str(control.user(user)["userPrincipalName"])
    bench.start_afresh(PHOTOSYNC_TEST_USER=upn)
    bench.look(user)
    with public_endpoint(bench.services) as endpoint:
        control.route("https://photosync.contoso.example", endpoint.url)
        ensure_subscription(bench.services)
    now = bench.clock.now()
    bench.services.runs.start(
        now=now, requested_by="the timer", kind=RunKind.SWEEP, state=RunState.RUNNING, users=Users.ALL
    )
    yield Healthy(bench, user, upn)
    complaints = [one for one in control.violations() if one.get("app") == bench.client_id]
    control.clear_faults()
    control.clear_records()
    control.call("POST", "/clock", {"dateOffset": 0})
    control.call("POST", "/sharepoint/library", {"pictureFolders": ["Profile Pictures"]})
    assert not complaints


def _clean(bench: Bench) -> None:
    """Storage as it was, whatever the test before has left in it."""
    bench.forget_what_instances_share()
    for prefix in (subscription_record.ROW, ROW, "picture-folder"):
        for row in bench.services.control.starting_with(prefix):
            bench.services.control.remove(row.name)
    for table in ("PhotoStatus", "SyncRuns"):
        try:
            bench.services.storage.table(table).delete_table()
        except ResourceNotFoundError:
            continue

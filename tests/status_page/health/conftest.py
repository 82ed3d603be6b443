"""An app with which all is well, on a storage account and in a tenant of its own, so that one thing can break."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from local_run.azurite import Azurite, Ports
from shared import subscription_record
from shared.caller import TokenSource
from shared.runs import RunKind, Users
from simulated_tenant.client import RunningTenant, start, stop
from status_page.health.findings import Verdict
from status_page.health.kit import Kit
from status_page.health.run_checks import Result, run_checks
from status_page.health.tell_health import told
from sync_trigger.ensure_subscription import ensure_subscription
from tests import pictures
from tests.bench import GRAPH_ROLES, SHAREPOINT_ROLES, Bench, bench_on, reach
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
    storage_ports: Ports
    environment: dict[str, str]
    """As it was when all was well."""
    subscription: str | None = None
    """Graph's id of it."""

    def check(self, *, probe: bool = False, tokens: TokenSource | None = None) -> dict[str, Result]:
        """Run the checks; what they found, by id."""
        results = run_checks(Kit(self.bench.services, tokens), probe=probe)
        return {result.check.id: result for result in results}

    def told(self, **how: Any) -> dict[str, Any]:
        """The body of the answer."""
        return dict(told(self.bench.services, list(self.check(**how).values())))

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


@pytest.fixture(scope="session")
def kept() -> list[Healthy]:
    """The one app of all tests here, once it is made: to make it takes longer than to set it right again."""
    return []


@pytest.fixture
def healthy(
    own_tenant: RunningTenant,
    own_storage: Azurite,
    certificate: KeyPair,
    kept: list[Healthy],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Healthy]:
    """Everything is well; at the end the tenant must have nothing to complain of."""
    reach(own_tenant, monkeypatch)
    if not kept:
        kept.append(_made(bench_on(own_tenant, own_storage, certificate), own_storage.ports))
    app = kept[0]
    _set_right(app, certificate)
    yield app
    complaints = [one for one in own_tenant.control.violations() if one.get("app") == app.bench.client_id]
    own_tenant.control.clear_records()
    assert not complaints


def _made(bench: Bench, ports: Ports) -> Healthy:
    """An app with one person in step, who is the test user."""
    user = bench.person(PHOTO, displayName=" ".join(MARKS))
    bench.start_afresh(PHOTOSYNC_TEST_USER=str(bench.control.user(user)["userPrincipalName"]))
    bench.look(user)
    return Healthy(bench, user, ports, dict(bench.environment))


def _set_right(app: Healthy, certificate: KeyPair) -> None:
    """Everything as it should be, whatever the test before has broken."""
    bench, control = app.bench, app.bench.control
    control.clear_faults()
    control.call("POST", "/clock", {"dateOffset": 0})
    control.call("POST", "/sharepoint/library", {"pictureFolders": ["Profile Pictures"]})
    granted = {"graph": list(GRAPH_ROLES), "sharepoint": list(SHAREPOINT_ROLES)}
    changed = {"roles": granted, "certificates": [], "certificate": certificate.certificate}
    control.call("PATCH", f"/apps/{bench.client_id}", changed)
    if not control.user(app.user).get("photo"):
        control.put_photo(app.user, PHOTO)
    bench.environment = dict(app.environment)
    bench.start_afresh()
    bench.clock._slept = timedelta()
    services, now = bench.services, bench.clock.now()
    for row in [*services.control.starting_with("breaker "), *services.control.starting_with("gate ")]:
        services.control.remove(row.name)
    if app.subscription not in {one["id"] for one in control.notifications()["subscriptions"]}:
        with public_endpoint(services) as endpoint:
            control.route("https://photosync.contoso.example", endpoint.url)
            ensure_subscription(services, at_once=True)
        app.subscription = subscription_record.read(services.control)[0].id
    if not (sweeps := services.runs.newest(RunKind.SWEEP, 1)):
        sweeps = [services.runs.start(now=now, requested_by="the timer", kind=RunKind.SWEEP, users=Users.ALL)]
    assert services.runs.change(RunKind.SWEEP, sweeps[0].run_id, lambda run: replace(run, requested_at=now))

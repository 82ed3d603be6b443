"""An app whose subscription is kept, in a tenant of its own whose clock may go on by months."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from local_run.azurite import Azurite
from shared import subscription_record, sweep_wanted
from shared.subscription_record import SubscriptionHealth, SubscriptionRecord
from simulated_tenant.client import RunningTenant, start, stop
from sync_trigger.ensure_subscription import ensure_subscription
from tests.bench import GRAPH_ROLES, Bench, bench_on, reach
from tests.certificates import KeyPair
from tests.sync_trigger.public_endpoint import PublicEndpoint, public_endpoint

HERE = "https://photosync.contoso.example"
ELSEWHERE = "https://photosync-new.contoso.example"
NEXT_RUN = timedelta(minutes=5)


@dataclass
class Kept:
    """The app, its public address, and the tenant as an observer sees it."""

    bench: Bench
    endpoint: PublicEndpoint

    def run(self, after: timedelta = NEXT_RUN) -> SubscriptionRecord:
        """The timer fires, so long after the last time; gives what Control then says."""
        if after:
            self.bench.clock.sleep(after.total_seconds())
        ensure_subscription(self.bench.services)
        return self.record

    @property
    def now(self) -> datetime:
        """The virtual time."""
        return self.bench.clock.now()

    @property
    def record(self) -> SubscriptionRecord:
        """What Control says."""
        return subscription_record.read(self.bench.services.control)[0]

    def health(self) -> SubscriptionHealth:
        """What the page says."""
        return subscription_record.health(self.record, self.now)

    def subscriptions(self) -> list[dict[str, Any]]:
        """The app registration's subscriptions at Graph."""
        every = self.bench.control.notifications()["subscriptions"]
        return [one for one in every if one["app"] == self.bench.client_id]

    def asked_for_sweep(self) -> str | None:
        """Why a sweep is asked for; clears it, as the sweep does."""
        wanted = sweep_wanted.read_and_clear(self.bench.services.control)
        return None if wanted is None else wanted.why

    def requests(self) -> list[str]:
        """What Graph was asked since the last time, by operation."""
        asked = [operation.removeprefix("graph.subscriptions.") for operation in self.bench.requests("graph")]
        self.bench.control.call("DELETE", "/requests")
        return asked

    def restart(self, **settings: str) -> None:
        """The app is restarted, with other settings if given."""
        self.bench.start_afresh(**settings)
        self.endpoint.restarted(self.bench.services)


@pytest.fixture(scope="session")
def lasting_tenant() -> Iterator[RunningTenant]:
    """A tenant that no other tests use, whose clock goes on by months; by days at once, lest records of today mix."""
    running = start()
    running.control.advance(timedelta(days=3).total_seconds())
    yield running
    stop(running)


@pytest.fixture
def kept(
    lasting_tenant: RunningTenant, azurite: Azurite, certificate: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kept]:
    """An app that has never run; at the end the tenant must have nothing to complain of."""
    tenant = lasting_tenant
    reach(tenant, monkeypatch)
    bench = _with_managed_identity(bench_on(tenant, azurite, certificate), monkeypatch)
    bench.clock._slept += datetime.fromisoformat(tenant.control.advance(0)) - bench.clock.now()
    _clean(bench)
    with public_endpoint(bench.services) as endpoint:
        for origin in (HERE, ELSEWHERE):
            tenant.control.route(origin, endpoint.url)
        yield Kept(bench, endpoint)
    complaints = [violation for violation in tenant.control.violations() if violation.get("app") == bench.client_id]
    tenant.control.clear_faults()
    tenant.control.clear_records()
    tenant.control.notifications(validateOnRenewal=False)
    _clean(bench)
    assert not complaints


def _with_managed_identity(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench signed in as an app in Azure is by default, which spends no time on signing with a key."""
    tenant = bench.tenant
    monkeypatch.setenv("IDENTITY_ENDPOINT", tenant.identity)
    monkeypatch.setenv("IDENTITY_HEADER", tenant.identity_header)
    identity = tenant.control.add_app(managed_identity=True, graph=GRAPH_ROLES)
    bench.client_id = identity["clientId"]
    bench.start_afresh(
        PHOTOSYNC_CREDENTIAL="managed_identity", PHOTOSYNC_MANAGED_IDENTITY_CLIENT_ID=identity["clientId"]
    )
    return bench


def _clean(bench: Bench) -> None:
    """Control without the rows that these tests look at: all tests share it."""
    bench.forget_what_instances_share()
    control = bench.services.control
    for prefix in (subscription_record.ROW, sweep_wanted.ROW, "lifecycle-"):
        for row in control.starting_with(prefix):
            control.remove(row.name)

"""The app in two forms: its parts in this process, in virtual time, and as processes that can be killed."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from azure.core.pipeline.transport import HttpTransport

from local_run.azurite import Azurite
from simulated_tenant.client import start_tenant
from tests.bench import bench_on, certificate, reach
from tests.certificates import KeyPair
from tests.reliability.running_app import RunningApp, running_app
from tests.reliability.scenes import PHOTOS, World
from tests.storage_proxy import StorageProxy
from tests.sync_trigger.public_endpoint import public_endpoint

__all__ = ["certificate"]


@pytest.fixture(scope="module")
def world(certificate: KeyPair) -> Iterator[World]:
    """One app for the whole matrix, in a tenant of its own whose clock goes on by weeks.

    Time is virtual for the app, for msal and for the storage libraries.
    """
    with (
        Azurite.start() as azurite,
        StorageProxy.start(azurite.ports) as proxy,
        start_tenant() as tenant,
        pytest.MonkeyPatch.context() as patch,
    ):
        reach(tenant, patch)
        bench = bench_on(tenant, azurite, certificate, AzureWebJobsStorage=proxy.connection_string)
        clock = bench.clock
        patch.setattr(HttpTransport, "sleep", lambda _, seconds: clock.sleep(seconds))
        patch.setattr(
            "msal.individual_cache.time", SimpleNamespace(time=lambda: time.time() + clock._slept.total_seconds())
        )
        bench.look(bench.person(PHOTOS[0]))  # the first photo of all makes the tables and finds the picture folder
        with public_endpoint(bench.services) as endpoint:
            tenant.control.notifications("off")
            tenant.control.route("https://photosync.contoso.example", endpoint.url)
            yield World(bench, proxy, endpoint, azurite.connection_string)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app as processes; at the end the tenant must have nothing to complain of."""
    with running_app(tmp_path_factory.mktemp("killed")) as running:
        yield running
        assert running.control.violations() == []

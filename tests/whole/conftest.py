"""The product's parts on real Storage and a running tenant."""

from collections.abc import Iterator

import pytest

from local_run.azurite import Azurite
from simulated_tenant.client import RunningTenant
from tests.bench import Bench, bench_on, certificate, reach
from tests.certificates import KeyPair
from tests.draining import own_tenant

__all__ = ["certificate", "own_bench", "own_tenant"]


@pytest.fixture
def own_bench(
    own_tenant: RunningTenant, azurite: Azurite, certificate: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """The product's parts in a tenant of their own, since a sweep looks at everybody."""
    reach(own_tenant, monkeypatch)
    own_tenant.control.reset()
    yield bench_on(own_tenant, azurite, certificate)
    own_tenant.control.reset()

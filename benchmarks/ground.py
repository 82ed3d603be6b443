"""What measurements stand on: real Storage and a simulated tenant, with the product's parts in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from local_run.azurite import Azurite
from simulated_tenant.client import start_tenant
from tests.bench import Bench, bench_on, reach
from tests.certificates import KeyPair, key_pair
from tests.draining import Drained


@dataclass(frozen=True)
class Ground:
    """An app in a tenant of its own."""

    bench: Bench
    """Its parts."""
    key: KeyPair
    """The certificate that it signs in with, for a second app."""
    azurite: Azurite

    def drained(self) -> Drained:
        """The same with queues of its own, worked off in virtual time."""
        return Drained(self.bench)


def latencies(milliseconds: float) -> dict[str, float]:
    """So long for each request to Graph or SharePoint; for a batch it is that of its items, side by side."""
    return {"graph": milliseconds, "graph.batch": 0.0, "sharepoint": milliseconds}


@contextmanager
def ground(**settings: str) -> Iterator[Ground]:
    """Real parts for the length of the context; at its end the tenant must have nothing to complain of."""
    with start_tenant() as tenant, Azurite.start() as azurite, pytest.MonkeyPatch.context() as patch:
        reach(tenant, patch)
        key = key_pair("benchmarks")
        yield Ground(bench_on(tenant, azurite, key, **settings), key, azurite)
        complaints = tenant.control.violations()
        assert not complaints, complaints[:3]  # noqa: S101 - what Microsoft would complain of spoils every number

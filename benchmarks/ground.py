"""What measurements stand on: real Storage and a simulated tenant, with the product's parts in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local_run.azurite import Azurite
from simulated_tenant.client import start_tenant
from tests.bench import Bench, bench_on, reach
from tests.certificates import KeyPair, key_pair
from tests.draining import Drained


@contextmanager
def bench(**settings: str) -> Iterator[Bench]:
    """The product's parts in a tenant of their own. Raises `AssertionError` when the tenant complains in the end."""
    with bench_and_key(**settings) as (built, _):
        yield built


@contextmanager
def bench_and_key(**settings: str) -> Iterator[tuple[Bench, KeyPair]]:
    """The same, with the certificate that its app signs in with, for a second app."""
    with start_tenant() as tenant, Azurite.start() as azurite, pytest.MonkeyPatch.context() as patch:
        reach(tenant, patch)
        key = key_pair("benchmarks")
        yield bench_on(tenant, azurite, key, **settings), key
        complaints = tenant.control.violations()
        assert not complaints, complaints[:3]  # noqa: S101 - what Microsoft would complain of spoils every number


@contextmanager
def drained(**settings: str) -> Iterator[Drained]:
    """The same with queues of its own, worked off in virtual time."""
    with bench(**settings) as built:
        yield Drained(built)

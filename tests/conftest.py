"""Real parts that many tests share."""

from collections.abc import Iterator

import pytest

from local_run.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azure Storage on this machine, in memory, one for all tests: use names of queues and tables of your own."""
    with Azurite.start() as running:
        yield running

"""Real parts that many tests share."""

from collections.abc import Iterator

import pytest

from local_run.azurite import Azurite

_LONGEST_FIRST = ("test_state_machine", "test_fault_matrix", "test_kills", "test_from_change_to_sharepoint")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules: two processes share the work by modules, and the last to begin ends last."""
    order = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azure Storage on this machine, in memory, one for all tests: use names of queues and tables of your own."""
    with Azurite.start() as running:
        yield running

"""What the tests of the local stack share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_run.azurite import Azurite
from tests.local_run.apps import ThrowAwayApp, throw_away_app


@pytest.fixture
def app(tmp_path: Path, azurite: Azurite) -> Iterator[ThrowAwayApp]:
    """A folder for an app of the test's own, with storage; hosts that it starts end with the test."""
    with throw_away_app(tmp_path, azurite) as made:
        yield made

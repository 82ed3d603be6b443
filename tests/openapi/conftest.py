"""The app as processes, one for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.openapi.surface import Surface, running_surface


@pytest.fixture(scope="module")
def surface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surface]:
    """The running app with people in it."""
    with running_surface(tmp_path_factory.mktemp("surface")) as running:
        yield running

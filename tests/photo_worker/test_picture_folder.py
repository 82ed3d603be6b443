"""The picture folder: discovered whatever its language, never guessed, created only when named."""

from collections.abc import Iterator

import pytest

from local_run.azurite import Azurite
from shared.words import Outcome
from simulated_tenant.client import RunningTenant, start, stop
from tests import pictures
from tests.bench import Bench, bench_on, reach
from tests.certificates import KeyPair

PHOTO = pictures.jpeg(320, 320, seed=3)
CYRILLIC = "Снимки на профила"


@pytest.fixture(scope="module")
def bulgarian_tenant() -> Iterator[RunningTenant]:
    """A tenant whose My Site host is in Bulgarian."""
    running = start("--domain", "фирма.example", "--language", "bg-BG", "--picture-folder", CYRILLIC)
    yield running
    stop(running)


@pytest.fixture
def bulgarian(
    bulgarian_tenant: RunningTenant, azurite: Azurite, certificate: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """The product's parts in the Bulgarian tenant."""
    reach(bulgarian_tenant, monkeypatch)
    built = bench_on(bulgarian_tenant, azurite, certificate)
    built.services.control.remove("picture-folder contoso-my.sharepoint.com")
    return built


def test_a_localised_folder_is_found_and_used(bulgarian: Bench) -> None:
    """The Cyrillic folder is discovered once, and names of any script come through."""
    first, second = (
        bulgarian.control.add_user(f"{name}@фирма.example", PHOTO, displayName=display)
        for name, display in (("иван.петров", "Иван Петров"), ("мария.иванова", "Мария Иванова"))
    )
    assert bulgarian.look(first) is Outcome.COPIED
    assert bulgarian.look(second) is Outcome.COPIED
    assert bulgarian.shows(first, PHOTO)
    assert bulgarian.shows(second, PHOTO)
    assert bulgarian.control.target(second)["files"]["M"]["path"] == f"/User Photos/{CYRILLIC}/{second}_MThumb.jpg"
    assert bulgarian.requests("sharepoint").count("sharepoint.folder.list") == 1
    assert bulgarian.row(first).upn == "иван.петров@фирма.example"
    assert not bulgarian.control.violations()


def test_a_folder_that_cannot_be_told_is_never_guessed(bulgarian: Bench) -> None:
    """With two candidates nothing is written, and the failure says which setting decides."""
    bulgarian.control.call("POST", "/sharepoint/library", {"pictureFolders": [CYRILLIC, "Profile Pictures"]})
    user = bulgarian.control.add_user("две.папки@фирма.example", PHOTO)
    assert bulgarian.look(user) is Outcome.FAILED
    row = bulgarian.row(user)
    assert row.error_code == "PictureFolderUnclear"
    assert CYRILLIC in (row.error_detail or "")
    bulgarian.start_afresh(PHOTOSYNC_PICTURE_FOLDER=CYRILLIC)
    assert bulgarian.look(user) is Outcome.COPIED


def test_a_named_folder_is_created_when_it_is_missing(bulgarian: Bench) -> None:
    """A new tenant in which nobody ever uploaded a photo: the named folder is made, once."""
    bulgarian.control.call("POST", "/sharepoint/library", {"pictureFolders": []})
    user = bulgarian.control.add_user("първи@фирма.example", PHOTO)
    assert bulgarian.look(user) is Outcome.FAILED
    bulgarian.start_afresh(PHOTOSYNC_PICTURE_FOLDER="Фото № 1 & Co")
    assert bulgarian.look(user) is Outcome.COPIED
    assert bulgarian.look(user, force=True) is Outcome.COPIED
    assert bulgarian.shows(user, PHOTO)
    assert bulgarian.requests("sharepoint").count("sharepoint.folder.add") == 1


def test_a_folder_that_was_renamed_is_found_again(bulgarian: Bench) -> None:
    """The remembered folder is gone: it is looked for anew, within the same attempt."""
    bulgarian.control.call("POST", "/sharepoint/library", {"pictureFolders": [CYRILLIC]})
    user = bulgarian.control.add_user("преименувана@фирма.example", PHOTO)
    assert bulgarian.look(user) is Outcome.COPIED
    bulgarian.control.call("POST", "/sharepoint/library", {"pictureFolders": ["Профилни снимки"]})
    assert bulgarian.look(user, force=True) is Outcome.COPIED
    assert bulgarian.control.target(user)["files"]["M"]["path"].startswith("/User Photos/Профилни снимки/")

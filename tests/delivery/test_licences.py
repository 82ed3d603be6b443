"""The licences of what is deployed."""

from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

import pytest

from local_run import licences

FIT = {"Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0"}


def test_the_list_of_licences_is_as_the_packages_say() -> None:
    """docs/licences.md names every deployed package with the version and the licence that it has now."""
    assert licences.DOCUMENT.read_text("utf-8") == licences.document(), "run `make licences`"


@pytest.mark.parametrize(("name", "version"), list(licences.deployed()))
def test_every_licence_is_one_that_was_found_fit(name: str, version: str) -> None:
    """A package says which licence it has, in the version that is deployed, and it is one that we looked at."""
    about = metadata(name)
    assert about["Version"] == version, "the development environment is not the pinned one: run `make setup`"
    assert set(licences.licence_of(about).split(" OR ")) <= FIT


def test_a_licence_that_is_not_stated_is_not_guessed() -> None:
    """Nothing said, two things said, or a whole text in the field: no licence, so that somebody looks."""

    class About(dict[str, str]):
        def get_all(self, _name: str, _default: object = None) -> list[str]:
            return [word for word in self.get("classifiers", "").split(";") if word]

    def read(**fields: str) -> str:
        about: PackageMetadata = About(fields)  # type: ignore[assignment] # only get and get_all are used
        return licences.licence_of(about)

    assert read() == ""
    assert read(License="Copyright (c) 2021, somebody. Redistribution …") == ""
    both = "License :: OSI Approved :: MIT License;License :: OSI Approved :: BSD License"
    assert read(classifiers=both) == ""
    assert read(classifiers=both.partition(";")[0]) == "MIT"
    assert read(**{"License-Expression": "GPL-3.0-only"}) == "GPL-3.0-only"


def test_an_unpinned_requirement_is_refused(tmp_path: Path) -> None:
    """A line without one exact version stops the list."""
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("requests==2.34.2\nflask>=3\n")
    with pytest.raises(ValueError, match="flask>=3"):
        list(licences.deployed(requirements))

"""A photo that is gone: cleared after two looks, never for many people at once without a person."""

import pytest

from shared import safety_stop
from shared.removals import ALWAYS_ALLOWED, allowance
from shared.words import Outcome, UserState
from tests import pictures
from tests.bench import Bench

PHOTO = pictures.jpeg(300, 300, seed=6)
AN_HOUR = 3600


def copied(bench: Bench) -> str:
    """A person whose photo is in SharePoint."""
    user = bench.person(PHOTO)
    assert bench.look(user) is Outcome.COPIED
    return user


def test_a_removed_photo_is_cleared_after_two_looks_an_hour_apart(bench: Bench) -> None:
    """The first look writes it down, the second clears: placeholder, no URL, files in the recycle bin."""
    user = copied(bench)
    paths = [file["path"] for file in bench.control.target(user)["files"].values()]
    bench.control.delete_photo(user)
    assert bench.look(user) is Outcome.NO_PHOTO
    assert bench.shows(user, PHOTO)
    bench.clock.sleep(AN_HOUR)
    assert bench.look(user) is Outcome.CLEARED
    target = bench.control.target(user)
    assert target["pictureUrl"] is None
    assert target["properties"]["SPS-PicturePlaceholderState"] == "1"
    assert target["properties"]["PictureURL"] == ""
    assert len(paths) == 3
    row = bench.row(user)
    assert (row.state, row.picture_url, row.source_etag) == (UserState.NO_PHOTO, None, None)
    bench.control.clear_records()
    assert bench.look(user) is Outcome.NO_PHOTO
    assert bench.requests("sharepoint") == []


def test_a_photo_that_comes_back_is_copied_again(bench: Bench) -> None:
    """After the clearing even the very same bytes are a new copy."""
    user = copied(bench)
    bench.control.delete_photo(user)
    bench.look(user)
    bench.clock.sleep(AN_HOUR)
    bench.look(user)
    bench.control.put_photo(user, PHOTO)
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, PHOTO)


def test_a_passing_no_photo_does_no_harm(bench: Bench) -> None:
    """The photo is back before the hour is over: the clock starts anew the next time."""
    user = copied(bench)
    bench.control.delete_photo(user)
    assert bench.look(user) is Outcome.NO_PHOTO
    bench.control.put_photo(user, PHOTO)
    assert bench.look(user) is Outcome.SAME_BYTES
    bench.clock.sleep(AN_HOUR)
    bench.control.delete_photo(user)
    assert bench.look(user) is Outcome.NO_PHOTO
    assert bench.shows(user, PHOTO)


def test_the_settings_may_keep_the_picture(bench: Bench) -> None:
    """With `keep` SharePoint goes on showing it."""
    bench.start_afresh(PHOTOSYNC_REMOVED_PHOTO="keep")
    user = copied(bench)
    bench.control.delete_photo(user)
    bench.look(user)
    bench.clock.sleep(AN_HOUR)
    assert bench.look(user) is Outcome.NO_PHOTO
    assert bench.shows(user, PHOTO)


def test_a_clearing_that_was_broken_off_is_finished(bench: Bench) -> None:
    """SharePoint fails between the properties and the files: the next look clears the rest."""
    user = copied(bench)
    bench.control.delete_photo(user)
    bench.look(user)
    bench.clock.sleep(AN_HOUR)
    bench.control.fault("sharepoint.file.recycle", "ok", *["503"] * 3)
    assert bench.look(user) is Outcome.DEFERRED
    assert bench.look(user) is Outcome.CLEARED
    assert bench.control.target(user)["pictureUrl"] is None


def test_mass_loss_stops_the_clearing_until_a_person_lifts_it(bench: Bench) -> None:
    """Eleven photos are gone at once in a small tenant: ten are cleared, then nothing, until somebody has looked."""
    users = [copied(bench) for _ in range(ALWAYS_ALLOWED + 2)]
    for user in users:
        bench.control.delete_photo(user)
        assert bench.look(user) is Outcome.NO_PHOTO
    bench.clock.sleep(AN_HOUR)
    outcomes = [bench.look(user) for user in users]
    assert outcomes == [Outcome.CLEARED] * ALWAYS_ALLOWED + [Outcome.NO_PHOTO] * 2
    held_back = bench.row(users[-1])
    assert (held_back.state, held_back.error_code) == (UserState.NO_PHOTO, "RemovalsStopped")
    assert bench.shows(users[-1], PHOTO)
    assert safety_stop.is_set(bench.services.control)

    assert safety_stop.lift(bench.services.control, bench.clock.now())
    assert [bench.look(user) for user in users[-2:]] == [Outcome.CLEARED] * 2
    assert bench.row(users[-1]).error_code is None


@pytest.mark.parametrize(("users", "percent", "allowed"), [(0, 5, 10), (100, 5, 10), (1000, 5, 50), (1000, 0, 10)])
def test_the_allowance_grows_with_the_tenant(users: int, percent: int, allowed: int) -> None:
    """A share of the users, but always a few."""
    assert allowance(users, percent) == allowed

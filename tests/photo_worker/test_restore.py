"""Undo: what was there before the app's first write is kept, and put back when an administrator asks."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photo_worker.earlier_picture import EXCHANGE, STATE, TIMESTAMP, URL, OwnNames, Picture, keep, must_read
from photo_worker.restore_plan import Course, course, plan_restore
from shared.picture_names import Hosts, account_name, picture_paths
from shared.sharepoint import SharePoint
from shared.status import StatusRow
from shared.words import Action, Outcome, PhotoEvent, Reason, UserState
from tests import pictures
from tests.bench import Bench

PHOTO, NEWER = pictures.jpeg(300, 300, seed=81), pictures.jpeg(300, 300, seed=82)
HOSTS = Hosts("contoso-my.sharepoint.com", "contoso-admin.sharepoint.com")
FOLDER = f"https://{HOSTS.my}/User%20Photos/Profile%20Pictures"
EARLIER = {URL: f"{FOLDER}/by_hand_MThumb.jpg", STATE: "0", TIMESTAMP: "63605901091", EXCHANGE: "1"}
NAMES = (URL, STATE, TIMESTAMP, EXCHANGE)


def sharepoint(bench: Bench) -> SharePoint:
    """SharePoint as somebody else uses it."""
    return SharePoint(bench.services.caller(), HOSTS)


def set_by_hand(bench: Bench, user: str, **properties: str) -> None:
    """Somebody else sets picture properties of the user."""
    account = account_name(bench.control.user(user)["userPrincipalName"])
    sharepoint(bench).set_properties(account, properties)


def shown(bench: Bench, user: str) -> dict[str, str]:
    """The four properties that SharePoint has."""
    properties = bench.control.target(user)["properties"]
    return {name: properties.get(name, "") for name in NAMES}


def restore(bench: Bench, user: str, **event: Any) -> Outcome:
    """An administrator asks for a restore, and the worker does it."""
    fields: dict[str, Any] = {
        "reason": Reason.MANUAL,
        "action": Action.RESTORE,
        "noticed_at": bench.clock.now(),
    } | event
    return bench.worker.handle(PhotoEvent(user_id=user, **fields))


def copy_by_name(bench: Bench, user: str, **event: Any) -> Outcome:
    """An administrator asks for a copy of this very person."""
    fields: dict[str, Any] = {"reason": Reason.MANUAL, "lift": True, "noticed_at": bench.clock.now()} | event
    return bench.worker.handle(PhotoEvent(user_id=user, **fields))


def own_files(bench: Bench, url: str) -> list[bool]:
    """Whether each of the three files of this address is there."""
    return [sharepoint(bench).read_file(path) is not None for path in picture_paths(url)]


def person(bench: Bench, **properties: str) -> str:
    """Somebody with a photo in Microsoft 365, and an earlier picture in SharePoint."""
    user = bench.person(PHOTO)
    set_by_hand(bench, user, **(properties or EARLIER))
    return user


def copied(bench: Bench, **properties: str) -> str:
    """The same, and the app has copied the photo."""
    user = person(bench, **properties)
    assert bench.look(user) is Outcome.COPIED
    return user


def test_what_was_there_before_is_put_back(bench: Bench) -> None:
    """All four properties are as they were, the app's three files are gone, and nobody else's file is."""
    user = person(bench)
    untouched = sharepoint(bench)
    bench.look(bench.person(PHOTO))  # so that the picture folder is there
    untouched.upload("Profile Pictures", "by_hand_MThumb.jpg", PHOTO)
    assert bench.look(user) is Outcome.COPIED
    url = bench.row(user).picture_url or ""
    assert shown(bench, user)[URL] == url
    assert own_files(bench, url) == [True] * 3
    bench.control.clear_records()
    assert restore(bench, user) is Outcome.RESTORED
    assert bench.requests("graph") == ["graph.batch"]
    assert sorted(bench.requests("sharepoint")) == [
        *["sharepoint.file.recycle"] * 3,
        "sharepoint.process_query",
        "sharepoint.profile.get",
    ]
    assert shown(bench, user) == EARLIER
    assert own_files(bench, url) == [False] * 3
    assert own_files(bench, EARLIER[URL])[1]
    row = bench.row(user)
    assert (row.state, row.picture_url, row.source_etag) == (UserState.OUT_OF_SCOPE, None, None)
    assert row.error_detail == row.left_alone


def test_what_was_there_before_is_on_record(bench: Bench) -> None:
    """In the status row for good, and in the history beside the attempt that read it; a later copy reads nothing."""
    user = copied(bench)
    bench.control.put_photo(user, NEWER)
    assert bench.look(user) is Outcome.COPIED
    row = bench.row(user)
    assert (row.before_picture_url, row.before_timestamp) == (EARLIER[URL], EARLIER[TIMESTAMP])
    assert (row.before_placeholder_state, row.before_exchange_sync_state) == ("0", "1")
    second, first = bench.services.history.of(user)
    assert first.before_picture_url == EARLIER[URL]
    assert second.before_picture_url is None


def test_who_had_no_picture_has_none_again(bench: Bench) -> None:
    """A profile as SharePoint makes it: the placeholder is back."""
    user = bench.person(PHOTO)
    before = shown(bench, user)
    assert before[URL] == ""
    bench.look(user)
    assert restore(bench, user) is Outcome.RESTORED
    assert shown(bench, user) == before
    assert bench.control.target(user)["pictureUrl"] is None


def test_nobody_undoes_the_undoing(bench: Bench) -> None:
    """No notification, no new photo and no sweep's event writes to SharePoint again; no request is made for it."""
    user = copied(bench)
    restore(bench, user)
    bench.control.put_photo(user, NEWER)
    bench.control.clear_records()
    assert bench.look(user) is Outcome.OUT_OF_SCOPE
    assert bench.worker.handle(PhotoEvent(user_id=user, reason=Reason.SWEEP)) is Outcome.OUT_OF_SCOPE
    assert (bench.requests("graph"), bench.requests("sharepoint")) == ([], [])
    assert shown(bench, user) == EARLIER


def test_a_copy_asked_for_by_name_lifts_it(bench: Bench) -> None:
    """Then the person is in step again like everybody, and what was there is read anew, for the next restore."""
    user = copied(bench)
    restore(bench, user)
    other = EARLIER | {URL: f"{FOLDER}/another_MThumb.jpg"}
    set_by_hand(bench, user, **other)
    assert copy_by_name(bench, user) is Outcome.COPIED
    assert bench.shows(user, PHOTO)
    bench.control.put_photo(user, NEWER)
    assert bench.look(user) is Outcome.COPIED
    assert restore(bench, user) is Outcome.RESTORED
    assert shown(bench, user) == other


def test_of_two_wishes_the_later_counts(bench: Bench) -> None:
    """Whatever order their messages come in: an old copy does not undo a restore, nor an old restore a copy."""
    user = copied(bench)
    earlier = bench.clock.now()
    bench.clock.sleep(5)
    assert restore(bench, user) is Outcome.RESTORED
    assert copy_by_name(bench, user, noticed_at=earlier) is Outcome.OUT_OF_SCOPE
    assert shown(bench, user) == EARLIER
    bench.clock.sleep(5)
    assert copy_by_name(bench, user) is Outcome.COPIED
    assert restore(bench, user, noticed_at=earlier) is Outcome.KEPT
    assert bench.shows(user, PHOTO)


def test_what_somebody_else_has_set_since_stays(bench: Bench) -> None:
    """The restore says `kept`, removes only the app's files, and leaves the person alone from then on."""
    user = copied(bench)
    url = bench.row(user).picture_url or ""
    set_by_hand(bench, user, **{URL: f"{FOLDER}/mine_MThumb.jpg"})
    theirs = shown(bench, user)
    assert restore(bench, user) is Outcome.KEPT
    assert shown(bench, user) == theirs
    assert own_files(bench, url) == [False] * 3
    assert bench.look(user) is Outcome.OUT_OF_SCOPE


def test_files_that_another_address_leads_to_stay(bench: Bench) -> None:
    """SharePoint's own service names files as the app does: then the earlier address needs them."""
    user = bench.person(PHOTO)
    native = f"https://{HOSTS.my}:443/User%20Photos/Profile%20Pictures/{user}_MThumb.jpg"
    set_by_hand(bench, user, **(EARLIER | {URL: native}))
    bench.look(user)
    url = bench.row(user).picture_url or ""
    assert restore(bench, user) is Outcome.RESTORED
    assert shown(bench, user) == EARLIER | {URL: native}
    assert own_files(bench, url) == [True] * 3


def test_twice_is_once(bench: Bench) -> None:
    """A redelivered restore says the same and writes no property."""
    user = copied(bench)
    asked = bench.clock.now()
    assert restore(bench, user, noticed_at=asked) is Outcome.RESTORED
    bench.control.clear_records()
    assert restore(bench, user, noticed_at=asked) is Outcome.RESTORED
    assert "sharepoint.process_query" not in bench.requests("sharepoint")


def test_who_was_never_written_has_nothing_to_put_back(bench: Bench) -> None:
    """No request is made; but they are left alone, since that is what was asked."""
    user = bench.person(PHOTO)
    bench.control.clear_records()
    assert restore(bench, user) is Outcome.NEVER_WRITTEN
    assert bench.look(user) is Outcome.OUT_OF_SCOPE
    assert (bench.requests("graph"), bench.requests("sharepoint")) == ([], [])


@pytest.mark.parametrize("lost", ["columns", "row"])
def test_what_nobody_knows_is_not_made_up(bench: Bench, lost: str) -> None:
    """A row of an older version, or a lost table: the app's own picture is not taken for an earlier one."""
    user = copied(bench)
    seen = bench.services.status.get(user)
    assert seen is not None
    if lost == "columns":
        bench.services.status.replace(replace(seen.row, before_at=None, before_picture_url=None), seen.etag)
    else:
        bench.services.storage.table("PhotoStatus").delete_entity(user[:2], user)
        assert bench.look(user) is Outcome.COPIED
    stood = bench.row(user)
    assert restore(bench, user) is Outcome.FAILED
    assert bench.row(user) == replace(stood, lease_owner=None, lease_until=None)
    assert bench.services.history.of(user)[0].error_code == "EarlierNotKnown"
    assert bench.shows(user, PHOTO)
    assert restore(bench, user, or_clear=True) is Outcome.RESTORED
    assert bench.control.target(user)["pictureUrl"] is None
    assert own_files(bench, stood.picture_url or "") == [False] * 3


def test_a_cleared_picture_is_restored_too(bench: Bench) -> None:
    """The photo was gone and the app cleared the target: what was there before the app is back."""
    user = copied(bench)
    bench.control.delete_photo(user)
    bench.look(user)
    bench.clock.sleep(3700)
    assert bench.look(user) is Outcome.CLEARED
    assert restore(bench, user) is Outcome.RESTORED
    assert shown(bench, user) == EARLIER


def test_the_exchange_state_is_put_back_only_if_the_app_wrote_it(bench: Bench) -> None:
    """With the setting it is; otherwise whoever has changed it since keeps their word."""
    bench.start_afresh(PHOTOSYNC_EXCHANGE_SYNC_STATE="0")
    user = copied(bench)
    other = copied(bench)
    assert shown(bench, user)[EXCHANGE] == "0"
    bench.start_afresh(PHOTOSYNC_EXCHANGE_SYNC_STATE="leave")
    assert restore(bench, user) is Outcome.RESTORED
    assert shown(bench, user) == EARLIER
    set_by_hand(bench, other, **{EXCHANGE: "2"})
    assert restore(bench, other) is Outcome.RESTORED
    assert shown(bench, other) == EARLIER | {EXCHANGE: "2"}
    user = copied(bench)
    set_by_hand(bench, user, **{EXCHANGE: "0"})
    assert restore(bench, user) is Outcome.RESTORED
    assert shown(bench, user) == EARLIER | {EXCHANGE: "0"}


def test_a_renamed_person_is_restored_by_the_new_name(bench: Bench) -> None:
    """The account is looked up; the files are found by what was recorded."""
    user = copied(bench)
    bench.control.change_user(user, userPrincipalName=f"renamed.{uuid4().hex[:8]}@contoso.com")
    assert restore(bench, user) is Outcome.RESTORED
    assert shown(bench, user) == EARLIER


def test_without_a_profile_nothing_is_uploaded(bench: Bench) -> None:
    """Who has no profile in SharePoint yet is put off before the first upload, and nothing counts as earlier."""
    user = bench.person(PHOTO, hasProfile=False)
    bench.control.clear_records()
    assert bench.look(user) is Outcome.DEFERRED
    assert bench.requests("sharepoint") == ["sharepoint.profile.get"]
    row = bench.row(user)
    assert (row.error_code, row.before_at, row.picture_timestamp) == ("NoTargetProfile", None, None)
    bench.control.change_user(user, hasProfile=True)
    assert bench.look(user) is Outcome.COPIED


def test_a_dry_run_tells_and_writes_nothing(bench: Bench) -> None:
    """It looks at SharePoint, so that it can tell who would be kept."""
    user, other, never = copied(bench), copied(bench), bench.person(PHOTO)
    set_by_hand(bench, other, **{URL: f"{FOLDER}/mine_MThumb.jpg"})
    before = bench.row(user), shown(bench, user)
    assert restore(bench, user, dry_run=True) is Outcome.WOULD_RESTORE
    assert restore(bench, other, dry_run=True) is Outcome.KEPT
    assert restore(bench, never, dry_run=True) is Outcome.NEVER_WRITTEN
    assert (bench.row(user), shown(bench, user)) == before


def test_a_restore_that_was_put_off_is_finished_by_whoever_looks_next(bench: Bench) -> None:
    """SharePoint fails between the properties and the files: even a notification goes on with it, not with a copy."""
    user = copied(bench)
    url = bench.row(user).picture_url or ""
    bench.control.fault("sharepoint.file.recycle", "ok", *["503"] * 3)
    assert restore(bench, user) is Outcome.DEFERRED
    assert bench.look(user) is Outcome.RESTORED
    assert shown(bench, user) == EARLIER
    assert own_files(bench, url) == [False] * 3
    assert bench.look(user) is Outcome.OUT_OF_SCOPE


def test_a_late_write_over_a_restore_is_undone(bench: Bench) -> None:
    """Who has lost the lease asks for a forced look: what lies over the restore goes, and no copy is made."""
    user = copied(bench)
    url = bench.row(user).picture_url or ""
    assert restore(bench, user) is Outcome.RESTORED
    set_by_hand(bench, user, **{URL: url, STATE: "0", TIMESTAMP: bench.row(user).picture_timestamp or ""})
    assert bench.look(user, force=True) is Outcome.RESTORED
    assert shown(bench, user) == EARLIER


# The rules, without anything around them.

USER = "0f8fad5b-d9cb-469f-a165-70867728950e"
OWN = OwnNames(HOSTS, USER)
OURS = f"{FOLDER}/{USER}_MThumb.jpg"
NOON = datetime.fromisoformat("2026-11-22T12:00:00Z")
urls = st.sampled_from(["", OURS, OURS.replace(".com/", ".com:443/"), EARLIER[URL], f"{FOLDER}/mine_MThumb.jpg"])
texts = st.sampled_from(["", "0", "1", "63605901091", "63900000000"])
some_pictures = st.builds(Picture, urls, st.sampled_from(["", "0", "1"]), texts, st.sampled_from(["", "0", "1"]))
rows = st.builds(
    StatusRow,
    st.just(USER),
    st.sampled_from(UserState),
    picture_url=st.sampled_from([None, OURS]),
    picture_timestamp=st.sampled_from([None, "63900000000"]),
    exchange_sync_state=st.sampled_from([None, "0", "1"]),
    left_alone=st.sampled_from([None, "restored"]),
    wish_at=st.sampled_from([None, NOON]),
)


@given(rows, some_pictures)
def test_our_own_picture_is_never_kept_as_earlier(row: StatusRow, present: Picture) -> None:
    """Whatever else the row and SharePoint say."""
    kept = keep(row, present, OWN, NOON)
    assert kept.get("before_picture_url") != OURS
    assert not must_read(replace(row, picture_timestamp="63900000000", restored_at=None), HOSTS)


@given(rows, some_pictures, some_pictures, st.sampled_from([None, OURS]))
def test_a_restore_ends_as_it_was_or_leaves_what_is_there(
    row: StatusRow, before: Picture, present: Picture, written: str | None
) -> None:
    """Somebody else's address is never written over, and no file that SharePoint points to in the end is removed."""
    plan = plan_restore(row, before, present, OWN, written)
    after = {URL: present.url, STATE: present.state, TIMESTAMP: present.timestamp} | plan.properties
    if plan.kept:
        assert plan.properties == {}
    else:
        assert after[URL] == before.url
    if present.url == f"{FOLDER}/mine_MThumb.jpg" != before.url:
        assert plan.kept
    if after[URL].startswith("https") and after[URL].replace(":443", "") == OURS:
        assert plan.files == ()


@given(rows, some_pictures, some_pictures, st.booleans(), st.integers(0, 4))
def test_a_restore_that_was_cut_short_is_known_again(
    row: StatusRow, before: Picture, present: Picture, stamped: bool, done: int
) -> None:
    """Whichever of the properties were set before SharePoint failed, the next try sets the others, and no more."""
    row = replace(row, picture_timestamp="63900000001")
    before = replace(before, url=before.url.replace(OURS, ""))
    # The app sets the URL first and the timestamp last, so a broken copy has one without the other.
    present = replace(present, timestamp="63900000001" if stamped else before.timestamp)
    first = list(plan_restore(row, before, present, OWN, OURS).properties.items())
    now = {URL: present.url, STATE: present.state, TIMESTAMP: present.timestamp, EXCHANGE: present.exchange}
    second = plan_restore(row, before, Picture.of(now | dict(first[:done])), OWN, OURS)
    assert list(second.properties.items()) == first[done:]


@given(rows, st.booleans(), st.booleans(), st.sampled_from(Action), st.sampled_from([-1, 0, 1]))
def test_only_a_later_wish_lifts_a_restore(row: StatusRow, lift: bool, force: bool, action: Action, hours: int) -> None:
    """Nothing but a copy that a person asked for by name, later than the restore, copies whom a restore left alone."""
    event = PhotoEvent(
        user_id=USER,
        reason=Reason.MANUAL,
        action=action,
        lift=lift,
        force=force,
        noticed_at=NOON + timedelta(hours=hours),
    )
    found = course(event, row)
    if row.left_alone is not None and found is Course.COPY:
        assert lift
        assert row.wish_at is None or hours > 0
    if action is Action.RESTORE:
        assert found in {Course.RESTORE, Course.PASS_OVER}
    elif row.left_alone is None:
        assert found is Course.COPY

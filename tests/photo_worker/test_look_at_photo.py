"""One photo from Graph to SharePoint, over real HTTP and real Storage."""

from datetime import timedelta

import pytest

from shared.words import Outcome, Reason, UserState
from tests import pictures
from tests.bench import Bench

OLD = pictures.jpeg(400, 300, seed=1)
NEW = pictures.jpeg(300, 400, seed=2)


def test_a_changed_photo_costs_six_requests_and_an_unchanged_one_one(bench: Bench) -> None:
    """Two Graph and four SharePoint requests, of which one for all properties; unchanged: one Graph request.

    The first copy of each person reads what was there before: one request more, once.
    """
    bench.look(bench.person(OLD))  # the first photo of all also finds the picture folder
    user = bench.person(OLD)
    bench.control.clear_records()
    copy = ["sharepoint.file.add"] * 3 + ["sharepoint.process_query"]
    assert bench.look(user) is Outcome.COPIED
    assert bench.requests("graph") == ["graph.batch", "graph.photo.value"]
    assert bench.requests("sharepoint") == ["sharepoint.profile.get", *copy]
    bench.control.put_photo(user, NEW)
    bench.control.clear_records()
    assert bench.look(user) is Outcome.COPIED
    assert bench.requests("graph") == ["graph.batch", "graph.photo.value"]
    assert bench.requests("sharepoint") == copy
    bench.control.clear_records()
    assert bench.look(user) is Outcome.UNCHANGED
    assert bench.requests("graph") == ["graph.batch"]
    assert bench.requests("sharepoint") == []


def test_sharepoint_shows_the_photo_that_graph_serves(bench: Bench) -> None:
    """After a change the three pictures are made from the new photo, and the properties point at them."""
    user = bench.person(OLD, displayName="Зорница О'Нийл & Co. <#%>")
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, OLD)
    first = bench.control.target(user)
    bench.control.put_photo(user, NEW)
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, NEW)
    second = bench.control.target(user)
    assert second["pictureUrl"].split("?")[0] == first["pictureUrl"].split("?")[0]
    assert second["properties"]["SPS-PictureTimestamp"] > first["properties"]["SPS-PictureTimestamp"]
    row = bench.row(user)
    assert (row.state, row.display_name) == (UserState.IN_STEP, "Зорница О'Нийл & Co. <#%>")
    assert [attempt.outcome for attempt in bench.services.history.of(user)] == [Outcome.COPIED, Outcome.COPIED]


def test_a_new_version_with_the_same_bytes_writes_nothing(bench: Bench) -> None:
    """Version noise changes the record only."""
    user = bench.person(OLD)
    bench.look(user)
    bench.control.change_etag(user)
    bench.control.clear_records()
    assert bench.look(user) is Outcome.SAME_BYTES
    assert bench.requests("sharepoint") == []
    assert bench.look(user) is Outcome.UNCHANGED


@pytest.mark.parametrize("shape", ["1x1", "404"])
def test_no_photo_has_two_shapes(bench: Bench, shape: str) -> None:
    """A person without a photo is recorded as such, whichever way Graph says so; a photo ends it."""
    user = bench.person(noPhotoShape=shape)
    assert bench.look(user) is Outcome.NO_PHOTO
    assert bench.row(user).state is UserState.NO_PHOTO
    assert bench.row(user).no_photo_since is not None
    assert bench.requests("sharepoint") == []
    bench.control.put_photo(user, NEW)
    assert bench.look(user) is Outcome.COPIED
    assert bench.row(user).no_photo_since is None


def test_who_is_out_of_scope_is_left_alone(bench: Bench) -> None:
    """Guests and disabled accounts are left alone unless the settings include them; deleted ones always."""
    guest, disabled = bench.person(OLD, userType="Guest"), bench.person(OLD, accountEnabled=False)
    gone = bench.person(OLD)
    bench.control.delete_user(gone)
    for user in (guest, disabled, gone):
        assert bench.look(user) is Outcome.OUT_OF_SCOPE
        assert bench.row(user).state is UserState.OUT_OF_SCOPE
    assert bench.row(gone).error_code == "UserNotFound"
    bench.start_afresh(PHOTOSYNC_INCLUDE_GUESTS="true", PHOTOSYNC_INCLUDE_DISABLED="true")
    assert bench.look(guest) is Outcome.COPIED
    assert bench.look(disabled) is Outcome.COPIED
    assert bench.look(gone) is Outcome.OUT_OF_SCOPE


def test_a_photo_that_is_no_picture_is_refused_once(bench: Bench) -> None:
    """It fails with a remedy, is not downloaded again, and a better photo mends it."""
    user = bench.person(b"this is not a picture, whatever is announced")
    assert bench.look(user) is Outcome.FAILED
    row = bench.row(user)
    assert (row.state, row.error_code) == (UserState.FAILED, "PhotoRefused")
    bench.control.clear_records()
    assert bench.look(user) is Outcome.FAILED
    assert bench.requests("graph") == ["graph.batch"]
    bench.control.put_photo(user, NEW)
    assert bench.look(user) is Outcome.COPIED
    assert (bench.row(user).error_code, bench.row(user).refused_etag) == (None, None)


def test_a_photo_beyond_the_bound_is_refused(bench: Bench) -> None:
    """The download ends at the bound."""
    bench.start_afresh(PHOTOSYNC_MAX_PHOTO_MEGABYTES="1")
    user = bench.person(OLD + b"\0" * 1_100_000)
    assert bench.look(user) is Outcome.FAILED
    assert bench.row(user).error_code == "PhotoRefused"


def test_a_short_wait_is_slept_and_a_long_one_deferred(bench: Bench) -> None:
    """Two seconds are waited for; two minutes put the event back, and nobody calls before they are over."""
    user = bench.person(OLD)
    bench.control.fault("sharepoint.file.add", "429:Retry-After=2")
    assert bench.look(user) is Outcome.COPIED
    assert any(1 < slept <= 2 for slept in bench.clock.sleeps)

    bench.control.put_photo(user, NEW)
    bench.control.fault("sharepoint.file.add", "429:Retry-After=120")
    before = bench.waiting()
    assert bench.look(user) is Outcome.DEFERRED
    row = bench.row(user)
    assert (row.state, row.error_code, row.attempts) == (UserState.DEFERRED, "TooManyRequests", 0)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at - bench.clock.now() > timedelta(seconds=115)
    assert bench.waiting() == before + 1

    bench.control.clear_records()
    other = bench.person(OLD)
    assert bench.look(other) is Outcome.DEFERRED
    assert bench.requests("sharepoint") == []

    bench.clock.sleep(125)
    assert bench.look(other) is Outcome.COPIED
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, NEW)
    assert bench.control.faults()["completed"]


def test_throttling_inside_a_batch_is_obeyed(bench: Bench) -> None:
    """A 429 of one request in a batch closes Graph's gate as one of a whole request does."""
    user = bench.person(OLD)
    bench.control.fault("graph.photo.metadata", "429:Retry-After=60", user=user)
    assert bench.look(user) is Outcome.DEFERRED
    bench.control.clear_records()
    assert bench.look(user) is Outcome.DEFERRED
    assert bench.requests("graph") == []
    bench.clock.sleep(61)
    assert bench.look(user) is Outcome.COPIED


@pytest.mark.parametrize(
    "operation", ["graph.batch", "graph.photo.value", "sharepoint.file.add", "sharepoint.process_query"]
)
@pytest.mark.parametrize("fault", ["503", "500", "reset", "cut"])
def test_a_passing_fault_is_outlived(bench: Bench, operation: str, fault: str) -> None:
    """One failed answer of any kind is tried again at once, within the same attempt."""
    user = bench.person(OLD)
    bench.control.fault(operation, fault)
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, OLD)
    assert bench.control.faults()["completed"]


def test_a_lasting_fault_defers_and_then_fails(bench: Bench) -> None:
    """An outage is tried again at growing intervals, and ends as failed after the setting's number of attempts."""
    bench.start_afresh(PHOTOSYNC_MAX_ATTEMPTS="3")
    user = bench.person(OLD)
    bench.control.fault("sharepoint.process_query", *["503"] * 9)
    outcomes = [bench.look(user) for _ in range(3)]
    assert outcomes == [Outcome.DEFERRED, Outcome.DEFERRED, Outcome.FAILED]
    row = bench.row(user)
    assert (row.state, row.error_code, row.attempts) == (UserState.FAILED, "ServiceUnavailable", 3)
    assert row.error_request_id
    assert bench.look(user) is Outcome.COPIED
    assert bench.row(user).attempts == 0


def test_a_copy_that_was_broken_off_is_made_anew(bench: Bench) -> None:
    """The agreed photo is back, but half of another one lies in SharePoint: all three are copied anew."""
    user = bench.person(OLD)
    bench.look(user)
    bench.control.put_photo(user, NEW)
    bench.control.fault("sharepoint.file.add", "ok", "ok", *["503"] * 3)
    assert bench.look(user) is Outcome.DEFERRED
    bench.control.put_photo(user, OLD)
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, OLD)


def test_no_profile_yet_is_waited_for(bench: Bench) -> None:
    """SharePoint has no profile for a new user: deferred for a good while, then copied."""
    user = bench.person(OLD, hasProfile=False)
    assert bench.look(user) is Outcome.DEFERRED
    row = bench.row(user)
    assert row.error_code == "NoTargetProfile"
    assert row.next_attempt_at is not None
    assert row.next_attempt_at - bench.clock.now() > timedelta(minutes=25)
    bench.control.change_user(user, hasProfile=True)
    assert bench.look(user) is Outcome.COPIED


@pytest.mark.parametrize(
    "roles",
    [
        {"graph": ["User.Read.All"], "sharepoint": ["Sites.ReadWrite.All"]},
        {"graph": ["User.Read.All"], "sharepoint": ["User.ReadWrite.All"]},
        {"graph": [], "sharepoint": ["User.ReadWrite.All", "Sites.ReadWrite.All"]},
    ],
)
def test_a_missing_permission_is_named_and_not_retried(bench: Bench, roles: dict[str, list[str]]) -> None:
    """Whichever permission is missing: failed, with what to grant."""
    user = bench.person(OLD)
    bench.control.change_app(bench.client_id, roles=roles)
    assert bench.look(user) is Outcome.FAILED
    row = bench.row(user)
    assert row.error_code == "NotPermitted"
    assert row.next_attempt_at is None


def test_an_expired_token_is_renewed(bench: Bench) -> None:
    """A token that the service no longer takes costs one refused request, not a failure."""
    user = bench.person(OLD)
    bench.look(user)
    bench.clock.sleep(2 * 3600)  # msal's own clock stands still, so it still trusts its token
    bench.control.put_photo(user, NEW)
    assert bench.look(user) is Outcome.COPIED


def test_a_dry_run_writes_nothing(bench: Bench) -> None:
    """It tells what would be copied; neither SharePoint nor the status row changes."""
    user, same = bench.person(OLD), bench.person(OLD)
    bench.look(same)
    bench.control.clear_records()
    run = bench.services.runs.start(now=bench.clock.now(), requested_by="a test", total=2, force=False, dry_run=True)
    assert bench.look(user, dry_run=True, job_id=run.run_id) is Outcome.WOULD_COPY
    assert bench.look(same, dry_run=True, job_id=run.run_id) is Outcome.UNCHANGED
    assert bench.requests("sharepoint") == []
    assert bench.services.status.get(user) is None
    progress = bench.services.runs.progress(run.run_id)
    assert progress is not None
    assert [item.user_id for item in progress.would_copy] == [user]
    assert progress.finished == 2


def test_force_copies_what_is_in_step(bench: Bench) -> None:
    """Somebody has tampered with the picture in SharePoint: force puts it right."""
    user = bench.person(OLD)
    bench.look(user)
    assert bench.look(user, force=True) is Outcome.COPIED


def test_changed_settings_copy_again(bench: Bench) -> None:
    """Another size is another way of making the target, so nobody stays with the old one."""
    user = bench.person(OLD)
    bench.look(user)
    bench.start_afresh(PHOTOSYNC_LARGE_SIZE="240", PHOTOSYNC_EXCHANGE_SYNC_STATE="0")
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, OLD, large=240)
    assert bench.control.target(user)["properties"]["SPS-PictureExchangeSyncState"] == "0"


def test_the_exchange_sync_state_is_left_as_it_is(bench: Bench) -> None:
    """By default SharePoint's own pull stays as it was."""
    user = bench.person(OLD)
    before = bench.control.target(user)["properties"].get("SPS-PictureExchangeSyncState")
    bench.look(user)
    assert bench.control.target(user)["properties"].get("SPS-PictureExchangeSyncState") == before


def test_names_from_the_upn_never_overwrite_a_neighbour(bench: Bench) -> None:
    """a.b@x and a_b@x would get the same file names: the second is refused with the remedy."""
    bench.start_afresh(PHOTOSYNC_FILE_NAMING="upn")
    mark = bench.client_id[:8]
    first = bench.control.add_user(f"a.b{mark}@contoso.com", OLD)
    second = bench.control.add_user(f"a_b{mark}@contoso.com", NEW)
    assert bench.look(first) is Outcome.COPIED
    assert bench.look(second) is Outcome.FAILED
    assert bench.row(second).error_code == "NameCollision"
    assert bench.shows(first, OLD)
    assert f"/a_b{mark}_contoso_com_MThumb.jpg" in bench.control.target(first)["pictureUrl"]


def test_a_renamed_user_is_still_found(bench: Bench) -> None:
    """The account of a renamed user is the new one; its picture is written there."""
    user = bench.person(OLD)
    bench.look(user)
    bench.control.change_user(user, userPrincipalName=f"married.{user[:8]}@contoso.com")
    bench.control.put_photo(user, NEW)
    assert bench.look(user) is Outcome.COPIED
    assert bench.shows(user, NEW)
    assert bench.row(user).upn == f"married.{user[:8]}@contoso.com"


def test_history_says_what_it_took(bench: Bench) -> None:
    """Each attempt is a row: why, how it ended, what it cost."""
    user = bench.person(OLD)
    bench.look(user)
    latest = bench.services.history.of(user)[0]
    assert (latest.reason, latest.outcome, latest.graph_requests) == (Reason.NOTIFICATION, Outcome.COPIED, 2)
    assert latest.sharepoint_requests in {5, 6}  # 6 when this was the first photo, which finds the folder

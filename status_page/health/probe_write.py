"""`?probe=write`: a real picture is written for the test user, seen in SharePoint, and taken back.

Before anything is written, a row of Control says what is about to be written and what was there before. Taking back
goes by that row alone, so that the next probe takes back what a killed one has left. The earlier values are put back
only while the probe's own are still there: whoever wrote meanwhile, the app's worker or a person, is newer than we are.
"""

import json
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError

from shared.control import Control
from shared.failures import Failure, FailureCode
from shared.logs import Happened, tell
from shared.picture_names import LIBRARY, Hosts, account_name, file_names, picture_url
from shared.rows import from_entity, to_entity
from shared.sharepoint import Profile
from status_page.health import permissions
from status_page.health.check_graph import NO_TOKEN
from status_page.health.check_sharepoint import check_folder
from status_page.health.check_tokens import refused, usable
from status_page.health.findings import Ended, Finding, Verdict, failed, of_failure, of_storage, passed, skipped
from status_page.health.kit import Kit, Person
from status_page.health.small_picture import small_picture

ROW = "health-probe"
TAKING_BACK = timedelta(seconds=60)
"""What was written is taken back even when the time for the checks is over; so long at most."""
LONGEST_PAUSE = 40.0
"""Seconds of a pause that Microsoft asks for while something is to be taken back; it is waited for, once."""
PROPERTIES = ("PictureURL", "SPS-PicturePlaceholderState", "SPS-PictureTimestamp")
_BY_HAND = (
    "Run the probe again, which takes back what an earlier one has left. If that does not help: delete the file whose "
    "name begins with photosync-probe in the picture folder, and copy the test user's photo anew (POST /api/sync with "
    '"force": true), which sets the picture properties right.'
)
_log = logging.getLogger("photosync.health")


@dataclass(frozen=True)
class Written:
    """What a probe is about to write, and what was there before: the row of Control."""

    my: str
    admin: str
    account: str
    folder: str
    base: str
    """What the probe file's name begins with."""
    timestamp: str
    before: str
    """JSON: the picture properties before; a property that was not there is the empty text."""

    @property
    def hosts(self) -> Hosts:
        """Where it is written."""
        return Hosts(self.my, self.admin)

    @property
    def file(self) -> str:
        """The probe file's name."""
        return file_names(self.base)[1]

    @property
    def url(self) -> str:
        """The probe's PictureURL."""
        return picture_url(self.hosts, self.folder, self.base)

    def is_shown_by(self, profile: Profile) -> bool:
        """Whether the profile still has what the probe wrote."""
        return profile.properties.get("PictureURL") == self.url


def check_probe(kit: Kit) -> Finding:
    """Write, look, take back."""
    if not kit.settings.test_user:
        return failed(
            "There is no test user, and nobody else's picture is written for a check.",
            "Make a user in Entra ID whose picture may change for a moment, open SharePoint as that user once so that "
            "there is a profile, and set PHOTOSYNC_TEST_USER to the object id or user principal name.",
        )
    try:
        if (left := _read(kit.control)) is not None and (trouble := _take_back(kit, left)):
            return trouble
        return _probe(kit)
    except AzureError as error:
        return of_storage(error, "tables", "Storage Table Data Contributor")


def _probe(kit: Kit) -> Finding:
    planned = _plan(kit)
    kit.control.put(ROW, {key: value for key, value in to_entity(planned, "", "").items() if "Key" not in key})
    try:
        trouble = _write_and_look(kit, planned)
    finally:
        # Whatever happened; also when it is an error of our own, which is then raised.
        left = _take_back(kit, planned)
    if trouble is None:
        return left or passed(
            f"A picture was written to User Photos/{planned.folder} and to the test user's profile, SharePoint showed "
            "both, and both were taken back."
        )
    if left is None:
        found = f"{trouble.found} What was written is taken back."
        return Finding(trouble.verdict, found, trouble.remedy, trouble.request_id)
    return failed(f"{trouble.found} {left.found}", f"{trouble.remedy} {left.remedy}", trouble.request_id)


def _plan(kit: Kit) -> Written:
    """What will be written; raises `Ended` when something is missing for it."""
    person = kit.person()
    if person is None or not person.is_test_user:
        raise Ended(skipped("Graph does not tell of the test user: see the check of User.Read.All."))
    if not (usable(kit, person.hosts.my) and usable(kit, person.hosts.admin)):
        raise Ended(skipped(NO_TOKEN))
    folder = _folder_name(kit, person)
    try:
        profile = kit.sharepoint(person.hosts).profile(account_name(person.upn))
    except Failure as failure:
        refusal = refused(failure, kit, person.hosts.admin, permissions.SHAREPOINT, permissions.WRITE_PROFILES)
        raise Ended(refusal) from None
    if profile is None:
        found = "SharePoint has no profile of the test user, so there is nothing to write to."
        raise Ended(failed(found, FailureCode.NO_TARGET_PROFILE.remedy))
    seconds = int((kit.clock.now() - datetime(1, 1, 1, tzinfo=UTC)).total_seconds())
    before = {name: profile.properties.get(name, "") for name in PROPERTIES}
    return Written(
        my=person.hosts.my,
        admin=person.hosts.admin,
        account=account_name(person.upn),
        folder=folder,
        base=f"photosync-probe-{secrets.token_hex(6)}",
        timestamp=str(seconds),
        before=json.dumps(before),
    )


def _folder_name(kit: Kit, person: Person) -> str:
    """The picture folder of the test user's location; raises `Ended` when there is not the one."""
    names = kit.learned.folders.get(person.hosts.my, [])
    named = (kit.settings.picture_folder or "").lower()
    fitting = [name for name in names if name.lower() == named] if named else names
    if len(fitting) != 1:
        raise Ended(skipped(f"There is no folder to write into. {check_folder(kit, person.hosts).found}"))
    return fitting[0]


def _write_and_look(kit: Kit, planned: Written) -> Finding | None:
    """What went wrong; None when SharePoint shows what was written."""
    picture = small_picture(planned.timestamp)
    try:
        sharepoint = kit.sharepoint(planned.hosts)
        sharepoint.upload(planned.folder, planned.file, picture)
        stored = sharepoint.read_file(f"{LIBRARY}/{planned.folder}/{planned.file}")
    except Failure as failure:
        return refused(failure, kit, planned.my, permissions.SHAREPOINT, permissions.WRITE_FILES)
    try:
        sharepoint = kit.sharepoint(planned.hosts)
        values = (planned.url, "0", planned.timestamp)
        sharepoint.set_properties(planned.account, dict(zip(PROPERTIES, values, strict=True)))
        profile = sharepoint.profile(planned.account)
    except Failure as failure:
        return refused(failure, kit, planned.admin, permissions.SHAREPOINT, permissions.WRITE_PROFILES)
    if stored != picture:
        return failed(
            "SharePoint took the picture, and then served other bytes than were written.",
            "Write the request down as an issue of the project: the app relies on pictures being kept as they are.",
        )
    if profile is None or not planned.is_shown_by(profile) or planned.url not in profile.picture_url:
        return failed(
            "SharePoint took the picture and the properties, and does not show them.",
            "Check again in a few minutes. If it stays, SharePoint takes no pictures from apps in this tenant: see "
            "docs/to-verify.md, what the app assumes of PictureURL.",
        )
    return None


def _take_back(kit: Kit, written: Written) -> Finding | None:
    """Put the earlier values back, delete the file, forget the row. What went wrong; None when nothing did."""
    for last in (False, True):
        try:
            _undo(kit, written)
        except Failure as failure:
            pause = failure.retry_after or 1.0
            if last or pause > LONGEST_PAUSE or failure.code.kind != "wait":
                tell(_log, Happened.PROBE_NOT_TAKEN_BACK, code=failure.code, request_id=failure.request_id)
                told = of_failure(failure)
                return failed(f"What was written could not be taken back. {told.found}", _BY_HAND, failure.request_id)
            kit.clock.sleep(pause)
        else:
            break
    kit.control.remove(ROW)
    return None


def _undo(kit: Kit, written: Written) -> None:
    """The properties first, so that nothing ever points at a file that is gone; both may be done twice."""
    sharepoint = kit.sharepoint(written.hosts, kit.clock.now() + TAKING_BACK)
    before: dict[str, Any] = json.loads(written.before)
    profile = sharepoint.profile(written.account)
    if profile is not None and written.is_shown_by(profile):
        sharepoint.set_properties(written.account, before)
    sharepoint.delete_file(f"{LIBRARY}/{written.folder}/{written.file}")


def _read(control: Control) -> Written | None:
    """What an earlier probe has left; None when nothing."""
    seen = control.seen(ROW)
    return None if seen is None else from_entity(Written, seen.values)


def left_behind(kit: Kit) -> Finding | None:
    """A warning when a probe was broken off before it took back what it wrote."""
    if _read(kit.control) is None:
        return None
    return Finding(Verdict.WARNING, "A write probe was broken off before it took back what it wrote.", _BY_HAND)

"""What tests and people are shown of a person's picture in the simulated SharePoint."""

import hashlib
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from simulated_tenant import sharepoint
from simulated_tenant.state import User
from simulated_tenant.wire import Answer, Received
from tests.pictures import jpeg
from tests.simulated_tenant.sharepoint_desk import MY, PICTURES, VERBOSE, Desk, error_of

SIDES = {"S": 48, "M": 72, "L": 300}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def user(desk: Desk) -> User:
    """A person with three pictures and all properties set."""
    user = desk.person()
    for size, side in SIDES.items():
        desk.upload(f"{user.id}_{size}Thumb.jpg", jpeg(side, side))
    desk.set_property(user, "PictureURL", f"{MY}/User%20Photos/Profile%20Pictures/{user.id}_MThumb.jpg")
    desk.set_property(user, "SPS-PicturePlaceholderState", "0")
    return user


def test_target_has_properties_and_all_three_files(desk: Desk, user: User) -> None:
    """Hash, length and measures of S, M and L are those of the files behind PictureURL."""
    target = sharepoint.target_of(desk.tenant, user)
    assert target["pictureUrl"] == target["properties"]["PictureURL"]
    assert target["properties"]["SPS-PicturePlaceholderState"] == "0"
    for size, side in SIDES.items():
        content = jpeg(side, side)
        file = target["files"][size]
        assert file["name"] == f"{user.id}_{size}Thumb.jpg"
        assert (file["sha256"], file["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (file["jpeg"], file["width"], file["height"]) == (True, side, side)


@pytest.mark.parametrize("spelling", [f"{MY}:443/User%20Photos", f"{MY}/User Photos", f"{MY}/user%20photos"])
def test_every_spelling_of_the_address_leads_to_the_files(desk: Desk, user: User, spelling: str) -> None:
    """Natively with port and %20, by others without port or with a space: the same files."""
    desk.set_property(user, "PictureURL", f"{spelling}/Profile Pictures/{user.id}_MThumb.jpg")
    assert all(file["exists"] for file in sharepoint.target_of(desk.tenant, user)["files"].values())


def test_what_is_wrong_with_a_target_can_be_told(desk: Desk, user: User) -> None:
    """A missing file, one that is cut and one that is no JPEG are not taken for pictures."""
    desk.upload(f"{user.id}_SThumb.jpg", jpeg(48, 48)[:-200])
    desk.upload(f"{user.id}_MThumb.jpg", b"no picture")
    del desk.geo.folders[PICTURES][f"{user.id}_lthumb.jpg"]
    files = sharepoint.target_of(desk.tenant, user)["files"]
    assert (files["S"]["exists"], files["S"]["jpeg"]) == (True, False)
    assert (files["M"]["exists"], files["M"]["jpeg"]) == (True, False)
    assert files["L"]["exists"] is False


def test_address_that_is_none_of_the_tenants_leads_nowhere(desk: Desk, user: User) -> None:
    """Another host's picture is no file of ours, and without MThumb in its name S and L cannot be derived."""
    desk.set_property(user, "PictureURL", "https://elsewhere.example/x.jpg")
    files = sharepoint.target_of(desk.tenant, user)["files"]
    assert (files["S"], files["L"]) == (None, None)
    assert files["M"] == {"url": "https://elsewhere.example/x.jpg", "path": None, "exists": False}


def test_target_of_somebody_without_a_profile(desk: Desk) -> None:
    """Who has no profile has no properties and no files."""
    target = sharepoint.target_of(desk.tenant, desk.person("new@contoso.com", has_profile=False))
    assert (target["hasProfile"], target["properties"], target["pictureUrl"]) == (False, {}, None)
    assert set(target["files"].values()) == {None}


def test_picture_shows_the_three_thumbnails_side_by_side(desk: Desk, user: User) -> None:
    """The drawing is wide enough for all, and holds the large picture's own pixels."""
    drawing = Image.open(BytesIO(sharepoint.picture_of(desk.tenant, user)))
    assert drawing.format == "PNG"
    assert drawing.width > sum(SIDES.values())
    large = Image.open(BytesIO(jpeg(300, 300))).convert("RGB")
    left = 16 + 80 + 16 + 80 + 16
    assert drawing.crop((left, 16, left + 300, 316)).tobytes() == large.tobytes()


def test_drawing_of_nobody_is_still_a_drawing(desk: Desk) -> None:
    """A person without profile, picture or Latin name can be looked at as well."""
    person = desk.person("new@contoso.com", "山田 太郎", has_profile=False)
    assert Image.open(BytesIO(sharepoint.picture_of(desk.tenant, person))).format == "PNG"


def test_userphoto_redirects_to_the_size_or_to_the_silhouette(desk: Desk, user: User) -> None:
    """What web parts ask leads to the thumbnail, and in the placeholder state to the silhouette."""
    address = f"{MY}/_layouts/15/userphoto.aspx?size=L&accountname=a.b%40contoso.com"
    shown = desk.ask("GET", address)
    assert (shown.status, shown.headers["Location"]) == (
        302,
        f"{MY}/User%20Photos/Profile%20Pictures/{user.id}_LThumb.jpg",
    )
    desk.set_property(user, "SPS-PicturePlaceholderState", "1")
    assert "PersonPlaceholder" in desk.ask("GET", address).headers["Location"]


def refusal(status: int, accept: str = "application/json;odata=nometadata", code: str | None = None) -> Answer:
    received = Received("GET", "contoso-my.sharepoint.com", "/_api/web", {}, {"accept": accept}, b"", datetime.now(UTC))
    return sharepoint.error_answer(Desk().tenant, received, status, code, None)


def test_faults_speak_sharepoints_language() -> None:
    """Scripted statuses have SharePoint's codes and shapes; throttling is a page, as it comes from in front."""
    assert error_of(refusal(423)) == (423, "-2147018894, Microsoft.SharePoint.SPFileLockException")
    assert error_of(refusal(403)) == (403, "-2147024891, System.UnauthorizedAccessException")
    assert error_of(refusal(404)) == (404, "-2147024894, System.IO.FileNotFoundException")
    checked_out = "-2130575306, Microsoft.SharePoint.SPFileCheckOutException"
    assert error_of(refusal(423, code=checked_out)) == (423, checked_out)
    assert b'"error":' in refusal(500, VERBOSE).body
    assert refusal(401).headers["x-ms-diagnostics"].startswith("3001000;")
    for status in (429, 503):
        assert refusal(status).headers["content-type"].startswith("text/html")

"""Photos come in Graph's sizes and shapes, with versions that change as Graph's do."""

import json
from io import BytesIO

import pytest
from PIL import Image

from simulated_tenant.state import NoPhotoShape
from tests.pictures import jpeg, png
from tests.simulated_tenant.desk import Desk, header


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_metadata_describes_the_largest_photo(desk: Desk) -> None:
    """Metadata has size, type and a quoted media ETag; the photo need not be square."""
    user = desk.person_with_photo(500, 400)
    body = desk.get(f"/users/{user.id}/photo")
    assert (body["id"], body["width"], body["height"]) == ("500x400", 500, 400)
    assert body["@odata.mediaContentType"] == "image/jpeg"
    assert user.photo is not None
    assert body["@odata.mediaEtag"] == f'"{user.photo.media_etag}"'
    assert body["@odata.id"].endswith(f"/users('{user.id}@{desk.tenant.tenant_id}')/photo")


def test_value_is_the_bytes_that_were_put(desk: Desk) -> None:
    """The largest photo is served byte for byte, with the type announced, even when it is no picture."""
    user = desk.people(1)[0]
    for content in (png(100, 80), b"this is no picture"):
        desk.tenant.users[user.id].photo = None
        assert desk.control("PUT", f"/users/{user.id}/photo", body=content)[0] == 200
        answer = desk.ask("GET", f"/users/{user.upn}/photo/$value")
        assert (answer.status, answer.body) == (200, content)


def test_both_shapes_of_no_photo(desk: Desk) -> None:
    """Metadata without a photo is 200 with 1x1, or 404 where the user is set so; the bytes are always 404."""
    user = desk.people(1)[0]
    body = desk.get(f"/users/{user.id}/photo")
    assert (body["id"], body["@odata.mediaEtag"], body["@odata.mediaContentType"]) == ("1x1", "", "image/gif")
    assert desk.error("GET", f"/users/{user.id}/photo/$value") == (404, "ImageNotFound")
    user.no_photo_shape = NoPhotoShape.NOT_FOUND
    assert desk.error("GET", f"/users/{user.id}/photo") == (404, "ImageNotFound")


def test_unknown_user_looks_like_no_photo(desk: Desk) -> None:
    """A user who does not exist gives the same 404 as one without a photo; so does a mail address that is no UPN."""
    user = desk.person_with_photo()
    user.mail = "other@contoso.com"
    assert desk.error("GET", "/users/nobody@contoso.com/photo") == (404, "ImageNotFound")
    assert desk.error("GET", "/users/other@contoso.com/photo/$value") == (404, "ImageNotFound")


@pytest.mark.parametrize("size", [48, 64, 96, 120, 240, 360])
def test_fixed_sizes_are_really_that_size(desk: Desk, size: int) -> None:
    """Each size up to the uploaded one is served as a square JPEG of exactly that size."""
    user = desk.person_with_photo(400, 360)
    assert desk.get(f"/users/{user.id}/photos/{size}X{size}")["width"] == size
    answer = desk.ask("GET", f"/users/{user.id}/photos/{size}x{size}/$value")
    with Image.open(BytesIO(answer.body)) as image:
        assert (image.size, image.format) == ((size, size), "JPEG")


def test_sizes_above_the_original_do_not_exist(desk: Desk) -> None:
    """A size above the uploaded one has the 1x1 shape, its bytes are 404, and the collection leaves it out."""
    user = desk.person_with_photo(360, 360)
    assert desk.get(f"/users/{user.id}/photos/432x432")["id"] == "1x1"
    assert desk.error("GET", f"/users/{user.id}/photos/432x432/$value") == (404, "ImageNotFound")
    listed = [item["id"] for item in desk.get(f"/users/{user.id}/photos")["value"]]
    assert listed == ["48x48", "64x64", "96x96", "120x120", "240x240", "360x360"]


def test_every_upload_makes_new_etags(desk: Desk) -> None:
    """The same bytes put again have a new media ETag and a new header; the two never look alike."""
    user = desk.people(1)[0]
    seen: set[str] = set()
    for _ in range(3):
        desk.control("PUT", f"/users/{user.id}/photo", body=jpeg())
        media = desk.get(f"/users/{user.id}/photo")["@odata.mediaEtag"]
        value = header(desk.ask("GET", f"/users/{user.id}/photo/$value"), "etag") or ""
        assert value.startswith('W/"')
        seen |= {media, value}
    assert len(seen) == 6


def test_etag_can_change_without_the_bytes(desk: Desk) -> None:
    """Tests can change the ETags of an unchanged photo."""
    user = desk.person_with_photo()
    before = desk.get(f"/users/{user.id}/photo")["@odata.mediaEtag"]
    content = desk.ask("GET", f"/users/{user.id}/photo/$value").body
    assert desk.control("POST", f"/users/{user.id}/photo/etag")[0] == 200
    assert desk.get(f"/users/{user.id}/photo")["@odata.mediaEtag"] != before
    assert desk.ask("GET", f"/users/{user.id}/photo/$value").body == content


def test_if_none_match_is_ignored(desk: Desk) -> None:
    """A conditional request gets the whole photo: Graph does not document otherwise."""
    user = desk.person_with_photo()
    etag = header(desk.ask("GET", f"/users/{user.id}/photo/$value"), "etag") or ""
    assert desk.ask("GET", f"/users/{user.id}/photo/$value", headers={"if-none-match": etag}).status == 200


@pytest.mark.parametrize(
    ("role", "status"),
    [("ProfilePhoto.Read.All", 200), ("User.Read.All", 200), ("User.ReadWrite.All", 200), ("Group.Read.All", 403)],
)
def test_photos_need_a_right_of_their_own_or_to_users(desk: Desk, role: str, status: int) -> None:
    """ProfilePhoto.Read.All is enough, User.Read.All too; without either the answer is `ErrorAccessDenied`."""
    user = desk.person_with_photo()
    desk.app.roles["graph"] = [role]
    answer = desk.ask("GET", f"/users/{user.id}/photo")
    assert answer.status == status
    assert status == 200 or json.loads(answer.body)["error"]["code"] == "ErrorAccessDenied"

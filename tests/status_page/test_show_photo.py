"""One person's photo on request: the right bytes, nothing but pictures, only from the tenant's own hosts."""

import json
from dataclasses import replace

import pytest

from photo_worker.make_thumbnails import make_thumbnails
from status_page.list_status import tell_user
from status_page.show_photo import image_type, show_photo
from tests import pictures
from tests.bench import Bench, bench, certificate, tenant

__all__ = ["bench", "certificate", "tenant"]
PHOTO = pictures.jpeg(400, 400, seed=8)


def test_source_and_target_are_shown_as_they_are(bench: Bench) -> None:
    """The source is Graph's bytes, the target SharePoint's large picture; neither may be kept by a browser."""
    user = bench.person(PHOTO)
    bench.look(user)
    shown = {of: show_photo(bench.services, user, of) for of in ("source", "target")}
    assert shown["source"].get_body() == PHOTO
    assert shown["target"].get_body() == make_thumbnails(PHOTO, 300).large
    for answer in shown.values():
        assert answer.mimetype == "image/jpeg"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_what_is_no_picture_is_not_passed_on(bench: Bench) -> None:
    """HTML in place of a photo is refused with what it was; nobody's browser gets to interpret it."""
    user = bench.person(b"<html><script>alert(1)</script>")
    bench.look(user)
    answer = show_photo(bench.services, user, "source")
    assert answer.status_code == 415
    assert b"script" not in answer.get_body()


def test_what_is_not_there_is_said_to_be_missing(bench: Bench) -> None:
    """No photo, no picture in SharePoint, nobody, and a question that is none: each has its answer."""
    user = bench.person()
    bench.look(user)
    assert show_photo(bench.services, user, "source").status_code == 404
    assert show_photo(bench.services, user, "target").status_code == 404
    assert show_photo(bench.services, "00000000-0000-4000-8000-000000000000", "source").status_code == 404
    assert show_photo(bench.services, user, "both").status_code == 400


def test_only_the_tenants_own_hosts_are_asked(bench: Bench) -> None:
    """A recorded address that leads elsewhere is not followed, least of all with the app's token."""
    user = bench.person(PHOTO)
    bench.look(user)
    seen = bench.services.status.get(user)
    assert seen is not None
    assert seen.row.picture_url is not None
    elsewhere = seen.row.picture_url.replace("contoso-my.sharepoint.com", "evil.example")
    bench.services.status.replace(replace(seen.row, picture_url=elsewhere), seen.etag)
    before = len(bench.requests("sharepoint"))
    assert show_photo(bench.services, user, "target").status_code == 404
    assert len(bench.requests("sharepoint")) == before


def test_a_refusal_is_passed_on_with_its_remedy(bench: Bench) -> None:
    """When SharePoint refuses, the administrator reads why, with the request id."""
    user = bench.person(PHOTO)
    bench.look(user)
    bench.control.fault("sharepoint.file.content", "403")
    answer = show_photo(bench.services, user, "target")
    assert answer.status_code == 502
    told = json.loads(answer.get_body())
    assert "Grant the application permissions" in told["detail"]
    assert told["requestId"]


def test_a_person_is_named_by_upn(bench: Bench) -> None:
    """{user} may be the present user principal name, in any case, also after a rename."""
    user = bench.person(PHOTO)
    bench.look(user)
    bench.control.change_user(user, userPrincipalName=f"renamed.{user[:8]}@contoso.com")
    told = json.loads(tell_user(bench.services, f"Renamed.{user[:8]}@Contoso.com").get_body())
    assert told["userId"] == user
    assert told["history"][0]["outcome"] == "copied"
    assert tell_user(bench.services, "nobody.at.all@contoso.com").status_code == 404


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PHOTO, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"<svg onload=alert(1)>", None),
        (b"", None),
        (b"RIFF\0\0\0\0WAVE", None),
    ],
)
def test_the_bytes_tell_the_type(content: bytes, kind: str | None) -> None:
    """Only the usual picture formats are shown; SVG, which can hold scripts, is none of them."""
    assert image_type(content) == kind

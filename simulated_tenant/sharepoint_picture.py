"""What SharePoint now shows of a person's picture: as values for tests, and as a drawing to look at."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from simulated_tenant.sharepoint_errors import SharePointError
from simulated_tenant.sharepoint_library import find_file
from simulated_tenant.sharepoint_paths import split
from simulated_tenant.sharepoint_profiles import (
    EXCHANGE,
    PICTURE,
    STATE,
    TIMESTAMP,
    account_of,
    picture_url,
    profile_of,
    properties_of,
)
from simulated_tenant.state import File, Tenant, User

SIZES = ("S", "M", "L")
_SHOWN = (PICTURE, STATE, TIMESTAMP, EXCHANGE)
_GAP, _CAPTION, _BLANK = 16, 64, 72
_PAPER, _INK, _NOTHING = (255, 255, 255), (40, 40, 40), (225, 225, 225)


@dataclass(frozen=True)
class Thumbnail:
    """One of the three files that PictureURL leads to."""

    url: str
    path: str | None
    """Server-relative; None when the URL leads to no SharePoint host of the tenant."""
    file: File | None
    image: Image.Image | None
    """Decoded whole; None when the file is no readable JPEG."""

    def as_json(self) -> dict[str, Any]:
        """For tests and for the control API."""
        shown: dict[str, Any] = {"url": self.url, "path": self.path, "exists": self.file is not None}
        if self.file is not None:
            shown |= {
                "name": self.file.name,
                "uniqueId": self.file.unique_id,
                "version": self.file.version,
                "modifiedAt": self.file.modified_at.isoformat(),
                "bytes": len(self.file.content),
                "sha256": hashlib.sha256(self.file.content).hexdigest(),
                "jpeg": self.image is not None,
                "width": self.image.width if self.image else None,
                "height": self.image.height if self.image else None,
            }
        return shown


def _decoded(content: bytes) -> Image.Image | None:
    """The image, if all of it can be read as JPEG."""
    try:
        image = Image.open(io.BytesIO(content), formats=("JPEG",))
        image.load()
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    return image.convert("RGB")


def _thumbnail(tenant: Tenant, url: str) -> Thumbnail:
    """The file that an address leads to, if it leads to one."""
    parts = urlsplit(url)
    geo = next(
        (geo for geo in tenant.geos if parts.hostname == f"{geo.name.lower()}-my.{tenant.cloud.sharepoint}"), None
    )
    if geo is None:
        return Thumbnail(url, None, None, None)
    path = unquote(parts.path)
    try:
        written, file = find_file(geo, path)
    except SharePointError:
        return Thumbnail(url, path, None, None)
    return Thumbnail(url, written, file, _decoded(file.content))


def thumbnails_of(tenant: Tenant, properties: Mapping[str, str]) -> dict[str, Thumbnail | None]:
    """S, M and L as clients derive them: `MThumb` in the last part of PictureURL replaced. None: not derivable."""
    picture = properties.get(PICTURE, "")
    folder, name = picture.rpartition("/")[::2]
    found: dict[str, Thumbnail | None] = dict.fromkeys(SIZES)
    for size in SIZES if "MThumb" in name else ("M",) if picture else ():
        found[size] = _thumbnail(tenant, f"{folder}/{name.replace('MThumb', f'{size}Thumb')}")
    return found


def target_file(tenant: Tenant, user: User, size: str) -> bytes | None:
    """The bytes of the S, M or L picture that SharePoint shows of the person; None when there is none."""
    profile = profile_of(tenant, user)
    thumbnail = thumbnails_of(tenant, properties_of(tenant, profile)).get(size) if profile is not None else None
    return thumbnail.file.content if thumbnail and thumbnail.file else None


def target_of(tenant: Tenant, user: User) -> dict[str, Any]:
    """What SharePoint shows for the person, ready for JSON.

    `properties` has the four picture properties; `pictureUrl` is what GetPropertiesFor resolves; `files` has S, M and
    L, each None when PictureURL does not lead to it. `hasProfile` false: the profile service does not know the person.
    """
    profile = profile_of(tenant, user)
    properties = {} if profile is None else properties_of(tenant, profile)
    return {
        "userId": user.id,
        "accountName": account_of(user.upn),
        "geo": tenant.geo_of(user).name,
        "hasProfile": profile is not None,
        "properties": {name: properties[name] for name in _SHOWN if name in properties},
        "pictureUrl": picture_url(properties),
        "files": {
            size: thumbnail and thumbnail.as_json() for size, thumbnail in thumbnails_of(tenant, properties).items()
        },
    }


def _caption(size: str, thumbnail: Thumbnail | None) -> str:
    if thumbnail is None or thumbnail.file is None:
        return f"{size}: no file"
    if thumbnail.image is None:
        return f"{size}: no JPEG"
    return f"{size}: {thumbnail.image.width} x {thumbnail.image.height}"


def picture_of(tenant: Tenant, user: User) -> bytes:
    """PNG: the three thumbnails side by side in their true size, with who it is and whether SharePoint shows them."""
    profile = profile_of(tenant, user)
    properties = {} if profile is None else properties_of(tenant, profile)
    found = thumbnails_of(tenant, properties)
    images = {
        size: thumbnail.image if thumbnail and thumbnail.image else Image.new("RGB", (_BLANK, _BLANK), _NOTHING)
        for size, thumbnail in found.items()
    }
    columns = [max(image.width, 80) for image in images.values()]
    width = max(sum(columns) + _GAP * 4, 480)
    tallest = max(image.height for image in images.values())
    sheet = Image.new("RGB", (width, tallest + _CAPTION + _GAP * 3), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    left = _GAP
    for (size, image), column in zip(images.items(), columns, strict=True):
        sheet.paste(image, (left, _GAP + tallest - image.height))
        pen.text((left, _GAP + tallest + 4), _caption(size, found[size]), _INK, font)
        left += column + _GAP
    shown = picture_url(properties)
    lines = (f"{user.display_name}, {user.upn}", f"SharePoint shows {split(shown)[1] if shown else 'the placeholder'}")
    for number, line in enumerate(lines):
        pen.text((_GAP, _GAP * 2 + tallest + 12 + number * 18), line, _INK, font)
    png = io.BytesIO()
    sheet.save(png, "PNG")
    return png.getvalue()

"""Photos as Graph keeps them: measured, and resized to the sizes that it offers."""

import hashlib
from datetime import datetime
from io import BytesIO
from uuid import uuid4

from PIL import Image, UnidentifiedImageError

from simulated_tenant.state import Photo

SIZES = (48, 64, 96, 120, 240, 360, 432, 504, 648)


def photo_of(content: bytes, content_type: str, now: datetime) -> Photo:
    """A new version of a photo. Bytes that are no picture are kept as well, as a photo of 240 by 240 that lies."""
    width, height = measured(content) or (240, 240)
    return Photo(content, content_type, new_etag(), width, height, now)


def new_etag() -> str:
    """A media ETag as Graph's metadata shows it; each upload makes a new one, even of the same bytes."""
    return uuid4().hex[:8].upper()


def value_etag(photo: Photo) -> str:
    """The `ETag` header of `$value`: of another form than the media ETag, and changing with it."""
    return f'W/"{hashlib.sha256(photo.media_etag.encode()).hexdigest()}"'


def measured(content: bytes) -> tuple[int, int] | None:
    """Width and height, or None when the bytes are no picture that can be opened."""
    try:
        with Image.open(BytesIO(content)) as image:
            return image.width, image.height
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None


def offered(photo: Photo) -> list[int]:
    """The fixed sizes that exist for a photo: none above the uploaded one."""
    return [size for size in SIZES if size <= max(photo.width, photo.height)]


def resized(photo: Photo, size: int) -> bytes:
    """The photo at a fixed size, as JPEG, cut to a square. Bytes that are no picture are returned as they are."""
    try:
        with Image.open(BytesIO(photo.content)) as image:
            edge = min(image.size)
            left, top = (image.width - edge) // 2, (image.height - edge) // 2
            square = image.convert("RGB").crop((left, top, left + edge, top + edge))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return photo.content
    written = BytesIO()
    square.resize((size, size), Image.Resampling.LANCZOS).save(written, "JPEG", quality=90)
    return written.getvalue()

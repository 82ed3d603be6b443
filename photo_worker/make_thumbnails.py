"""The three pictures that SharePoint shows of a person, made from one photo: bytes in, bytes out."""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from photo_worker.photo_refused import PhotoRefused, Refusal
from photo_worker.read_photo import read_photo

__all__ = ["LARGE", "MEDIUM", "SMALL", "PhotoRefused", "Refusal", "Thumbnails", "make_thumbnails"]

SMALL, MEDIUM, LARGE = 48, 72, 300
"""Sides in pixels. SharePoint's own are 48 and 72; published tools differ over the large one, so it is a setting."""

_QUALITY = 90


@dataclass(frozen=True)
class Thumbnails:
    """JPEG files, square, sRGB, without any metadata."""

    small: bytes
    medium: bytes
    large: bytes


def make_thumbnails(source: bytes, large: int = LARGE) -> Thumbnails:
    """Thumbnails of 48, 72 and `large` pixels from a photo's bytes, whatever its announced type.

    No thumbnail is larger than the source: a photo of 240 by 320 pixels gives a large one of 240. The same source gives
    the same bytes as long as Pillow stays the same. Safe to call from several threads.

    Raises:
        PhotoRefused: the photo cannot be copied, now or ever; `reason` says why.
    """
    picture = read_photo(source, enough=max(large, MEDIUM))
    small, medium, largest = (_thumbnail(picture, side) for side in (SMALL, MEDIUM, large))
    return Thumbnails(small=small, medium=medium, large=largest)


def _thumbnail(picture: Image.Image, side: int) -> bytes:
    side = min(side, *picture.size)
    smaller = picture.resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    smaller.info.clear()  # or the source's comment would be written again
    file = BytesIO()
    # Full colour resolution: halving it saves a few hundred bytes and shows on a face of 48 pixels.
    smaller.save(file, "JPEG", quality=_QUALITY, subsampling="4:4:4", optimize=True)
    return file.getvalue()

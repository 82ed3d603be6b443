"""Reads a photo of unknown origin: bytes in, an upright square sRGB picture out, or the reason why not.

What a service announces as the content type is not asked for; the first bytes decide. Five formats are read: JPEG and
PNG, which Graph accepts and serves, and GIF, WebP and BMP, which older directories hold. Everything else is refused:
TIFF, since libtiff brings three decades of codecs that no Microsoft 365 path delivers; PostScript and its kin, since
reading them starts other programs.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from photo_worker.bring_to_srgb import bring_to_srgb
from photo_worker.exif_orientation import upright
from photo_worker.jpeg_structure import read_structure, without_polite_end
from photo_worker.photo_refused import PhotoRefused, Refusal

MOST_BYTES = 64 * 1024 * 1024
"""Sixteen times what Graph lets anyone upload: a file beyond it is no profile photo, whatever it is."""

LEAST_SIDE = 16
"""Below this many pixels nobody can be recognised. Graph's placeholder for "no photo" is 1x1."""

MOST_PIXELS = 100_000_000
"""Decoding a JPEG at an eighth of its size takes little memory, but time all the same: half a second at this bound."""

MOST_MEMORY = 170_000_000
"""Bytes that one picture may take, its file included: little beside the 512 MB of the smallest instance in Azure.

That is any one-scan JPEG up to `MOST_PIXELS`, a progressive one up to 50 megapixels (4:2:0) or 25 (4:4:4), PNG, GIF
and BMP up to 18 and WebP up to 9 megapixels.
"""

_HEAVY = 16_000_000
_one_heavy_at_a_time = threading.Lock()

_BYTES_A_PIXEL = {"PNG": 9, "GIF": 9, "BMP": 9, "WEBP": 17}
"""Measured. The picture, and a copy with alpha multiplied in; WebP's decoder keeps two canvases and a copy besides."""


class _Jpeg(JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Leaves EXIF's density alone: nobody needs it here, and Pillow writes warnings to stderr when it is odd."""


_READERS: dict[bytes, Callable[[BytesIO], ImageFile]] = {
    b"\xff\xd8\xff": _Jpeg,
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"GIF87a": GifImageFile,
    b"GIF89a": GifImageFile,
    b"RIFF": WebPImageFile,
    b"BM": BmpImageFile,
}

_NOT_READ_HERE = {
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop",
    b"\0\0\1\0": "Windows icon",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"\0\0\0\x0cJXL": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"\xd7\xcd\xc6\x9a": "Windows metafile",
    b"<svg": "SVG",
}


def read_photo(source: bytes, enough: int) -> Image.Image:
    """The centre square of a photo: upright, RGB in sRGB, alpha laid on white, the first frame of an animation.

    Its side is the source's shorter side, or less when the source is large, but then never less than `enough` pixels.
    The same bytes give the same pixels. May be called from several threads.

    Raises:
        PhotoRefused: for every photo that cannot be read whole.
    """
    if len(source) > MOST_BYTES:
        raise PhotoRefused(Refusal.TOO_MANY_BYTES, f"{len(source):,} bytes, {MOST_BYTES:,} are read")
    reader = _reader_for(source)
    with _refusals_only():
        picture, memory = _opened(reader, source, enough)
    # Threads share one process's memory: large pictures queue up here, usual ones do not notice.
    with _one_heavy_at_a_time if memory > _HEAVY else nullcontext():
        with _refusals_only():
            picture.load()
            samples = _as_samples(picture)
        square = _centre_square(samples, enough)
    exif, profile = picture.info.get("exif", b""), picture.info.get("icc_profile")
    return bring_to_srgb(upright(square, exif), profile)


def _reader_for(source: bytes) -> Callable[[BytesIO], ImageFile]:
    for signature, reader in _READERS.items():
        if source.startswith(signature):
            if reader is WebPImageFile and source[8:12] != b"WEBP":
                break  # RIFF holds sound and film too
            return reader
    for signature, name in _NOT_READ_HERE.items():
        if source.startswith(signature):
            raise PhotoRefused(Refusal.UNSUPPORTED_FORMAT, name)
    if source[4:8] == b"ftyp":
        raise PhotoRefused(Refusal.UNSUPPORTED_FORMAT, "HEIC, AVIF or film")
    raise PhotoRefused(Refusal.NOT_AN_IMAGE)


def _opened(reader: Callable[[BytesIO], ImageFile], source: bytes, enough: int) -> tuple[ImageFile, int]:
    """The picture, its pixels not yet read, and the bytes of memory that reading them will take at most."""
    structure = read_structure(source) if reader is _Jpeg else None
    picture = reader(BytesIO(without_polite_end(source, structure) if structure else source))
    width, height = picture.size
    if min(width, height) < LEAST_SIDE:
        raise PhotoRefused(Refusal.TOO_SMALL, f"{width} x {height}")
    if structure:
        # libjpeg decodes at 1/2, 1/4 or 1/8 for less time and far less memory. Twice what is asked for keeps quality.
        picture.draft(None, (2 * enough, 2 * enough))
        memory = len(source) + picture.width * picture.height * 4 + structure.coefficient_bytes
    else:
        memory = len(source) + width * height * _BYTES_A_PIXEL[str(picture.format)]
    if memory > MOST_MEMORY or width * height > MOST_PIXELS:
        raise PhotoRefused(Refusal.TOO_MANY_PIXELS, f"{width} x {height}")
    return picture, memory


@contextmanager
def _refusals_only() -> Iterator[None]:
    """Whatever a decoder throws over bytes that it cannot make sense of is the photo's fault, and final.

    Pillow promises no closed list of exceptions, and damaged files find new ones in every version. So all are taken,
    but only round calls into Pillow over untrusted bytes; our own arithmetic on decoded pictures stays outside.
    """
    try:
        yield
    except PhotoRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise PhotoRefused(Refusal.TOO_MANY_PIXELS) from error
    except Exception as error:
        raise PhotoRefused(Refusal.TRUNCATED, str(error)) from error


def _as_samples(picture: Image.Image) -> Image.Image:
    """The picture in a mode whose values can be averaged: L, LA, RGB, RGBA or CMYK."""
    if picture.mode == "I;16":
        picture = _eight_bits(picture)
    transparent = "transparency" in picture.info
    match picture.mode:
        case "P" | "PA":
            return picture.convert("RGBA" if transparent or picture.mode == "PA" else "RGB")
        case "RGB" if transparent:
            return picture.convert("RGBA")
        case "1" | "L" if transparent:
            return picture.convert("LA")
        case "1":
            return picture.convert("L")
        case "L" | "LA" | "RGB" | "RGBA" | "CMYK":
            return picture
        case _:
            return picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Sixteen-bit grey scaled to eight; Pillow's own conversion would turn all but the darkest shades white."""
    grey = picture.point(lambda value: value * (1 / 256)).convert("L")
    if "transparency" in picture.info:
        grey.info["transparency"] = picture.info["transparency"] // 256
    return grey


def _centre_square(picture: Image.Image, enough: int) -> Image.Image:
    """The largest square around the centre, made smaller by a whole factor as long as twice `enough` is left of it."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    factor = side // (2 * enough)
    return picture.reduce(factor, box) if factor > 1 else picture.crop(box)

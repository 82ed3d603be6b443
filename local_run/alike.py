"""Whether two pictures show the same, whatever their sizes: a judge that knows nothing of how thumbnails are made."""

from io import BytesIO

from PIL import Image, ImageChops, ImageStat

_SIDE = 32
_DIFFERENT = 12.0
"""Mean difference of a colour channel, 0 to 255, from which two pictures are not the same. Two JPEGs of one portrait in
different sizes differ by 1 to 3, portraits of two people by more than 25."""


def look_alike(one: bytes, other: bytes) -> bool:
    """Whether both are readable pictures that show the same, once centre-cropped to a square and made small."""
    try:
        left, right = _small(one), _small(other)
    except OSError:
        return False
    difference = ImageStat.Stat(ImageChops.difference(left, right)).mean
    return max(difference) < _DIFFERENT


def _small(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content)) as picture:
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.convert("RGB").crop((left, top, left + side, top + side))
    return square.resize((_SIDE, _SIDE), Image.Resampling.BOX)

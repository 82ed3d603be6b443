"""A picture of 72 pixels, drawn in code: a JPEG that is another one each time, for who writes it only to see it."""

import hashlib
from io import BytesIO

SIDE = 72
_STRIPES = 6


def small_picture(seed: str) -> bytes:
    """Six stripes whose colours follow from the seed; without any metadata."""
    from PIL import Image, ImageDraw

    colours = hashlib.sha256(seed.encode()).digest()
    picture = Image.new("RGB", (SIDE, SIDE))
    pencil = ImageDraw.Draw(picture)
    width = SIDE // _STRIPES
    for stripe in range(_STRIPES):
        red, green, blue = colours[3 * stripe : 3 * stripe + 3]
        pencil.rectangle((stripe * width, 0, (stripe + 1) * width, SIDE), fill=(red, green, blue))
    file = BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()

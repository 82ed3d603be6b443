"""A few people for a tenant that would be empty otherwise, with plainly drawn pictures."""

import colorsys
from io import BytesIO

from PIL import Image, ImageDraw

from simulated_tenant.client import Control

PEOPLE = (
    ("adele@contoso.com", "Adele Vance"),
    ("bruno@contoso.com", "Bruno Díaz"),
    ("chidi@contoso.com", "Chidi Okafor"),
    ("dana@contoso.com", "Dana Lindqvist"),
)
WITHOUT_PHOTO = ("emil@contoso.com", "Emil Novák")
_EDGE = 480


def draw(number: int) -> bytes:
    """A picture as JPEG: head and shoulders in front of a colour, one for each number."""
    hue = number * 0.381966 % 1
    image = Image.new("RGB", (_EDGE, _EDGE), _colour(hue, 0.35, 0.95))
    pen = ImageDraw.Draw(image)
    skin, shirt = _colour(0.07, 0.25 + number * 0.13 % 0.4, 0.95 - number * 0.17 % 0.5), _colour(hue + 0.5, 0.6, 0.7)
    pen.ellipse((70, 330, 410, 700), fill=shirt)
    pen.rounded_rectangle((205, 270, 275, 370), radius=30, fill=skin)
    pen.ellipse((150, 100, 330, 320), fill=skin)
    pen.pieslice((140, 80, 340, 290), 180, 360, fill=_colour(0.08, 0.6, 0.25))
    content = BytesIO()
    image.save(content, "JPEG", quality=88)
    return content.getvalue()


def seed(control: Control) -> list[str]:
    """Add the people, all but one with a picture; returns their object ids."""
    ids = [
        control.add_user(upn, draw(number), displayName=name, mail=upn)
        for number, (upn, name) in enumerate(PEOPLE, start=1)
    ]
    upn, name = WITHOUT_PHOTO
    return [*ids, control.add_user(upn, displayName=name, mail=upn)]


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)

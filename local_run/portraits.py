"""Portraits of the demo tenant's people, drawn: nobody's real face is in this repository.

>>> first = people()[0]
>>> photo = draw(first)              # what the person has uploaded
>>> newer = draw(first, variant=1)   # the same face, other hair, clothes and background
"""

from io import BytesIO
from math import cos, pi, sin

from local_run.brush import Brush, Colour, Point, darker, lighter, mirrored, mix
from local_run.hair import draw_hair_behind, draw_hair_on_top
from local_run.people import Hair, HairColour, Look, Person, Skin, people

__all__ = ["Person", "draw", "people"]

_SKIN: dict[Skin, Colour] = {
    "porcelain": (250, 221, 202),
    "rose": (243, 202, 178),
    "sand": (236, 193, 155),
    "honey": (219, 168, 124),
    "olive": (206, 160, 118),
    "almond": (178, 124, 84),
    "umber": (132, 84, 58),
    "ebony": (98, 62, 46),
}
_HAIR: dict[HairColour, Colour] = {
    "black": (38, 34, 42),
    "brown": (84, 56, 42),
    "chestnut": (112, 66, 44),
    "auburn": (140, 62, 40),
    "ginger": (205, 106, 48),
    "blond": (226, 183, 104),
    "silver": (158, 162, 172),
    "white": (226, 226, 230),
    "plum": (92, 44, 84),
}
_BACKGROUNDS: tuple[Colour, ...] = (
    (120, 190, 215),
    (246, 196, 110),
    (150, 200, 160),
    (238, 160, 150),
    (170, 165, 220),
    (245, 222, 180),
    (110, 175, 180),
    (200, 220, 130),
)
_CLOTHES: tuple[Colour, ...] = (
    (44, 82, 130),
    (178, 62, 70),
    (46, 120, 104),
    (96, 72, 140),
    (220, 130, 50),
    (58, 64, 78),
    (196, 92, 132),
)
_WHITE, _INK, _RED = (255, 255, 255), (44, 34, 40), (200, 70, 80)


def draw(person: Person, variant: int = 0, size: int = 648) -> bytes:
    """A square JPEG of `size` pixels: the same bytes for the same person, variant and size.

    Another `variant` is another photo of the same person: the face stays; hair, clothes and background change.
    """
    look, brush = person.look, Brush(size)
    hair: Hair = look.other_hair if variant % 2 else look.hair
    hair_colour, skin = _HAIR[look.colour], _SKIN[look.skin]
    background = _BACKGROUNDS[(person.number + 3 * variant) % len(_BACKGROUNDS)]
    cloth = _CLOTHES[(person.number * 3 + 2 * variant) % len(_CLOTHES)]

    brush.wash(lighter(background, 0.35), background)
    brush.oval((50, 50), 42, 42, lighter(background, 0.28))
    scarf = _CLOTHES[(person.number * 3 + 2 * variant + 3) % len(_CLOTHES)] if "scarf" in look.extras else None
    if scarf:
        _scarf_behind(brush, scarf)
    draw_hair_behind(brush, hair, hair_colour)
    _body(brush, look, cloth, skin)
    _head(brush, look, skin)
    if {"beard", "stubble"} & look.extras:
        _beard(brush, look, mix(skin, hair_colour, 0.22 if "stubble" in look.extras else 0.94))
    _face(brush, look, skin, hair_colour)
    draw_hair_on_top(brush, hair, hair_colour)
    _ornaments(brush, look, hair_colour)
    if scarf:
        _scarf(brush, scarf)
    file = BytesIO()
    brush.picture().save(file, "JPEG", quality=90)
    return file.getvalue()


def _outline(width: float) -> list[Point]:
    """The head: an ellipse that narrows towards the chin."""
    points = []
    for step in range(36):
        angle = 2 * pi * step / 36
        down = sin(angle)
        jaw = 1 - 0.16 * max(0.0, down) ** 2
        points.append((50 + 18.3 * width * jaw * cos(angle), 46 + 23 * down))
    return points


def _body(brush: Brush, look: Look, cloth: Colour, skin: Colour) -> None:
    shadow = darker(skin, 0.17)
    shoulders = [(50, 76), (38, 77), (22, 82), (13, 92), (10, 106), (50, 110), (90, 106), (87, 92), (78, 82), (62, 77)]
    if look.clothes == "hoodie":
        brush.blob([(50, 72), (34, 74), (28, 82), (34, 92), (66, 92), (72, 82), (66, 74)], darker(cloth, 0.25))
    brush.blob(shoulders, cloth)
    brush.blob([(42.5, 60), (42.3, 74), (38, 79), (50, 86), (62, 79), (57.7, 74), (57.5, 60)], skin)
    brush.blob([(42.5, 62), (42.5, 69), (50, 74), (57.5, 69), (57.5, 62)], shadow)
    _COLLARS[look.clothes](brush, cloth, skin)


def _crew(brush: Brush, cloth: Colour, _: Colour) -> None:
    brush.line([(37.5, 78.3), (42, 83), (50, 85), (58, 83), (62.5, 78.3)], 2.2, darker(cloth, 0.22))


def _vee(brush: Brush, cloth: Colour, skin: Colour) -> None:
    brush.polygon([(39, 78.5), (50, 95), (61, 78.5)], skin)
    for side in ([(37.5, 77.7), (43, 86), (50, 96)], mirrored([(37.5, 77.7), (43, 86), (50, 96)])):
        brush.line(side, 2.0, darker(cloth, 0.22))


def _collar(brush: Brush, cloth: Colour, skin: Colour) -> None:
    brush.polygon([(41, 78), (50, 89), (59, 78)], skin)
    flap = [(41.2, 73.5), (36.5, 78), (41, 90), (50, 87.5)]
    for side in (flap, mirrored(flap)):
        brush.polygon(side, lighter(cloth, 0.3))
    brush.line([(50, 88), (50, 100)], 0.6, darker(cloth, 0.3))
    for button in (92, 97.5):
        brush.oval((50, button), 0.8, 0.8, lighter(cloth, 0.6))


def _blazer(brush: Brush, cloth: Colour, _: Colour) -> None:
    brush.polygon([(38, 78), (50, 108), (62, 78), (58, 76), (50, 84), (42, 76)], lighter(cloth, 0.85))
    lapel = [(40, 75.5), (33.5, 79), (32, 89), (37.5, 90), (36.5, 93), (48.5, 108), (49, 100), (42.5, 86)]
    for side in (lapel, mirrored(lapel)):
        brush.polygon(side, darker(cloth, 0.25))


def _hoodie(brush: Brush, cloth: Colour, _: Colour) -> None:
    hood = [(39, 73), (33, 78), (36, 86), (45, 92), (50, 93), (47, 88), (41, 82)]
    for side in (hood, mirrored(hood)):
        brush.blob(side, lighter(cloth, 0.14))
        brush.line(
            [(side[4][0] + (side[1][0] - 50) * 0.3, 91), (side[4][0] + (side[1][0] - 50) * 0.32, 100)], 0.9, _WHITE
        )


def _roll(brush: Brush, cloth: Colour, _: Colour) -> None:
    brush.blob([(40, 76), (36, 80), (42, 88), (58, 88), (64, 80), (60, 76)], cloth)
    brush.blob(
        [(41, 70), (39.5, 77), (41, 82), (50, 84.5), (59, 82), (60.5, 77), (59, 70), (50, 73.5)], lighter(cloth, 0.1)
    )
    brush.line([(40.5, 77), (50, 80.5), (59.5, 77)], 0.7, darker(cloth, 0.2))


_COLLARS = {"crew": _crew, "vee": _vee, "collar": _collar, "blazer": _blazer, "hoodie": _hoodie, "roll": _roll}


def _head(brush: Brush, look: Look, skin: Colour) -> None:
    for side in (-1, 1):
        ear = (50 + side * 18.4 * look.width, 49)
        brush.oval(ear, 3.6, 5, skin)
        brush.oval((ear[0] + side * 0.4, ear[1] + 0.3), 1.7, 2.8, darker(skin, 0.16))
    brush.blob(_outline(look.width), skin)
    for side in (-1, 1):
        brush.oval((50 + side * 10.5, 55), 4, 2.8, mix(skin, _RED, 0.16))


def _face(brush: Brush, look: Look, skin: Colour, hair: Colour) -> None:
    shade = darker(skin, 0.26)
    brow = darker(mix(hair, skin, 0.15), 0.15)
    for side in (-1, 1):
        x = 50 + side * 8 * look.width
        brush.oval((x, 48), 3.5, 2.9, _WHITE)
        brush.oval((x, 48.2), 2.2, 2.4, mix(_INK, hair, 0.35))
        brush.oval((x, 48.2), 1.2, 1.3, _INK)
        brush.oval((x + 0.8, 47.3), 0.65, 0.65, _WHITE)
        brush.line([(x - 3.6, 47.4), (x - 1.8, 45.4), (x + 1.8, 45.4), (x + 3.6, 47.4)], 0.9, _INK)
        brush.line([(x - side * 3.4, 41.8), (x + side * 0.4, 40.3), (x + side * 4, 41.8)], 1.5, brow)
    brush.line([(51, 49.5), (52.4, 54), (50.8, 55.8), (48.6, 55.4)], 0.9, shade)
    if "freckles" in look.extras:
        for x, y in ((38.5, 53), (41, 54.6), (43.4, 53.2), (40, 56.3), (44.5, 55.8)):
            for place in ((x, y), (100 - x, y + 0.3)):
                brush.oval(place, 0.5, 0.5, mix(skin, (176, 96, 52), 0.6))
    if "moustache" in look.extras:
        half = [(50, 57.6), (46, 57.2), (42.2, 60.2), (41, 60.4), (43.8, 61.4), (50, 60)]
        for points in (half, mirrored(half)):
            brush.blob(points, hair)
    _smile(brush, skin)


def _smile(brush: Brush, skin: Colour) -> None:
    lips = mix(darker(skin, 0.25), _RED, 0.55)
    brush.blob([(43, 60.3), (46.5, 61), (50, 61.2), (53.5, 61), (57, 60.3), (54, 64.2), (50, 65.3), (46, 64.2)], lips)
    brush.blob([(44.6, 61), (50, 61.9), (55.4, 61), (53, 63), (50, 63.5), (47, 63)], _WHITE)


def _beard(brush: Brush, look: Look, colour: Colour) -> None:
    wide = look.width
    outside = [(32.2, 49), (33.2, 58), (38, 66.5), (45, 71), (50, 71.8), (55, 71), (62, 66.5), (66.8, 58), (67.8, 49)]
    inside = [(65, 53), (61.5, 57.5), (56, 57.3), (50, 58.2), (44, 57.3), (38.5, 57.5), (35, 53)]
    brush.blob([(50 + (x - 50) * wide, y) for x, y in (*outside, *inside)], colour)


def _ornaments(brush: Brush, look: Look, hair: Colour) -> None:
    frames = darker(hair, 0.4) if look.colour not in {"black", "brown"} else (60, 52, 60)
    for side in (-1, 1):
        x = 50 + side * 8 * look.width
        if "round glasses" in look.extras:
            brush.ring((x, 48.2), 5.6, 5.5, 1.0, (170, 130, 60))
        if "glasses" in look.extras:
            box = [(x - 5.6, 45), (x, 44.2), (x + 5.6, 45), (x + 5.2, 51.5), (x, 52.6), (x - 5.2, 51.5), (x - 5.6, 45)]
            brush.line(box, 1.2, frames)
        if "earrings" in look.extras:
            brush.oval((50 + side * 19.3 * look.width, 56), 1.5, 1.9, (236, 190, 70))
    for kind, colour in (("glasses", frames), ("round glasses", (170, 130, 60))):
        if kind in look.extras:
            brush.line([(47.6, 47.4), (50, 46.6), (52.4, 47.4)], 1.1, colour)
            for arm in ([(36.6, 47), (32, 46)], [(63.4, 47), (68, 46)]):
                brush.line(arm, 1.0, colour)
    if "bow" in look.extras:
        for loop in ([(63, 26), (56.5, 21), (57, 31)], [(63, 26), (70, 22), (69, 32)]):
            brush.blob(loop, _RED)
        brush.oval((63, 26), 1.9, 2.1, darker(_RED, 0.25))


def _scarf_behind(brush: Brush, colour: Colour) -> None:
    brush.blob(
        [(50, 14), (32, 20), (25, 42), (26, 66), (20, 84), (50, 96), (80, 84), (74, 66), (75, 42), (68, 20)], colour
    )


def _scarf(brush: Brush, colour: Colour) -> None:
    side = [
        (50, 15),
        (36, 18),
        (27, 34),
        (27, 56),
        (33, 72),
        (47, 80),
        (50, 74),
        (41, 68),
        (34.5, 56),
        (34, 42),
        (39, 31),
        (50, 27),
    ]
    for half in (side, mirrored(side)):
        brush.blob(half, colour)
    brush.blob([(33, 68), (42, 72), (52, 73), (64, 68), (69, 78), (56, 88), (42, 87), (30, 80)], lighter(colour, 0.1))
    for fold in ([(34, 76), (46, 80), (62, 74)], [(38, 82), (50, 84), (64, 79)], [(32, 28), (40, 21), (50, 18.5)]):
        brush.line(fold, 0.7, darker(colour, 0.2))

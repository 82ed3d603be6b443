"""Hair, in two layers: what falls behind the head and what lies on it."""

from collections.abc import Callable, Sequence
from math import copysign, cos, pi, sin

from local_run.brush import Brush, Colour, Point, darker, lighter, mirrored
from local_run.people import Hair

type Layer = Callable[[Brush, Colour], None]

# The head is an ellipse round (50, 46), about 18.5 wide and 23 high to each side; its hairline runs at about 33.


def draw_hair_behind(brush: Brush, hair: Hair, colour: Colour) -> None:
    """What must be drawn before shoulders and head."""
    _BEHIND.get(hair, _nothing)(brush, darker(colour, 0.22))


def draw_hair_on_top(brush: Brush, hair: Hair, colour: Colour) -> None:
    """What must be drawn after the head."""
    _ON_TOP.get(hair, _nothing)(brush, colour)


def _nothing(brush: Brush, colour: Colour) -> None:
    pass


def _locks(brush: Brush, places: Sequence[tuple[float, float, float]], colour: Colour) -> None:
    for x, y, radius in places:
        brush.oval((x, y), radius, radius, colour)


def _arc(centre: Point, radius: Point, start: float, end: float, count: int) -> list[Point]:
    """Points on an ellipse, from one angle to another in parts of a half turn; 0 is right, 1 is left, over the top."""
    angles = [pi * (start + (end - start) * step / (count - 1)) for step in range(count)]
    return [(centre[0] + radius[0] * cos(angle), centre[1] - radius[1] * sin(angle)) for angle in angles]


def _cap(brush: Brush, colour: Colour, hairline: list[Point], *, thick: float = 3.0) -> None:
    """Hair over the crown, down to the ears, with the given front edge from left to right."""
    crown = []
    for step in range(17):
        angle = pi * (-0.02 + 1.04 * step / 16)
        high = copysign(abs(sin(angle)) ** 0.8, sin(angle))  # broader than an ellipse, or heads look like eggs
        crown.append((50 + 19.3 * cos(angle), 46 - (23 + thick) * high))
    brush.blob([*crown, *hairline], colour)


def _shine(brush: Brush, colour: Colour) -> None:
    brush.line([(39, 29), (44, 26), (50, 25)], 1.1, lighter(colour, 0.22))


def _short(brush: Brush, colour: Colour) -> None:
    _cap(brush, colour, [(33, 40), (37, 34), (44, 32), (52, 34), (60, 32), (65, 36), (67.5, 41)], thick=4)
    _shine(brush, colour)


def _parted(brush: Brush, colour: Colour) -> None:
    _cap(brush, colour, [(32.5, 43), (35, 38), (38, 32), (48, 34), (57, 33), (63.5, 32.5), (66, 37), (68, 43)], thick=4)
    brush.blob(
        [(66, 33), (65, 24), (57, 18), (45, 17), (35, 21), (31.5, 33), (42, 34.5), (55, 34)], lighter(colour, 0.07)
    )
    _shine(brush, colour)


def _fringe(brush: Brush, colour: Colour) -> None:
    _cap(brush, colour, [(32, 50), (35, 41), (42, 39.5), (50, 40), (58, 39.5), (65, 41), (68, 50)], thick=4.5)
    for x, low in ((40, 39.5), (46.5, 40.2), (53.5, 40.2), (60, 39.5)):
        brush.line([(x, 33), (x, low)], 0.5, darker(colour, 0.15))
    _shine(brush, colour)


def _curtains(brush: Brush, colour: Colour) -> None:
    """A middle parting whose two halves fall beside the face."""
    half = [(50, 20), (41, 20), (33, 27), (30, 41), (30.5, 54), (33.5, 56), (35, 46), (39, 37), (46, 31), (50.5, 27)]
    for side in (half, mirrored(half)):
        brush.blob(side, colour)
    _shine(brush, colour)


def _swept_back(brush: Brush, colour: Colour) -> None:
    _cap(brush, colour, [(32, 44), (35, 36), (41, 30.5), (50, 29), (59, 30.5), (65, 36), (68, 44)], thick=3.5)
    for bend in (-7, -2.5, 2.5, 7):
        brush.line([(50 + bend * 1.4, 30), (50 + bend, 22)], 0.5, darker(colour, 0.14))


def _curls(brush: Brush, colour: Colour) -> None:
    ring = [(x, y, 5.2) for x, y in _arc((50, 40), (18.5, 19), -0.12, 1.12, 11)]
    inner = [(x, y, 5.4) for x, y in _arc((50, 39), (11, 12), 0.05, 0.95, 6)]
    _locks(brush, [*ring, *inner, (50, 27, 7)], colour)
    for x, y, _ in [*ring[2:-2:2], *inner[1:-1:2]]:
        brush.line([(x - 2, y), (x - 0.4, y - 1.9), (x + 1.8, y - 0.8)], 0.6, lighter(colour, 0.2))


def _afro_front(brush: Brush, colour: Colour) -> None:
    _locks(brush, [(x, y, 5) for x, y in _arc((50, 43), (17, 17), 0.04, 0.96, 9)], colour)
    _locks(brush, [(x, y, 5) for x, y in _arc((50, 40), (9, 12), 0.1, 0.9, 4)], colour)


def _afro_behind(brush: Brush, colour: Colour) -> None:
    brush.oval((50, 38), 28, 27, lighter(colour, 0.08))
    _locks(brush, [(x, y, 5) for x, y in _arc((50, 38), (25, 24), -0.3, 1.3, 22)], lighter(colour, 0.08))


def _buzz(brush: Brush, colour: Colour) -> None:
    _cap(brush, colour, [(33, 40), (36, 34), (43, 31.5), (50, 31), (57, 31.5), (64, 34), (67, 40)], thick=0.8)


def _waves_front(brush: Brush, colour: Colour) -> None:
    _curtains(brush, colour)
    for side in (1, -1):
        places = [(50 + side * 18.5, 42, 4.2), (50 + side * 20.5, 50, 4.4), (50 + side * 19.5, 58, 4.6)]
        _locks(brush, places, colour)


def _waves_behind(brush: Brush, colour: Colour) -> None:
    brush.oval((50, 46), 23, 25, colour)
    for side in (1, -1):
        places = [(50 + side * 20, 56, 6.5), (50 + side * 21.5, 65, 6.5), (50 + side * 19, 74, 6.5)]
        _locks(brush, places, colour)


def _long_behind(brush: Brush, colour: Colour) -> None:
    brush.blob(
        [(50, 18), (33, 22), (27, 42), (26, 66), (24, 88), (50, 92), (76, 88), (74, 66), (73, 42), (67, 22)], colour
    )


def _bob_behind(brush: Brush, colour: Colour) -> None:
    brush.blob(
        [(50, 18), (32, 24), (27, 44), (26, 62), (31, 68), (50, 66), (69, 68), (74, 62), (73, 44), (68, 24)], colour
    )


def _bob_front(brush: Brush, colour: Colour) -> None:
    _fringe(brush, colour)
    side = [(31.5, 36), (28.5, 46), (28, 60), (31.5, 65), (34, 58), (34.3, 46), (36, 40)]
    for half in (side, mirrored(side)):
        brush.blob(half, colour)


def _bun_behind(brush: Brush, colour: Colour) -> None:
    brush.oval((50, 17.5), 9, 8.5, colour)
    brush.line([(45, 15), (50, 12.5), (55, 15)], 0.7, lighter(colour, 0.2))


def _tail_behind(brush: Brush, colour: Colour) -> None:
    brush.blob([(62, 24), (74, 28), (80, 42), (79, 60), (83, 76), (74, 74), (70, 58), (70, 42)], colour)


_BEHIND: dict[Hair, Layer] = {
    "long": _long_behind,
    "waves": _waves_behind,
    "bob": _bob_behind,
    "bun": _bun_behind,
    "tail": _tail_behind,
    "afro": _afro_behind,
}
_ON_TOP: dict[Hair, Layer] = {
    "short": _short,
    "parted": _parted,
    "fringe": _fringe,
    "long": _curtains,
    "waves": _waves_front,
    "bob": _bob_front,
    "bun": _swept_back,
    "tail": _swept_back,
    "curls": _curls,
    "afro": _afro_front,
    "buzz": _buzz,
}

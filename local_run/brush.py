"""A brush for flat drawings: shapes in a square of 100 by 100 units, whatever its size in pixels."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

type Colour = tuple[int, int, int]
type Point = tuple[float, float]

_FINER = 2  # drawn at twice the size and averaged, since Pillow's shapes have hard edges


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour between two: `share` 0 is the one, 1 the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def darker(colour: Colour, share: float = 0.2) -> Colour:
    """The colour in shade."""
    return mix(colour, (20, 12, 30), share)


def lighter(colour: Colour, share: float = 0.2) -> Colour:
    """The colour in light."""
    return mix(colour, (255, 255, 255), share)


def mirrored(points: Sequence[Point]) -> list[Point]:
    """The points reflected at the vertical middle line."""
    return [(100 - x, y) for x, y in points]


class Brush:
    """Draws into a square picture of `size` pixels."""

    def __init__(self, size: int) -> None:
        self._size, self._scale = size, size * _FINER / 100
        self._picture = Image.new("RGB", (size * _FINER, size * _FINER))
        self._draw = ImageDraw.Draw(self._picture)

    def picture(self) -> Image.Image:
        """What has been drawn."""
        return self._picture.resize((self._size, self._size), Image.Resampling.LANCZOS)

    def wash(self, top: Colour, bottom: Colour) -> None:
        """The whole square, from one colour at the top to another at the bottom."""
        for row in range(self._picture.height):
            self._draw.line([(0, row), (self._picture.width, row)], mix(top, bottom, row / self._picture.height))

    def oval(self, centre: Point, across: float, down: float, colour: Colour) -> None:
        """A filled ellipse of two radii."""
        (x, y), s = centre, self._scale
        self._draw.ellipse(((x - across) * s, (y - down) * s, (x + across) * s, (y + down) * s), fill=colour)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled shape with corners."""
        self._draw.polygon([(x * self._scale, y * self._scale) for x, y in points], fill=colour)

    def blob(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled shape whose outline runs smoothly through the points."""
        self.polygon(_smooth(points), colour)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A smooth open line with round ends."""
        curve = [(x * self._scale, y * self._scale) for x, y in _smooth(points, closed=False)]
        self._draw.line(curve, fill=colour, width=round(width * self._scale), joint="curve")
        for end in (points[0], points[-1]):
            self.oval(end, width / 2, width / 2, colour)

    def ring(self, centre: Point, across: float, down: float, width: float, colour: Colour) -> None:
        """An ellipse's outline."""
        (x, y), s, thick = centre, self._scale, width / 2
        box = ((x - across - thick) * s, (y - down - thick) * s, (x + across + thick) * s, (y + down + thick) * s)
        self._draw.ellipse(box, outline=colour, width=round(width * s))


def _smooth(points: Sequence[Point], *, closed: bool = True) -> list[Point]:
    """More points on a Catmull-Rom curve through the given ones."""
    count = len(points)
    curve = []
    for at in range(count if closed else count - 1):
        places = range(at - 1, at + 3)
        around = [points[place % count if closed else min(max(place, 0), count - 1)] for place in places]
        for step in range(12):
            share = step / 12
            curve.append((_between([x for x, _ in around], share), _between([y for _, y in around], share)))
    return curve if closed else [*curve, points[-1]]


def _between(values: Sequence[float], share: float) -> float:
    before, start, end, after = values
    slope, bend = end - before, 2 * before - 5 * start + 4 * end - after
    return start + share * (slope + share * (bend + share * (3 * (start - end) + after - before))) / 2

"""One picture that shows, for each person, the source beside what SharePoint now has.

Names are written in their own script when a font on the machine has all their letters (see `local_run.fonts`), else the
UPN stands in the name's place. A picture that is not there is an empty outlined box; one that cannot be opened is
crossed out. Sizes below the pictures are measured, not assumed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from local_run.fonts import Font, font_for

type Colour = tuple[int, int, int]
type Corner = tuple[int, int]

_CARD_WIDTH, _CARD_HEIGHT, _MARGIN = 464, 230, 20
_SOURCE = _LARGE = 150  # the large target at half its usual size of 300, and the source to match
_MEDIUM, _SMALL = 72, 48

_PAPER, _CARD, _RIM = (238, 240, 244), (255, 255, 255), (214, 219, 227)
_TEXT, _FAINT, _BROKEN = (32, 36, 46), (116, 124, 138), (190, 50, 50)
_STATES: dict[str, Colour] = {
    "in_step": (34, 128, 78),
    "pending": (52, 104, 178),
    "copying": (52, 104, 178),
    "deferred": (178, 112, 16),
    "failed": (186, 44, 44),
}


@dataclass(frozen=True)
class SheetRow:
    """One person: what the directory says, the source's bytes, and the bytes of the three target files."""

    name: str
    upn: str
    state: str
    source: bytes | None = None
    small: bytes | None = None
    medium: bytes | None = None
    large: bytes | None = None


def draw_contact_sheet(rows: Sequence[SheetRow], heading: str = "") -> bytes:
    """The sheet as PNG: two columns for up to eight people, three for more; above them the heading, in Latin script."""
    columns = 2 if len(rows) <= 8 else 3
    top = _MARGIN + (44 if heading else 0)
    width = columns * (_CARD_WIDTH + _MARGIN) + _MARGIN
    height = top + max(1, -(-len(rows) // columns)) * (_CARD_HEIGHT + _MARGIN)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    if heading:
        _write(draw, (_MARGIN + 4, 22), heading, 24, width - 2 * _MARGIN)
    for number, row in enumerate(rows):
        down, across = divmod(number, columns)
        corner = (_MARGIN + across * (_CARD_WIDTH + _MARGIN), top + down * (_CARD_HEIGHT + _MARGIN))
        _card(sheet, draw, corner, row)
    file = BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


def _card(sheet: Image.Image, draw: ImageDraw.ImageDraw, corner: Corner, row: SheetRow) -> None:
    x, y = corner
    draw.rounded_rectangle((x, y, x + _CARD_WIDTH, y + _CARD_HEIGHT), 12, fill=_CARD, outline=_RIM)
    room = _CARD_WIDTH - 44 - _state(draw, (x + _CARD_WIDTH - 16, y + 14), row.state)
    written = row.name if font_for(row.name, 18) else row.upn
    _write(draw, (x + 16, y + 14), written, 18, room)

    left, top = x + 16, y + 52
    _picture(sheet, (left, top), _SOURCE, row.source, label="source")
    _arrow(draw, (left + _SOURCE + 14, top + _SOURCE // 2))
    left += _SOURCE + 50
    _picture(sheet, (left, top), _LARGE, row.large, label="target")
    left += _LARGE + 10
    _picture(sheet, (left, top), _MEDIUM, row.medium)
    _picture(sheet, (left + (_MEDIUM - _SMALL) // 2, top + _LARGE - _SMALL), _SMALL, row.small)


def _state(draw: ImageDraw.ImageDraw, right_top: Corner, state: str) -> int:
    """The state's word on a coloured ground; returns the width that it took."""
    font = _plain_font(14)
    word = state.replace("_", " ")
    width = round(font.getlength(word)) + 20
    right, top = right_top
    draw.rounded_rectangle((right - width, top, right, top + 24), 12, fill=_STATES.get(state, _FAINT))
    draw.text((right - width // 2, top + 12), word, fill="white", font=font, anchor="mm")
    return width


def _arrow(draw: ImageDraw.ImageDraw, start: Corner) -> None:
    x, y = start
    draw.line((x, y, x + 14, y), fill=_FAINT, width=3)
    draw.polygon([(x + 13, y - 6), (x + 22, y), (x + 13, y + 6)], fill=_FAINT)


def _picture(sheet: Image.Image, corner: Corner, side: int, file: bytes | None, *, label: str = "") -> None:
    draw = ImageDraw.Draw(sheet)
    x, y = corner
    box = (x, y, x + side - 1, y + side - 1)
    shown = _opened(file) if file else None
    if shown:
        size = f"{shown.width} x {shown.height}"
        small = _fitted(shown, side)
        sheet.paste(small, (x + (side - small.width) // 2, y + (side - small.height) // 2))
    elif file is None:
        size = "none"
        draw.rectangle(box, outline=_RIM, width=2)
    else:
        size = "broken"
        draw.rectangle(box, outline=_BROKEN, width=2)
        draw.line((x + 4, y + 4, x + side - 5, y + side - 5), fill=_BROKEN, width=2)
        draw.line((x + 4, y + side - 5, x + side - 5, y + 4), fill=_BROKEN, width=2)
    text = f"{label} {size}" if label else size
    draw.text((x + side // 2, y + side + 4), text, fill=_FAINT, font=_plain_font(11), anchor="ma")


def _opened(file: bytes) -> Image.Image | None:
    try:
        with Image.open(BytesIO(file)) as picture:
            return picture.convert("RGB")
    except Exception:  # noqa: BLE001 - whatever a decoder says about it, the box is crossed out
        return None


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    """At its own size if that fits, else at half if that does, else made to fit."""
    for share in (1, 2):
        if max(picture.size) <= side * share:
            return picture.resize(
                (max(1, picture.width // share), max(1, picture.height // share)), Image.Resampling.LANCZOS
            )
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def _write(draw: ImageDraw.ImageDraw, corner: Corner, text: str, size: int, room: int) -> None:
    """The text in one line, ended by three dots where there is no room for all of it."""
    font = font_for(text, size) or _plain_font(size)
    shown = text
    while font.getlength(shown) > room and len(shown) > 1:
        shown = shown.rstrip(".")[:-1].rstrip() + "..."
    draw.text(corner, shown, fill=_TEXT, font=font)


def _plain_font(size: int) -> Font | ImageFont.ImageFont:
    return font_for("Latin 0-9 x", size) or ImageFont.load_default(size)

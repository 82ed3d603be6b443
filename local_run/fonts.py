"""Fonts for names in any script, as far as the machine has them. No font is kept in the repository.

`font_for` takes the first font that has a glyph for every letter of the text: those usual on Linux, macOS and Windows,
then the one inside Pillow, which has Latin only. When none has them all it says so, and the caller writes something
else: boxes in place of letters help nobody. On Debian and Ubuntu, `fonts-dejavu-core` covers Latin, Greek, Cyrillic,
Arabic and Hebrew; `fonts-noto-core` and `fonts-noto-cjk` cover the rest.
"""

import functools
import unicodedata

from PIL import ImageFont, features

type Font = ImageFont.FreeTypeFont

_USUAL = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "Nirmala.ttf",
    "malgun.ttf",
    "msgothic.ttc",
    "Hiragino Sans GB.ttc",
    "AppleSDGothicNeo.ttc",
)
_NO_LETTER = "\U0010fffe"  # never assigned, so every font draws its box for what it lacks


def font_for(text: str, size: int) -> Font | None:
    """A font in which every letter of the text can be read, or None when the machine has none."""
    if not features.check("raqm") and any(_needs_shaping(letter) for letter in text):
        return None
    return next((font for font in _fonts(size) if all(_has(font, letter) for letter in text)), None)


@functools.cache
def _fonts(size: int) -> list[Font]:
    found = []
    for name in _USUAL:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue  # not on this machine
    inside_pillow = ImageFont.load_default(size)
    return [*found, inside_pillow] if isinstance(inside_pillow, ImageFont.FreeTypeFont) else found


def _has(font: Font, letter: str) -> bool:
    return letter.isspace() or _drawn(font, letter) != _drawn(font, _NO_LETTER)


def _drawn(font: Font, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _needs_shaping(letter: str) -> bool:
    """Whether the letter is written from right to left or joins its neighbours, which needs Pillow's Raqm layout."""
    return unicodedata.bidirectional(letter) in {"R", "AL"} or unicodedata.category(letter) in {"Mn", "Mc"}

"""The drawn people, their names, and the sheet that shows them beside their targets."""

from io import BytesIO
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from local_run.contact_sheet import SheetRow, draw_contact_sheet
from local_run.fonts import font_for
from local_run.portraits import draw, people
from photo_worker.make_thumbnails import make_thumbnails

type Pixels = npt.NDArray[np.float64]

SMALL_SIZE = 96


def pixels(file: bytes) -> Pixels:
    with Image.open(BytesIO(file)) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.float64)


@pytest.fixture(scope="module")
def portraits() -> dict[tuple[str, int], Pixels]:
    """Two variants of everybody, small."""
    return {
        (person.local_part, variant): pixels(draw(person, variant, SMALL_SIZE))
        for person in people()
        for variant in (0, 1)
    }


def test_everybody_has_an_own_name() -> None:
    """Two dozen people, none of whom shares an address or a number with another."""
    everybody = people()
    assert len(everybody) == 24
    assert len({person.local_part for person in everybody}) == 24
    assert [person.number for person in everybody] == list(range(24))
    assert people() == everybody


def test_names_that_break_careless_software() -> None:
    """An apostrophe, a collision under the usual file names, signs that URLs treat specially, and eight scripts."""
    parts = {person.local_part for person in people()}
    assert any("'" in part for part in parts)
    replaced = [part.replace(".", "_") for part in parts]
    assert {"a.berg", "a_berg"} <= parts
    assert len(set(replaced)) == len(replaced) - 1
    assert any({"#", "%"} <= set(person.display_name) for person in people())
    assert not any({"#", "%"} & set(part) for part in parts)
    scripts = {person.script for person in people()}
    assert scripts == {"Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Kanji", "Hangul"}
    languages = {person.language for person in people()}
    assert {"bg", "el", "ar", "ja", "vi", "ga"} <= languages


def test_faces_are_told_apart(portraits: dict[tuple[str, int], Pixels]) -> None:
    """No two people look alike, not even at a glance."""
    first = {part: face for (part, variant), face in portraits.items() if variant == 0}
    for one, other in combinations(first, 2):
        assert np.abs(first[one] - first[other]).mean() > 6, (one, other)


def test_a_new_photo_is_seen(portraits: dict[tuple[str, int], Pixels]) -> None:
    """Another variant is visibly another photo, in its background, in its clothes, and everywhere on average."""
    for person in people():
        before, after = portraits[person.local_part, 0], portraits[person.local_part, 1]
        corner, chest = np.s_[:8, :8], np.s_[-6:, 24:34]
        for part in (corner, chest):
            assert np.abs(before[part] - after[part]).mean() > 15, person.local_part
        assert np.abs(before - after).mean() > 15, person.local_part


def test_same_person_same_photo() -> None:
    """A portrait is the same bytes every time: a square JPEG of the asked size, which the product accepts."""
    person = people()[0]
    assert draw(person) == draw(person)
    with Image.open(BytesIO(draw(person))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (648, 648))
    assert draw(person, size=240) != draw(person)
    assert make_thumbnails(draw(person, size=240)).large


def row(name: str = "Anna Berg", state: str = "in_step", **files: bytes | None) -> SheetRow:
    return SheetRow(name, "anna.berg@contoso.com", state, **files)


def blocks_of(sheet: bytes, colour: tuple[int, int, int]) -> int:
    """How many pixels of the sheet have about that colour."""
    return int((np.abs(pixels(sheet) - colour).max(axis=2) < 12).sum())


def plain(side: int, colour: tuple[int, int, int]) -> bytes:
    file = BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "JPEG", quality=95)
    return file.getvalue()


def test_sheet_shows_each_picture_at_its_size() -> None:
    """Source and large target stand side by side at the same size, the small ones at their own."""
    colours = (200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 0, 200)
    source, large, medium, small = (
        plain(side, colour) for side, colour in zip((648, 300, 72, 48), colours, strict=True)
    )
    sheet = draw_contact_sheet([row(state="nothing", source=source, large=large, medium=medium, small=small)])
    areas = [blocks_of(sheet, colour) for colour in colours]
    assert areas == pytest.approx([150**2, 150**2, 72**2, 48**2], rel=0.01)


def test_missing_and_broken_pictures_differ() -> None:
    """A picture that is not there leaves an empty box; one that cannot be opened is crossed out."""
    missing, broken = draw_contact_sheet([row()]), draw_contact_sheet([row(source=b"\xff\xd8\xff no photo")])
    red = (190, 50, 50)
    assert blocks_of(missing, red) == 0
    assert blocks_of(broken, red) > 500


@pytest.mark.parametrize("count", [0, 1, 2, 8, 9, 30])
def test_sheet_holds_everybody(count: int) -> None:
    """Nobody to thirty people fit, in two or three columns."""
    with Image.open(BytesIO(draw_contact_sheet([row()] * count))) as sheet:
        assert sheet.format == "PNG"
        rows = max(1, -(-count // (2 if count <= 8 else 3)))
        assert sheet.height == 20 + rows * 250
        assert sheet.width == (988 if count <= 8 else 1472)


def test_unwritable_name_gives_way_to_the_address() -> None:
    """When no font has a name's letters the UPN stands there instead of boxes."""
    unwritable = "\U0010fff0\U0010fff1"
    assert font_for(unwritable, 18) is None
    assert draw_contact_sheet([row(unwritable)]) == draw_contact_sheet([row("anna.berg@contoso.com")])
    assert draw_contact_sheet([row("Anna Berg")]) != draw_contact_sheet([row(unwritable)])


def test_long_name_leaves_the_state_free() -> None:
    """A name too long for its card is cut before the state's word."""
    font = font_for("state", 18)
    assert font is not None
    plainly, long = draw_contact_sheet([row("M")]), draw_contact_sheet([row("M" * 80)])
    right = np.s_[20:60, 400:]
    assert np.array_equal(pixels(plainly)[right], pixels(long)[right])

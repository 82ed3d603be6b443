"""What the thumbnails look like: sizes, turn, crop, colours, and nothing but the picture in them."""

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from photo_worker.make_thumbnails import Thumbnails, make_thumbnails
from tests import pictures
from tests.pictures import BLUE, GREEN, RED, YELLOW

type Pixels = npt.NDArray[np.float64]
WHITE = (255, 255, 255)


def pixels(thumbnail: bytes) -> Pixels:
    return np.asarray(Image.open(BytesIO(thumbnail)), dtype=np.float64)


def sides(made: Thumbnails) -> list[tuple[int, int]]:
    return [Image.open(BytesIO(file)).size for file in (made.small, made.medium, made.large)]


def middle_colour(source: bytes) -> Pixels:
    """The colour in the middle of the large thumbnail."""
    large = pixels(make_thumbnails(source).large)
    third = len(large) // 3
    colour: Pixels = large[third:-third, third:-third].mean(axis=(0, 1))
    return colour


def plain(mode: str, colour: object, kind: str, **how: object) -> bytes:
    return pictures.encoded(Image.new(mode, (120, 120), colour), kind, **how)  # type: ignore[arg-type] # any colour


def assert_quadrants(thumbnail: bytes, expected: tuple[tuple[int, int, int], ...]) -> None:
    picture = pixels(thumbnail)
    half, rim = len(picture) // 2, len(picture) // 12
    parts = [picture[:half, :half], picture[:half, half:], picture[half:, :half], picture[half:, half:]]
    for part, colour in zip(parts, expected, strict=True):
        inner = part[rim:-rim, rim:-rim].reshape(-1, 3)
        assert np.abs(inner - colour).max() < 14, (inner.mean(axis=0), colour)


def test_three_squares() -> None:
    """A photo becomes JPEG squares of 48, 72 and 300 pixels."""
    made = make_thumbnails(pictures.jpeg(648, 648))
    assert sides(made) == [(48, 48), (72, 72), (300, 300)]
    for file in (made.small, made.medium, made.large):
        with Image.open(BytesIO(file)) as picture:
            assert (picture.format, picture.mode) == ("JPEG", "RGB")


def test_large_is_a_setting() -> None:
    """The large side is the caller's choice; the other two are SharePoint's."""
    assert sides(make_thumbnails(pictures.jpeg(648, 648), large=200)) == [(48, 48), (72, 72), (200, 200)]


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(240, 240, [48, 72, 240]), (500, 60, [48, 60, 60]), (40, 90, [40, 40, 40]), (301, 300, [48, 72, 300])],
)
def test_nothing_grows(width: int, height: int, expected: list[int]) -> None:
    """No thumbnail has more pixels a side than the source's shorter side."""
    assert sides(make_thumbnails(pictures.jpeg(width, height))) == [(side, side) for side in expected]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_stands_upright(orientation: int, kind: str) -> None:
    """However the camera was held, and whatever file says so, top left is top left on all three thumbnails."""
    made = make_thumbnails(pictures.quadrants(480, 320, orientation=orientation, kind=kind))
    for file in (made.small, made.medium, made.large):
        assert_quadrants(file, (RED, GREEN, BLUE, YELLOW))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01"]
)
def test_broken_exif_means_upright(exif: bytes) -> None:
    """EXIF that cannot be read neither turns nor refuses the photo."""
    source = pictures.encoded(Image.open(BytesIO(pictures.quadrants())), "JPEG", exif=exif, quality=95, subsampling=0)
    assert_quadrants(make_thumbnails(source).large, (RED, GREEN, BLUE, YELLOW))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_orientation_means_upright(orientation: int) -> None:
    """An orientation outside 1 to 8 is as good as none."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = pictures.encoded(Image.open(BytesIO(pictures.quadrants(kind="PNG"))), "PNG", exif=exif.tobytes())
    assert_quadrants(make_thumbnails(source).large, (RED, GREEN, BLUE, YELLOW))


@pytest.mark.parametrize(("width", "height"), [(900, 300), (300, 900), (6000, 2000), (2001, 667)])
def test_crop_keeps_the_centre(width: int, height: int) -> None:
    """Of a long photo the middle square stays, whole and unstretched, whichever side is the long one."""
    picture = Image.new("RGB", (width, height), RED)
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    picture.paste(GREEN, (left, top, left + side, top + side))
    picture.paste(BLUE, (left + side // 4, top + side // 4, left + side * 3 // 4, top + side * 3 // 4))
    large = pixels(make_thumbnails(pictures.encoded(picture, "JPEG", quality=95, subsampling=0)).large)
    blue = np.abs(large - BLUE).max(axis=2) < 40
    red = np.abs(large - RED).max(axis=2) < 40
    assert red.mean() < 0.01
    rows, columns = np.flatnonzero(blue.any(axis=1)), np.flatnonzero(blue.any(axis=0))
    for found in (rows, columns):
        assert (found[0], found[-1]) == pytest.approx((75, 224), abs=2)


CYAN_INK = (255, 0, 0, 0)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(plain("L", 90, "JPEG"), (90, 90, 90), id="grey JPEG"),
        pytest.param(plain("1", 1, "PNG"), WHITE, id="black and white"),
        pytest.param(plain("P", 0, "GIF"), (0, 0, 0), id="GIF"),
        pytest.param(plain("RGB", RED, "BMP"), RED, id="BMP"),
        pytest.param(plain("RGB", RED, "WEBP", lossless=True), RED, id="WebP"),
        pytest.param(
            plain("CMYK", (0, 255, 255, 0), "JPEG", quality=95), (255, 0, 0), id="CMYK, inverted as Adobe does"
        ),
        pytest.param(plain("RGBA", (*RED, 0), "PNG"), WHITE, id="transparent"),
        pytest.param(plain("RGBA", (0, 0, 0, 128), "PNG"), (127, 127, 127), id="half transparent"),
        pytest.param(plain("RGBA", (0, 0, 0, 128), "WEBP", lossless=True), (127, 127, 127), id="half transparent WebP"),
        pytest.param(plain("LA", (0, 64), "PNG"), (191, 191, 191), id="grey, half transparent"),
        pytest.param(plain("P", 0, "PNG", transparency=0), WHITE, id="palette with transparency"),
        pytest.param(plain("P", 0, "GIF", transparency=0), WHITE, id="GIF with transparency"),
        pytest.param(plain("RGB", RED, "PNG", transparency=RED), WHITE, id="one transparent colour"),
        pytest.param(plain("I;16", 0x8080, "PNG"), (128, 128, 128), id="16 bits of grey"),
        pytest.param(plain("I;16", 0x4001, "PNG", transparency=0x4001), WHITE, id="16 bits, one transparent"),
    ],
)
def test_colours_of_every_mode(source: bytes, expected: tuple[int, int, int]) -> None:
    """Whatever way a file holds its colours, they come out as a browser would show them on white paper."""
    assert middle_colour(source) == pytest.approx(expected, abs=4)


def test_sixteen_bits_a_colour() -> None:
    """A PNG with 16 bits a channel and alpha keeps its colours and its transparency."""
    pixel = struct.pack(">4H", 0xFFFF, 0x8080, 0, 0x8080)
    data = zlib.compress((b"\0" + pixel * 64) * 64)
    assert middle_colour(pictures.raw_png(64, 64, 16, 6, data)) == pytest.approx((255, 191, 127), abs=4)


def test_colour_profile_is_honoured() -> None:
    """A photo in another RGB comes out in sRGB: here a profile says that red and blue are exchanged."""
    source = plain("RGB", RED, "JPEG", quality=95, icc_profile=pictures.swapped_profile())
    assert middle_colour(source) == pytest.approx((RED[2], RED[1], RED[0]), abs=10)


def test_colour_profile_of_a_transparent_picture() -> None:
    """The profile speaks of the picture's colours, not of the white that shows through."""
    source = plain("RGBA", (255, 0, 0, 128), "PNG", icc_profile=pictures.swapped_profile())
    assert middle_colour(source) == pytest.approx((127, 127, 255), abs=6)


def test_grey_profiles() -> None:
    """A grey picture may carry a grey profile, or its camera's RGB one."""
    dark = middle_colour(plain("L", 128, "PNG", icc_profile=pictures.dark_grey_profile()))
    assert dark == pytest.approx((71, 71, 71), abs=6)
    camera = middle_colour(plain("L", 128, "PNG", icc_profile=pictures.swapped_profile(gamma=4)))
    assert camera == pytest.approx((71, 71, 71), abs=6)


def test_ink_profile() -> None:
    """A CMYK photo goes through its own press's profile: here one whose cyan ink prints red."""
    plain_cyan = middle_colour(plain("CMYK", CYAN_INK, "JPEG", quality=95))
    assert plain_cyan == pytest.approx((0, 255, 255), abs=6)
    red, green, blue = middle_colour(
        plain("CMYK", CYAN_INK, "JPEG", quality=95, icc_profile=pictures.red_ink_profile())
    )
    assert red > 100
    assert max(green, blue) < 40


@pytest.mark.parametrize(
    "profile",
    [b"no profile at all", pictures.swapped_profile()[:150], pictures.dark_grey_profile(), pictures.red_ink_profile()],
    ids=["nonsense", "cut", "for grey", "for ink"],
)
def test_unusable_profile_is_ignored(profile: bytes) -> None:
    """A broken profile, or one for other colours than the picture has, leaves the picture as it is."""
    assert middle_colour(plain("RGB", RED, "JPEG", quality=95, icc_profile=profile)) == pytest.approx(RED, abs=4)


@pytest.mark.parametrize("profile", [None, pictures.swapped_profile()], ids=["no profile", "profile"])
def test_nothing_but_the_picture(profile: bytes | None) -> None:
    """Description, comment, profile, place and density of the source are in none of the thumbnails."""
    with Image.open(BytesIO(pictures.quadrants(orientation=6))) as told:
        source = pictures.encoded(
            told,
            "JPEG",
            exif=told.info["exif"],
            comment=b"a comment",
            icc_profile=profile,
            xmp=b"<x:xmpmeta/>",
            dpi=(300, 300),
        )
    made = make_thumbnails(source)
    for file in (made.small, made.medium, made.large):
        with Image.open(BytesIO(file)) as picture:
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert picture.info["jfif_unit"] == 0
        assert b"Exif" not in file
        assert b"comment" not in file


def test_first_frame_of_an_animation() -> None:
    """A moving GIF gives its first frame, and so does a moving WebP."""
    assert middle_colour(pictures.animated_gif(GREEN, RED, BLUE)) == pytest.approx(GREEN, abs=4)
    frames = [Image.new("RGB", (90, 90), colour) for colour in (BLUE, RED)]
    webp = pictures.encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert middle_colour(webp) == pytest.approx(BLUE, abs=4)


def test_downscaling_averages() -> None:
    """Fine detail becomes its average, in the reduced decoding of a JPEG as in the full one of a PNG."""
    stripes = np.zeros((3000, 3000), dtype=np.uint8)
    stripes[:, ::5] = 255
    for kind in ("JPEG", "PNG"):
        source = pictures.encoded(Image.fromarray(stripes), kind)
        for file in (make_thumbnails(source).small, make_thumbnails(source).large):
            assert np.abs(pixels(file) - 51).max() < 25


def test_same_source_same_bytes() -> None:
    """The same photo gives the same files, another photo others."""
    assert make_thumbnails(pictures.jpeg(seed=1)) == make_thumbnails(pictures.jpeg(seed=1))
    assert make_thumbnails(pictures.jpeg(seed=1)) != make_thumbnails(pictures.jpeg(seed=2))


def test_many_threads() -> None:
    """Threads do not disturb each other: each gets what it would get alone, heavy pictures among them."""
    sources = [pictures.jpeg(500, 400, seed=seed) for seed in range(6)]
    sources += [pictures.quadrants(orientation=6), pictures.animated_gif(RED, BLUE), pictures.png_enormous(2048)]
    sources += [plain("RGB", RED, "JPEG", icc_profile=pictures.swapped_profile())]
    alone = [make_thumbnails(source) for source in sources]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(make_thumbnails, sources * 4))
    assert together == alone * 4

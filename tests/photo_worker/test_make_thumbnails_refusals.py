"""What is no usable photo ends in a refusal with a reason: never in a crash, and never in half a picture."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from photo_worker import read_photo
from photo_worker.make_thumbnails import PhotoRefused, Refusal, make_thumbnails
from tests import pictures

ROOT = Path(__file__).parents[2]
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("JPEG", {}),
    "progressive JPEG": ("JPEG", {"progressive": True}),
    "PNG": ("PNG", {}),
    "GIF": ("GIF", {}),
    "WebP": ("WEBP", {}),
    "lossless WebP": ("WEBP", {"lossless": True}),
    "BMP": ("BMP", {}),
}
FILES = {name: pictures.encoded(pictures.scene(200, 160, seed=5), kind, **how) for name, (kind, how) in KINDS.items()}


def refusal(source: bytes) -> Refusal:
    with pytest.raises(PhotoRefused) as refused:
        make_thumbnails(source)
    return refused.value.reason


@pytest.mark.parametrize("name", KINDS)
def test_cut_at_every_tenth(name: str) -> None:
    """A file that was cut is refused, wherever it was cut."""
    whole = FILES[name]
    make_thumbnails(whole)
    for tenth in range(1, 10):
        assert refusal(whole[: len(whole) * tenth // 10]) is Refusal.TRUNCATED


def test_cut_jpeg_that_was_closed_again() -> None:
    """A JPEG that was cut and then given an end marker is refused too: decoders would fill it with grey."""
    whole = FILES["JPEG"]
    make_thumbnails(whole[:-2])  # nothing but the end marker is missing, so the picture is whole
    for tenth in range(1, 10):
        assert refusal(whole[: len(whole) * tenth // 10] + b"\xff\xd9") is Refusal.TRUNCATED


def test_progressive_jpeg_without_its_later_scans() -> None:
    """A progressive JPEG that ends after its coarse scans is refused, even when it ends politely."""
    whole = FILES["progressive JPEG"]
    scans = [place for place in range(len(whole)) if whole.startswith(b"\xff\xda", place)]
    assert len(scans) > 4
    for scan in scans[1:4]:
        assert refusal(whole[:scan] + b"\xff\xd9") is Refusal.TRUNCATED


def test_rest_after_the_end_does_no_harm() -> None:
    """Bytes behind a JPEG's end, a second picture for instance, change nothing."""
    whole = FILES["JPEG"]
    assert make_thumbnails(whole + pictures.jpeg(seed=9)) == make_thumbnails(whole)


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\0",
        b"<!doctype html><title>Sign in</title>",
        b'{"error":{"code":"ImageNotFound"}}',
        bytes(2000),
        b"RIFF\x24\0\0\0WAVEfmt ",
    ],
    ids=["empty", "a byte", "a page", "an error", "zeros", "sound"],
)
def test_not_an_image(source: bytes) -> None:
    """What is no picture is called no picture."""
    assert refusal(source) is Refusal.NOT_AN_IMAGE


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (pictures.encoded(Image.new("RGB", (64, 64)), "TIFF"), "TIFF"),
        (pictures.encoded(Image.new("RGB", (64, 64)), "EPS"), "PostScript"),
        (pictures.encoded(Image.new("RGB", (64, 64)), "PDF"), "PDF"),
        (pictures.encoded(Image.new("RGB", (64, 64)), "AVIF"), "AVIF"),
        (pictures.encoded(Image.new("RGB", (64, 64)), "JPEG2000"), "JPEG 2000"),
        (pictures.encoded(Image.new("RGB", (64, 64)), "ICO"), "icon"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    ],
)
def test_formats_that_are_not_read(source: bytes, name: str) -> None:
    """A picture of a kind that is not read is refused by its name, so that somebody can convert it."""
    with pytest.raises(PhotoRefused, match=name) as refused:
        make_thumbnails(source)
    assert refused.value.reason is Refusal.UNSUPPORTED_FORMAT


def test_bytes_decide_and_not_a_name() -> None:
    """Nothing but the first bytes chooses the decoder: there is no type to announce, and a wrong start is refused."""
    assert refusal(b"\xff\xd8\xff" + FILES["PNG"][3:]) is Refusal.TRUNCATED
    assert make_thumbnails(FILES["PNG"]).large


@pytest.mark.parametrize("kind", ["GIF", "PNG", "JPEG", "WEBP", "BMP"])
def test_too_small(kind: str) -> None:
    """Graph's 1x1 placeholder, and whatever shows nobody, is no photo."""
    assert refusal(pictures.graph_placeholder()) is Refusal.TOO_SMALL
    assert refusal(pictures.encoded(Image.new("RGB", (15, 400)), kind)) is Refusal.TOO_SMALL
    assert make_thumbnails(pictures.encoded(Image.new("RGB", (16, 16)), kind)).large


def test_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the bound is refused before anything in it is read."""
    monkeypatch.setattr(read_photo, "MOST_BYTES", len(FILES["PNG"]))
    assert make_thumbnails(FILES["PNG"]).large
    assert refusal(FILES["PNG"] + b"\0") is Refusal.TOO_MANY_BYTES


@pytest.mark.parametrize("side", [60_000, 2**31 - 1])
def test_claimed_size(side: int) -> None:
    """A tiny file that only claims to be enormous is refused from its header."""
    assert refusal(pictures.png_claiming(side, side)) is Refusal.TOO_MANY_PIXELS


@pytest.mark.parametrize("make", [lambda: pictures.png_enormous(16_000), pictures.webp_enormous], ids=["PNG", "WebP"])
def test_decompression_bomb(make: Callable[[], bytes]) -> None:
    """A small file that really unfolds into an enormous picture is refused before it does."""
    source = make()
    assert len(source) < 200_000
    assert refusal(source) is Refusal.TOO_MANY_PIXELS


def test_every_reason_has_its_sentence() -> None:
    """Each refusal tells the administrator in one sentence what is wrong."""
    assert len({reason.sentence for reason in Refusal}) == len(Refusal)
    for reason in Refusal:
        assert str(PhotoRefused(reason)).endswith(".")
        assert str(PhotoRefused(reason, "1 x 1")) == f"{reason.sentence} (1 x 1)"


class NotAPicture(Exception):  # noqa: N818 - it stands for a mistake in our own code
    """Raised by the test below in place of our own arithmetic."""


def test_own_mistakes_are_not_called_bad_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours shows as a bug, and is not filed away as somebody's unusable photo."""

    def broken(*_: object) -> Image.Image:
        raise NotAPicture

    monkeypatch.setattr(read_photo, "_centre_square", broken)
    with pytest.raises(NotAPicture):
        make_thumbnails(FILES["JPEG"])


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]


@settings(max_examples=60, deadline=None)
@given(width=st.integers(16, 400), height=st.integers(16, 400), mode=st.sampled_from(MODES), large=st.integers(96, 648))
def test_any_size_and_mode(width: int, height: int, mode: str, large: int) -> None:
    """Any width, height and mode gives three squares of the asked sides, or of the shorter side where that is less."""
    made = make_thumbnails(
        pictures.encoded(Image.new(mode, (width, height)), "JPEG" if mode == "CMYK" else "PNG"), large
    )
    for file, side in ((made.small, 48), (made.medium, 72), (made.large, large)):
        with Image.open(BytesIO(file)) as picture:
            assert picture.size == (min(side, width, height),) * 2


SIGNATURES = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x40\0\0\0WEBPVP8 ", b"BM"]


@settings(max_examples=300, deadline=None)
@given(start=st.sampled_from(SIGNATURES), rest=st.binary(max_size=600))
def test_random_bytes(start: bytes, rest: bytes) -> None:
    """Noise, also behind the right first bytes, ends in a picture or a refusal and in nothing else."""
    picture_or_refusal(start + rest)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_random_damage(name: str, data: st.DataObject) -> None:
    """Files with flipped bits, mostly in their first half kilobyte, end in a picture or a refusal."""
    damaged = bytearray(FILES[name])
    place = st.one_of(st.integers(0, 511), st.integers(0, len(damaged) - 1))
    for at, bit in data.draw(st.lists(st.tuples(place, st.integers(0, 7)), min_size=1, max_size=6)):
        damaged[at] ^= 1 << bit
    picture_or_refusal(bytes(damaged))


def picture_or_refusal(source: bytes) -> None:
    try:
        made = make_thumbnails(source)
    except PhotoRefused as refused:
        assert refused.reason in Refusal  # noqa: PT017 - a picture is as good an end as a refusal
        return
    with Image.open(BytesIO(made.large)) as picture:
        picture.load()
        assert picture.width == picture.height <= 300


MEASURED = """
import resource, sys
from pathlib import Path
from photo_worker.make_thumbnails import make_thumbnails

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1)

before = peak()
assert len(make_thumbnails(Path(sys.argv[1]).read_bytes()).large) > 500
print(before, peak())
"""
MADE = """
import sys
from PIL import Image
shades = [Image.effect_noise((1000, 750), 40).resize((8000, 6000)) for _ in range(3)]
Image.merge("RGB", shades).save(sys.argv[1], "JPEG", quality=85, progressive=sys.argv[2] == "progressive")
"""


def in_another_process(code: str, *arguments: str) -> str:
    """What a fresh Python prints. A shell starts it, since a direct child inherits this process's peak as its own."""
    command = [shutil.which("sh") or "/bin/sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment, timeout=120)
    return ran.stdout


def measured(file: Path) -> tuple[int, int]:
    """The peak of a process that makes thumbnails of the file, in bytes: before it starts on it, and altogether."""
    before, peak = in_another_process(MEASURED, str(file)).split()
    return int(before), int(peak)


def test_memory_of_a_large_jpeg(tmp_path: Path) -> None:
    """A JPEG of 8000 by 6000 pixels is copied with less than 200 MB for the whole process."""
    file = tmp_path / "large.jpg"
    in_another_process(MADE, str(file), "baseline")
    _, peak = measured(file)
    assert peak < 200_000_000


def test_memory_of_a_large_progressive_jpeg(tmp_path: Path) -> None:
    """A progressive one, which must be held whole, is copied too, and takes no more than one picture may."""
    file = tmp_path / "large.jpg"
    in_another_process(MADE, str(file), "progressive")
    before, peak = measured(file)
    assert peak - before < read_photo.MOST_MEMORY


def jpeg_claiming(side: int, *, progressive: bool) -> bytes:
    small = pictures.encoded(Image.new("RGB", (64, 64)), "JPEG", progressive=progressive, subsampling=0)
    frame = small.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    return small[:frame] + side.to_bytes(2) * 2 + small[frame + 4 :]


def test_jpeg_beyond_the_bounds() -> None:
    """A JPEG that would take more memory, or more time, is refused from its header."""
    assert refusal(jpeg_claiming(8_000, progressive=True)) is Refusal.TOO_MANY_PIXELS
    assert refusal(jpeg_claiming(10_001, progressive=False)) is Refusal.TOO_MANY_PIXELS
    assert refusal(jpeg_claiming(8_000, progressive=False)) is Refusal.TRUNCATED


@pytest.mark.parametrize(
    ("width", "height", "kind", "mode"),
    [(4000, 4600, "PNG", "RGBA"), (4000, 4600, "GIF", "P"), (3100, 3100, "WEBP", "RGBA"), (65_000, 600, "JPEG", "RGB")],
)
def test_memory_at_the_bound(tmp_path: Path, width: int, height: int, kind: str, mode: str) -> None:
    """Other pictures, about as large as they may be, keep to the bound that was computed from their headers."""
    file = tmp_path / "large"
    how = {"lossless": True, "method": 0} if kind == "WEBP" else {}
    colour = (200, 20, 20, 90) if mode == "RGBA" else 0
    file.write_bytes(pictures.encoded(Image.new(mode, (width, height), colour), kind, **how))
    before, peak = measured(file)
    assert peak - before < read_photo.MOST_MEMORY

"""Making the three pictures: milliseconds and peak memory by the source's size, against the straightforward way."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from benchmarks.frame import Claim, Measurement, Plot, Series, Spread, Told, table
from benchmarks.memory import peak_megabytes

SOURCES = {"240 × 240": (240, 240), "648 × 648": (648, 648), "12 MP": (4000, 3000), "48 MP": (8000, 6000)}
_LARGE = 300
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Work:
    """One way of making the pictures of one source."""

    milliseconds: Spread
    megabytes: float
    """By which the process grew at most, over what it was when everything was imported and the file read."""


@dataclass(frozen=True)
class Source:
    """One photo, both ways."""

    name: str
    megapixels: float
    kilobytes: int
    ours: Work
    plain: Work


@dataclass(frozen=True)
class Imaging:
    """All sources."""

    sources: list[Source]


def measure(names: tuple[str, ...] = tuple(SOURCES), repeats: int = 5) -> Imaging:
    """Each source and way in a process of its own, since a process's peak is never forgotten."""
    from tests.pictures import jpeg

    found: list[Source] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            width, height = SOURCES[name]
            file = Path(folder, "photo.jpg")
            file.write_bytes(jpeg(width, height, seed=1))
            ours, plain = (_in_a_process(way, file, repeats) for way in WAYS)
            found.append(Source(name, width * height / 1e6, file.stat().st_size // 1024, ours, plain))
    return Imaging(found)


def _in_a_process(way: str, file: Path, repeats: int) -> Work:
    command = [sys.executable, "-m", "benchmarks.imaging", way, str(file), str(repeats)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    return Work(Spread.of(told["milliseconds"]), told["megabytes"])


def ours(photo: bytes) -> None:
    """What the product does."""
    from photo_worker.make_thumbnails import make_thumbnails

    make_thumbnails(photo, _LARGE)


def plain(photo: bytes) -> None:
    """What one writes first with Pillow: open, turn, convert, fit, save."""
    from PIL import Image, ImageOps

    with Image.open(BytesIO(photo)) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
        for side in (48, 72, _LARGE):
            ImageOps.fit(upright, (side, side), Image.Resampling.LANCZOS).save(BytesIO(), "JPEG", quality=90)


WAYS: dict[str, Callable[[bytes], None]] = {"ours": ours, "plain": plain}


def _child(way: Callable[[bytes], None], file: Path, repeats: int) -> None:
    import PIL.ImageOps

    import photo_worker.make_thumbnails

    assert PIL.ImageOps  # noqa: S101 - imported before the clock runs, and before memory is read
    assert photo_worker.make_thumbnails  # noqa: S101 - the same
    from tests.pictures import jpeg

    photo = file.read_bytes()
    way(jpeg(64, 64))
    before = peak_megabytes()
    milliseconds: list[float] = []
    for _ in range(repeats):
        started = time.perf_counter()
        way(photo)
        milliseconds.append((time.perf_counter() - started) * 1000)
    print(json.dumps({"milliseconds": milliseconds, "megabytes": peak_megabytes() - before}))


def tell(result: Imaging) -> Told:
    """Both ways beside each other."""
    largest = result.sources[-1]
    quicker = largest.plain.milliseconds.median / largest.ours.milliseconds.median
    smaller = largest.plain.megabytes / max(1.0, largest.ours.megabytes)
    claims = [
        Claim(
            f"a photo of {largest.name} takes at most half the time of the straightforward way with Pillow",
            f"{quicker:.1f} times quicker",
            quicker >= 2,
        ),
        Claim(f"and at most half its memory ({largest.name})", f"{smaller:.1f} times less", smaller >= 2),
    ]
    rows = [
        (
            f"{source.name} ({source.kilobytes:,} KB)",
            source.ours.milliseconds.told("ms", 1),
            source.plain.milliseconds.told("ms", 1),
            f"{source.ours.megabytes:.0f} MB",
            f"{source.plain.megabytes:.0f} MB",
        )
        for source in result.sources
    ]
    lines = [
        "Median (least to most). Memory is by how much the process grew at its peak. The straightforward way opens,",
        "turns by EXIF, converts, fits and saves three JPEGs. Ours also checks the file's structure, brings colours to",
        "sRGB and keeps full colour resolution, and lets the decoder skip detail that no picture of 300 pixels shows.",
        "",
        *table(["source", "ours", "straightforward", "ours, memory", "straightforward, memory"], rows),
    ]
    series = [
        Series("ours", [(source.megapixels, source.ours.milliseconds.median) for source in result.sources]),
        Series("straightforward", [(source.megapixels, source.plain.milliseconds.median) for source in result.sources]),
    ]
    title = "Time for three pictures by the source's size"
    plot = Plot("imaging", title, "megapixels", "milliseconds", series, log_x=True, log_y=True)
    return Told(claims, lines, [plot])


MEASUREMENT = Measurement("imaging", "Making the pictures", Imaging, measure, tell)

if __name__ == "__main__":
    _child(WAYS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3]))

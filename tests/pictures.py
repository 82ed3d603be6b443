"""Makers of pictures for tests: each returns a file's bytes, the same for the same arguments."""

import struct
import zlib
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE, YELLOW = (220, 30, 40), (30, 160, 60), (30, 60, 200), (240, 210, 40)

_TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera lays an upright scene into its file, by the EXIF orientation that it then writes."""


def encoded(picture: Image.Image, kind: str, **how: Any) -> bytes:
    """The picture as a file of that kind; `how` goes to Pillow's writer."""
    file = BytesIO()
    picture.save(file, kind, **how)
    return file.getvalue()


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """Soft coloured blotches with some grain: compresses about as a photo does, and differs with every seed."""
    chance = np.random.default_rng(seed)
    blotches = Image.fromarray(chance.integers(20, 236, (5, 5, 3), dtype=np.uint8))
    smooth = np.asarray(blotches.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    grain = chance.integers(-6, 7, (height, width, 1), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))


def jpeg(width: int = 360, height: int = 360, *, seed: int = 0, **how: Any) -> bytes:
    """A photo-like JPEG."""
    return encoded(scene(width, height, seed), "JPEG", **({"quality": 88} | how))


def png(width: int = 360, height: int = 360, *, seed: int = 0) -> bytes:
    """A photo-like PNG."""
    return encoded(scene(width, height, seed), "PNG")


def quadrants(
    width: int = 400,
    height: int = 400,
    *,
    orientation: int = 1,
    kind: str = "JPEG",
    colours: Iterable[tuple[int, int, int]] = (RED, GREEN, BLUE, YELLOW),
) -> bytes:
    """Four colours: top left, top right, bottom left, bottom right as a person sees them, upright.

    `width` and `height` are the upright ones. The file holds the picture turned, and an EXIF orientation that says how.
    """
    upright = Image.new("RGB", (width, height))
    half, rest = width // 2, height // 2
    boxes = ((0, 0, half, rest), (half, 0, width, rest), (0, rest, half, height), (half, rest, width, height))
    for box, colour in zip(boxes, colours, strict=True):
        upright.paste(colour, box)
    turn = _TURNED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a description that nobody else needs to read"
    how = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    return encoded(upright if turn is None else upright.transpose(turn), kind, exif=exif.tobytes(), **how)


def graph_placeholder() -> bytes:
    """The 1x1 GIF that stands for "no photo"."""
    return encoded(Image.new("P", (1, 1)), "GIF")


def animated_gif(*colours: tuple[int, int, int], side: int = 120) -> bytes:
    """One plain frame for each colour."""
    first, *others = [Image.new("RGB", (side, side), colour) for colour in colours]
    return encoded(first, "GIF", save_all=True, append_images=others, duration=100, loop=0)


def raw_png(width: int, height: int, depth: int, colour: int, data: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG of given header fields (bit depth, colour type), zlib stream, and chunks that come before it."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def png_claiming(width: int, height: int) -> bytes:
    """Less than a hundred bytes that announce an enormous picture."""
    return raw_png(width, height, 8, 2, zlib.compress(bytes(64)))


def png_enormous(side: int) -> bytes:
    """A picture that really has that many black pixels, in a file a thousand times smaller. `side` must divide by 8."""
    squeeze = zlib.compressobj(1)
    row = bytes(side // 8 + 1)  # one bit a pixel and the filter's byte
    data = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    return raw_png(side, side, 1, 0, data)


def webp_enormous() -> bytes:
    """A lossless WebP of 16,383 by 16,383 black pixels, the most that the format has, in 34 bytes."""
    header = b"\x2f" + struct.pack("<I", 16_382 | 16_382 << 14)
    return b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0" + header + bytes.fromhex("071011fd0f4444ff03")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def swapped_profile(gamma: float = 2.2) -> bytes:
    """An RGB profile whose red and blue are exchanged: whoever honours it shows red samples blue."""
    red, green, blue = (0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + bytes(2)
    primaries = {b"rXYZ": blue, b"gXYZ": green, b"bXYZ": red}
    tags = {name: b"XYZ " + bytes(4) + _fixed(*values) for name, values in primaries.items()}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def dark_grey_profile() -> bytes:
    """A grey profile of gamma 4: its middle grey is far darker than that of sRGB."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, 4 * 256) + bytes(2)
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": curve})


def red_ink_profile() -> bytes:
    """A CMYK profile of a strange press: its cyan ink prints red, and every other ink black."""
    white, red, black = bytes([255, 128, 128]), bytes([138, 209, 198]), bytes([0, 128, 128])
    table = b"".join(red if cyan else (black if others else white) for cyan in (0, 1) for others in range(8))
    straight = bytes(range(256))
    lut = (
        b"mft1"
        + bytes(4)
        + bytes([4, 3, 2, 0])
        + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
        + straight * 4
        + table
        + straight * 3
    )
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})


def _profile(use: bytes, colours: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC version 2 profile: header, tag table, tags (ICC.1:2001-04, clause 6)."""
    white = _fixed(0.9642, 1.0, 0.8249)
    tags = tags | {b"wtpt": b"XYZ " + bytes(4) + white}
    table, bodies, offset = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        padded = tag + bytes(-len(tag) % 4)
        table += name + struct.pack(">II", offset, len(tag))
        bodies, offset = bodies + padded, offset + len(padded)
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    head = struct.pack(">I4sI", offset, b"test", 0x02100000) + use + colours + connection + date + b"acsp"
    return (head + bytes(28) + white).ljust(128, b"\0") + table + bodies


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

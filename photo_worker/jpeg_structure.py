"""What a JPEG file says about itself before its pixels: how they are coded, and whether all of them are there.

Pillow tells neither, and both decide whether a file is safe to decode: a picture coded in several scans is held whole
in memory, however small it is wanted, and a file that ends early but politely is filled up with grey.
Markers, segments and scans: ITU-T T.81, annexes B and G.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

_START_OF_FRAME = frozenset(chain(range(0xC0, 0xC4), range(0xC5, 0xC8), range(0xC9, 0xCC), range(0xCD, 0xD0)))
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_SEQUENTIAL_HUFFMAN = frozenset({0xC0, 0xC1})

# The next marker, in the header as in coded data: all but a stuffed zero, restarts, and one more fill byte.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")

# Decoders look a few bytes ahead. They find these bits where the end-of-image marker was, and stop for want of more.
_LOOK_AHEAD = bytes(16)


@dataclass(frozen=True)
class JpegStructure:
    """How the picture is coded.

    `samples` counts the values of all its planes, after colour subsampling; `data_start` is the offset of the first
    scan's coded data; `huffman` is true for the plain sequential coding that nearly every camera and service writes.
    """

    single_scan: bool
    huffman: bool
    samples: int
    data_start: int

    @property
    def coefficient_bytes(self) -> int:
        """What libjpeg holds besides the picture: two bytes a sample, if all scans must be in before the first row."""
        return 0 if self.single_scan else 2 * self.samples


def read_structure(source: bytes) -> JpegStructure:
    """Walk over the headers of the picture, and of all its scans when it has several.

    Raises:
        ValueError: the headers end early, or some plane's lowest or highest frequencies are in none of the scans.
    """
    frame, coding = b"", 0
    segments = _segments(source)
    try:
        for marker, body, data_start in segments:
            if marker in _START_OF_FRAME:
                frame, coding = body, marker
            if marker == _START_OF_SCAN:
                structure = _structure(frame, coding, body, data_start)
                if not structure.single_scan:
                    later = (scan for marker, scan, _ in segments if marker == _START_OF_SCAN)
                    _refuse_missing_scans(frame, chain([body], later))
                return structure
    except (IndexError, struct.error) as error:
        raise ValueError("a JPEG segment ends early") from error
    raise ValueError("a JPEG file without a scan")


def _segments(source: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Each segment up to the end-of-image marker: its marker, its body, and the offset of what follows."""
    position = 2
    while (found := _MARKER.search(source, position)) and found[1][0] != _END_OF_IMAGE:
        start = found.end()
        position = start + max(2, int.from_bytes(source[start : start + 2]))
        yield found[1][0], source[start + 2 : position], position


def _structure(frame: bytes, coding: int, scan: bytes, data_start: int) -> JpegStructure:
    _, height, width, planes = struct.unpack_from(">BHHB", frame)
    factors = [(frame[7 + 3 * plane] >> 4, frame[7 + 3 * plane] & 15) for plane in range(planes)]
    most = max((across for across, _ in factors), default=0) * max((down for _, down in factors), default=0)
    if not most:
        raise ValueError("a JPEG frame without planes")
    return JpegStructure(
        single_scan=coding not in _PROGRESSIVE and scan[0] == planes,
        huffman=coding in _SEQUENTIAL_HUFFMAN,
        samples=width * height * sum(across * down for across, down in factors) // most,
        data_start=data_start,
    )


def _refuse_missing_scans(frame: bytes, scans: Iterator[bytes]) -> None:
    """The first scans carry a picture's coarse shapes, later ones its detail: a file that was cut lacks the later ones.

    libjpeg shows what there is and calls it a success. A cut inside the very last scans costs detail that no thumbnail
    has, and is let through.
    """
    missing = {(frame[6 + 3 * plane], frequency) for plane in range(frame[5]) for frequency in (0, 63)}
    for scan in scans:
        planes = [scan[1 + 2 * place] for place in range(scan[0])]
        first, last = scan[1 + 2 * scan[0]], scan[2 + 2 * scan[0]]
        missing -= {(plane, frequency) for plane in planes for frequency in (first, last)}
    if missing:
        raise ValueError("a progressive JPEG without its last scans")


def without_polite_end(source: bytes, structure: JpegStructure) -> bytes:
    """The same file, with a few idle bits in place of its end-of-image marker.

    A file that was cut and then closed with an end marker decodes "well": libjpeg fills the rest with grey and warns
    where Pillow does not listen. Without the marker a whole picture still decodes whole, since its data is all there,
    and a cut one ends in the error that every cut file ends in. Only for pictures in a single sequential scan: others
    need the marker to know that no scan follows, or (arithmetic coding) may leave out their last bytes.
    """
    if not (structure.single_scan and structure.huffman):
        return source
    end = _MARKER.search(source, structure.data_start)
    return source[: end.start()] + _LOOK_AHEAD if end else source

"""EXIF's orientation: how a picture must be turned to stand upright.

Read here and not by Pillow's EXIF reader, which parses everything else in there too and warns on the process's stderr
about what it finds odd. Cameras write it, editors break it; what cannot be read means upright.
"""

import struct

from PIL import Image

_TAG, _SHORT = 0x0112, 3
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}

_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation(exif: bytes) -> int:
    """The orientation, 1 (upright) to 8, that an EXIF block states (CIPA DC-008, tag 0x0112 of the first directory)."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + 12 * entry)
            if tag == _TAG:
                return value if kind == _SHORT and 1 <= value <= 8 else 1
    except struct.error:
        pass  # the block ends before its directory does
    return 1


def upright(picture: Image.Image, exif: bytes) -> Image.Image:
    """The picture as its photographer saw it."""
    turn = _TURN.get(orientation(exif))
    return picture if turn is None else picture.transpose(turn)

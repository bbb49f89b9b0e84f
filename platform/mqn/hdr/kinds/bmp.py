"""The colours that a BMP header of version 4 or 5 states; decoders ignore them."""

from __future__ import annotations

import struct

_FILE_HEADER = 14
_V4, _V5 = 108, 124
_CALIBRATED, _EMBEDDED, _LINKED = 0, b"MBED", b"LINK"

# Red, green and blue of BT.709, x and y, in parts of 2 to the power of 30.
_BT709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def read_bmp_colours(data: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    """Read a BMP's ICC profile, if it has one, and notes on what its header states that is not applied."""
    if len(data) < _FILE_HEADER + _V4:
        return None, ()
    (size,) = struct.unpack_from("<I", data, _FILE_HEADER)
    if size < _V4:
        return None, ()
    space = data[_FILE_HEADER + 56 : _FILE_HEADER + 60][::-1]
    if size >= _V5 and len(data) >= _FILE_HEADER + _V5 and space in (_EMBEDDED, _LINKED):
        start, length = struct.unpack_from("<2I", data, _FILE_HEADER + 112)
        if space == _LINKED:
            return None, ("its colour profile lies in another file and is not applied",)
        return data[_FILE_HEADER + start : _FILE_HEADER + start + length], ()
    if int.from_bytes(space, "big") == _CALIBRATED and not _are_bt709(data):
        return None, ("states calibrated colours, which are not applied; they are taken for sRGB",)
    return None, ()


def _are_bt709(data: bytes) -> bool:
    """Whether calibrated colours are those of sRGB, or none are given: zeros throughout."""
    numbers = struct.unpack_from("<9i", data, _FILE_HEADER + 60)
    if not any(numbers):
        return True
    for index in range(3):
        point, total = numbers[3 * index : 3 * index + 2], sum(numbers[3 * index : 3 * index + 3])
        if total <= 0 or any(
            abs(part / total - stated) > 2e-3 for part, stated in zip(point, _BT709[2 * index :], strict=False)
        ):
            return False
    return True

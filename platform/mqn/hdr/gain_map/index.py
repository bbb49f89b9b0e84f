"""The Multi-Picture Format's index (CIPA DC-007, 5.2): an APP2 segment that says where a file's pictures lie."""

from __future__ import annotations

import struct
from typing import NamedTuple

SIGNATURE = b"MPF\0"

_COUNT, _ENTRIES = 0xB001, 0xB002
_ENTRY_BYTES = 16
# A baseline picture of no further type, and the file's main one.
_PRIMARY, _UNDEFINED = 0x030000, 0


class Place(NamedTuple):
    """Where a picture lies.

    Attributes:
        begin: byte, counted from the index's byte order mark; 0 is the file's first picture.
        size: in bytes.
    """

    begin: int
    size: int


def encode(primary_bytes: int, mark: int, map_bytes: int) -> bytes:
    """Write the index of two pictures, one right behind the other, with its signature: 86 bytes.

    Args:
        primary_bytes: size of the first picture, this segment included.
        mark: place in the file of the byte order mark, which follows the signature.
        map_bytes: size of the second picture.
    """
    entries_at = 8 + 2 + 3 * 12 + 4
    tags = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100")
    tags += struct.pack(">HHII", _COUNT, 4, 1, 2)
    tags += struct.pack(">HHII", _ENTRIES, 7, 2 * _ENTRY_BYTES, entries_at)
    entries = struct.pack(">III2H", _PRIMARY, primary_bytes, 0, 0, 0)
    entries += struct.pack(">III2H", _UNDEFINED, map_bytes, primary_bytes - mark, 0, 0)
    return SIGNATURE + b"MM\0*" + struct.pack(">IH", 8, 3) + tags + bytes(4) + entries


def decode(segment: bytes) -> list[Place] | None:
    """Read the places of a file's pictures from the segment behind its signature; None where it is damaged.

    The list is never longer than the segment has room for.
    """
    order = {b"MM\0*": ">", b"II*\0": "<"}.get(segment[:4])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(order + "I", segment, 4)
        (tags,) = struct.unpack_from(order + "H", segment, directory)
        for number in range(tags):
            tag, _, size, at = struct.unpack_from(order + "HHII", segment, directory + 2 + 12 * number)
            if tag == _ENTRIES:
                if at + size > len(segment):
                    return None
                places = struct.iter_unpack(order + "III2H", segment[at : at + size // _ENTRY_BYTES * _ENTRY_BYTES])
                return [Place(begin, length) for _, length, begin, _, _ in places]
    except struct.error:
        return None
    return None

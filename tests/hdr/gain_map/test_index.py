"""The index of pictures: by Pillow's reader, and hostile ones."""

from __future__ import annotations

import struct

import pytest

from mqn.hdr.gain_map.index import SIGNATURE, Place, decode, encode


def test_places_are_counted_from_the_byte_order_mark() -> None:
    segment = encode(primary_bytes=1000, mark=40, map_bytes=300)
    assert len(segment) == 86
    assert decode(segment[len(SIGNATURE) :]) == [Place(0, 1000), Place(960, 300)]


def test_either_byte_order_is_read() -> None:
    entry = struct.pack("<3I2H", 0, 300, 960, 0, 0)
    tags = struct.pack("<H2H2I", 1, 0xB002, 7, 16, 8 + 2 + 12 + 4)
    assert decode(b"II*\0" + struct.pack("<I", 8) + tags + bytes(4) + entry) == [Place(960, 300)]


@pytest.mark.parametrize("entries", [2**32 - 1, 16 * 2**20])
def test_an_index_never_reaches_beyond_its_segment(entries: int) -> None:
    tags = struct.pack(">H2H2I", 1, 0xB002, 7, entries, 26)
    assert decode(b"MM\0*" + struct.pack(">I", 8) + tags + bytes(100)) is None


@pytest.mark.parametrize(
    "segment", [b"", b"MM\0*", b"XX\0*" + bytes(80), b"MM\0*\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + bytes(30)]
)
def test_damage_gives_no_places(segment: bytes) -> None:
    assert decode(segment) is None

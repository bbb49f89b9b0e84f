"""ISO 21496-1: bytes by hand, and what damage is told as."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from mqn.hdr.gain_map.iso import decode, encode
from mqn.hdr.gain_map.metadata import GainMapError, GainMapMetadata


def fractions(*values: float) -> bytes:
    """Each over 64."""
    return b"".join(struct.pack(">iI", round(64 * value), 64) for value in values)


def test_bytes_worked_out_by_hand_are_read(grey: GainMapMetadata) -> None:
    data = bytes(4) + b"\x40" + fractions(0, 2, -0.5, 2.25, 1, 0.015625, 0.03125)
    assert len(data) == 61
    assert decode(data) == grey
    assert decode(data[:4] + b"\x00" + data[5:]) == replace(grey, in_base_colours=False)


def test_a_common_denominator_is_read(grey: GainMapMetadata) -> None:
    numbers = [round(64 * value) for value in (0, 2, -0.5, 2.25, 1, 0.015625, 0.03125)]
    assert decode(bytes(4) + b"\x48" + struct.pack(">I7i", 64, *numbers)) == grey


def test_what_is_written_is_read(grey: GainMapMetadata, coloured: GainMapMetadata) -> None:
    assert (len(encode(grey)), len(encode(coloured))) == (61, 141)
    assert [decode(encode(metadata)) for metadata in (grey, coloured)] == [grey, coloured]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cut short"),
        (bytes(4) + b"\x40" + bytes(55), "cut short"),
        (bytes(4) + b"\xc0" + fractions(0, 2, -0.5, 2.25, 1, 0, 0), "cut short"),
        (bytes(4) + b"\x40" + bytes(56), "divide by 0"),
        (b"\0\1" + bytes(60), "later version"),
        (bytes(4) + b"\x40" + fractions(0, 2, 3, 2, 1, 0, 0), "a least gain above its largest"),
        (bytes(4) + b"\x40" + fractions(0, 2, 0, 2, 0, 0, 0), "gamma"),
        (bytes(4) + b"\x40" + fractions(0, 2, 0, 1e5, 1, 0, 0), "beyond 24 stops"),
        (bytes(4) + b"\x40" + fractions(0, 2, 0, 2, 1, 7, 0), "offset beyond 1.0"),
        (bytes(4) + b"\x40" + fractions(2, 0, 0, 2, 1, 0, 0), "SDR of an HDR base"),
    ],
)
def test_damage_is_named(data: bytes, words: str) -> None:
    with pytest.raises(GainMapError, match=words):
        decode(data)

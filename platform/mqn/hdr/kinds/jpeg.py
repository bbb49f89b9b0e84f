"""The segments of a JPEG file, and which JPEG process it uses: two of about twenty are read."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mqn.errors import PictureError

_BASELINE_OR_PROGRESSIVE = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_LOSSLESS = (0xC3, 0xCB)
_HIERARCHICAL = (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)
_FRAMES = (*_BASELINE_OR_PROGRESSIVE, *_LOSSLESS, *_HIERARCHICAL)
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
_SCAN, _END = 0xDA, 0xD9
# Fill bytes, 0xFF too, may stand before a marker.
_MARKER = re.compile(rb"\xff[^\xff]", re.DOTALL)
# In a scan, 0xFF stands before 0 as a value, and before the numbers of restarts.
_SCAN_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)

APP0, APP1, APP2 = 0xE0, 0xE1, 0xE2
START = b"\xff\xd8"
MOST_PAYLOAD_BYTES = 0xFFFF - 2


class Segment(NamedTuple):
    """One segment of a header (ITU-T T.81, B.1.1.4).

    Attributes:
        marker: its second byte.
        begin: place of its first byte.
        end: place behind its last byte.
        payload: what stands behind marker and length.
    """

    marker: int
    begin: int
    end: int
    payload: bytes


class Frame(NamedTuple):
    """What a frame header says: the process by its marker, bits of a channel, pixels, and how many channels."""

    process: int
    bits: int
    width: int
    height: int
    channels: int


def require_baseline(path: Path, data: bytes) -> None:
    """Refuse a JPEG file of a process that is not read, by its name: it is not damaged.

    Raises:
        PictureError: it has more or fewer than 8 bits a channel, or is lossless or hierarchical.
    """
    frame = first_frame(data)
    if frame is None:
        return
    what = "lossless" if frame.process in _LOSSLESS else "hierarchical" if frame.process in _HIERARCHICAL else ""
    if what or frame.bits != 8:
        what = what or f"{frame.bits}-bit"
        raise PictureError(f"{path}: is a {what} JPEG, which is not supported; convert it to a PNG or TIFF of 16 bits")


def segments(data: bytes) -> Iterator[Segment]:
    """The segments before the first scan, in their order; damage is passed over, for the decoder to tell."""
    at = 2
    while (found := _MARKER.search(data, at)) and found.end() + 2 < len(data):
        at, marker = found.start(), data[found.start() + 1]
        if marker in (_SCAN, _END):
            return
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        end = at + 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
        yield Segment(marker, at, end, data[at + 4 : end])
        at = end


def encode_segment(marker: int, payload: bytes) -> bytes:
    """Write a segment of at most `MOST_PAYLOAD_BYTES`."""
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


def picture_end(data: bytes) -> int | None:
    """The place behind the end marker of a file's first picture; None where there is none."""
    at = 2
    while found := _SCAN_MARKER.search(data, at):
        marker, at = found[1][0], found.end()
        if marker == _END:
            return at
        if marker not in _WITHOUT_LENGTH:
            at += int.from_bytes(data[at : at + 2], "big")
    return None


def first_frame(data: bytes) -> Frame | None:
    """The first frame header (ITU-T T.81, B.2.2); None where there is none, or it is cut short."""
    for segment in segments(data):
        if segment.marker in _FRAMES and len(segment.payload) > 5:
            bits, height, width, channels = struct.unpack_from(">BHHB", segment.payload)
            return Frame(segment.marker, bits, width, height, channels)
    return None

"""Checks that a file has all the bytes that its container declares; a file that was cut off often still plays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_SYNC = 0x47
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"pnot", b"uuid", b"sidx", b"meta")
_MOST_BOXES = 100_000


def missing_bytes(path: Path) -> int:
    """How many bytes are promised beyond the file's end.

    By boxes (MP4, MOV), a segment (Matroska), chunks (AVI) or a packet that was begun (transport streams).

    Returns:
        0 where nothing is missing, or the container promises nothing.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] == _EBML:
            return max(0, _segment_end(file) - size)
        if packet := _packet_size(file):
            return -size % packet
        if start[:4] == b"RIFF":
            return max(0, 8 + int.from_bytes(start[4:8], "little") - size)
        return max(0, _boxes_end(file, size) - size) if start[4:8] in _BOXES else 0


def _packet_size(file: BinaryIO) -> int:
    """Of a transport stream (ISO/IEC 13818-1): whole packets, alone or behind a time each; 0 for other files."""
    for before, size in ((0, 188), (4, 192)):
        file.seek(before)
        start = file.read(4 * size + 1)
        if len(start) > 4 * size and set(start[::size]) == {_SYNC}:
            return size
    return 0


def _segment_end(file: BinaryIO) -> int:
    """Where Matroska's segment ends, 0 where it does not say (EBML, RFC 8794)."""
    file.seek(len(_EBML))
    header = _length(file)
    if header is None:
        return 0
    file.seek(header, os.SEEK_CUR)
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return 0
    length = _length(file)
    return 0 if length is None else file.tell() + length


def _length(file: BinaryIO) -> int | None:
    """EBML's number of up to 8 bytes; None for "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    size = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(size - 1), "big") & ((1 << 7 * size) - 1)
    return None if value == (1 << 7 * size) - 1 else value


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Where the last box ends (ISO/IEC 14496-12, 4.2)."""
    place = 0
    for _ in range(_MOST_BOXES):
        file.seek(place)
        head = file.read(16)
        # What is no box behind the last one was put there by others.
        if len(head) < 8 or head[4:8] not in _BOXES:
            return place
        length = int.from_bytes(head[:4], "big")
        length = int.from_bytes(head[8:16], "big") if length == 1 else length
        if length < 8:
            return place  # 0: up to the end of the file
        place += length
        if place >= size:
            return place
    return place

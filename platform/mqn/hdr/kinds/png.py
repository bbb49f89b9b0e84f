"""PNG chunks that decoders ignore: colours by number, gamma and primaries, EXIF."""

from __future__ import annotations

import struct
from pathlib import Path

from mqn.errors import PictureError
from mqn.hdr.kinds.decoded_ldr import CodePoints, Measured
from mqn.hdr.primaries import stated

_CHUNKS = (b"cICP", b"sRGB", b"gAMA", b"cHRM", b"eXIf")
# Numbers of gAMA and cHRM are in units of this.
_UNIT = 100_000


def read_chunks(data: bytes) -> dict[bytes, bytes]:
    """The first of each chunk that is looked at, before the pixels and behind them: EXIF may stand at the end."""
    found: dict[bytes, bytes] = {}
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name = data[at + 4 : at + 8]
        if name in _CHUNKS:
            found.setdefault(name, data[at + 8 : at + 8 + length])
        at += 12 + length
    return found


def code_points(path: Path, chunks: dict[bytes, bytes], notes: list[str]) -> CodePoints | None:
    """Colours by number (PNG 3, 11.3.2.6).

    Returns:
        What the chunk cICP says; None where there is none.

    Raises:
        PictureError: it states another matrix than RGB's, or a range that is none.
    """
    chunk = chunks.get(b"cICP")
    if chunk is None:
        return None
    if len(chunk) != 4:
        notes.append("its cICP chunk is damaged and left out")
        return None
    primaries, transfer, matrix, full_range = chunk
    if matrix != 0 or full_range > 1:
        raise PictureError(
            f"{path}: its cICP chunk states matrix {matrix} and range {full_range}, which is not supported; matrix 0 "
            "(RGB) and range 0 or 1 are"
        )
    return CodePoints(primaries, transfer, bool(full_range))


def measured(chunks: dict[bytes, bytes], notes: list[str]) -> Measured | None:
    """Read colours from the chunks gAMA and cHRM (PNG 3, 11.3.2.1 and 11.3.2.2); None where neither is there."""
    gamma = primaries = None
    if (chunk := chunks.get(b"gAMA")) is not None:
        gamma = int.from_bytes(chunk, "big") / _UNIT if len(chunk) == 4 else 0
        if not 0.01 <= gamma <= 100:
            notes.append("its gAMA chunk is damaged and left out")
            gamma = None
    if (chunk := chunks.get(b"cHRM")) is not None:
        numbers = [number / _UNIT for number in struct.unpack(">8I", chunk)] if len(chunk) == 32 else []
        # The chunk begins with white.
        primaries = stated([*numbers[2:], *numbers[:2]])
        if primaries is None:
            notes.append("its cHRM chunk is damaged and left out")
    return None if gamma is None and primaries is None else Measured(gamma, primaries)

"""Portable float maps (.pfm): a header of three words and a scale, then floats, the lowest row first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.kinds.decoded import DecodedHdr

# Blanks and line ends of any system; comments, as Netpbm's formats have them.
_BETWEEN = rb"(?:\s|#[^\r\n]*[\r\n])+"
_HEADER = re.compile(
    rb"P([Ff])"
    + _BETWEEN
    + rb"(\d{1,18})"
    + _BETWEEN
    + rb"(\d{1,18})"
    + _BETWEEN
    + rb"([-+]?[\d.]{1,24}(?:[eE][-+]?\d{1,3})?)"
)
_LINE_END = re.compile(rb"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)")


class PfmHeader(NamedTuple):
    """What a PFM says of itself.

    Attributes:
        channels: 3 or 1.
        width, height: pixels.
        scale: its third line: the sign is the order of bytes (negative: the lowest first), the rest a unit.
        start: where its floats begin.
    """

    channels: int
    width: int
    height: int
    scale: float
    start: int

    @property
    def size_bytes(self) -> int:
        """What a whole file takes at least."""
        return self.start + 4 * self.channels * self.width * self.height


def read_pfm_header(data: bytes, size_bytes: int) -> PfmHeader | None:
    """Read the header at the beginning of a PFM file; None where it is no PFM."""
    found = _HEADER.match(data[:65536])
    if found is None:
        return None
    try:
        scale = float(found[4])
    except ValueError:
        return None
    channels, width, height = 3 if found[1] == b"F" else 1, int(found[2]), int(found[3])
    one_byte = PfmHeader(channels, width, height, scale, found.end() + 1)
    line = _LINE_END.match(data, found.end())
    if line is None:
        return one_byte if data[found.end() : found.end() + 1].isspace() else None
    # One byte ends the header; writers of other systems end it as they end a line. The size of the file tells.
    return one_byte if one_byte.size_bytes == size_bytes else one_byte._replace(start=line.end())


def decode_pfm(path: Path, data: bytes) -> DecodedHdr:
    """Decode a portable float map.

    Its scale is a unit that nothing names: values are kept as they are stored, and a note tells of another than 1.

    Returns:
        (H, W, 3) float32, or (H, W) of a grey one.

    Raises:
        PictureError: damaged or cut short.
    """
    header = read_pfm_header(data, len(data))
    if header is None or not np.isfinite(header.scale) or header.scale == 0:
        raise PictureError(f"{path}: damaged or cut short, its header names no size, or no order of bytes")
    if len(data) < header.size_bytes:
        raise PictureError(
            f"{path}: cut short, {header.width} x {header.height} pixels take {header.size_bytes} bytes, there are "
            f"{len(data)}"
        )
    shape = (header.height, header.width, header.channels)
    order = "<f4" if header.scale < 0 else ">f4"
    values = np.frombuffer(data, order, count=shape[0] * shape[1] * shape[2], offset=header.start).reshape(shape)
    pixels = values[::-1].astype(np.float32)
    unit = abs(header.scale)
    notes = () if unit == 1 else (f"states the unit {unit:g}, which is not applied: values are relative",)
    return DecodedHdr(pixels=pixels if header.channels == 3 else pixels[..., 0], notes=notes)

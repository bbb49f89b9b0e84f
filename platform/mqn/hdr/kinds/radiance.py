"""Radiance pictures (.hdr, .pic): RGB with one exponent for the three, in any of eight orientations.

Written after Radiance's own description of the format ("The RADIANCE 5.1 Synthetic Imaging System: File Formats"):
libraries read one orientation and the newer run lengths only, and take header lines of some lengths for damage.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.kinds.decoded import DecodedHdr, stated_primaries
from mqn.hdr.kinds.radiance_pixels import read_pixels
from mqn.hdr.primaries import PRIMARIES

_SIZE = re.compile(rb"[ \t]*([-+])[ \t]*([XY])[ \t]*(\d{1,18})[ \t]+([-+])[ \t]*([XY])[ \t]*(\d{1,18})[ \t]*\r?")

# Its exponent is that of a value below 1, kept in excess of 128, for mantissas of 8 bits.
_EXCESS = 128 + 8
_SCALES = np.ldexp(np.ones(256), np.arange(256) - _EXCESS).astype(np.float32)
_SCALES[0] = 0


class RadianceHeader(NamedTuple):
    """What a Radiance picture says of itself.

    Attributes:
        said: (name, value) of its assignments in order, names in capitals; not those of the pictures it was made of,
            which stand there too, indented.
        order: the signs and axes of its size as they stand there: "-Y +X" for lines from the top, left to right.
        length: pixels of a line as stored.
        lines: how many there are.
        start: where its pixels begin.
    """

    said: tuple[tuple[str, str], ...]
    order: str
    length: int
    lines: int
    start: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        return (self.length, self.lines) if self.order[1] == "Y" else (self.lines, self.length)

    def numbers(self, name: str) -> list[list[float]]:
        """The numbers of each assignment of a name; an empty list for one that is none."""
        return [_floats(value) for key, value in self.said if key == name]


def read_radiance_header(data: bytes) -> RadianceHeader | None:
    """Read a Radiance picture's header from its first bytes. None where no line of it names a size."""
    said: list[tuple[str, str]] = []
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        line = data[at:end]
        at = end + 1
        size = _SIZE.fullmatch(line)
        if size and size[2] != size[5]:
            order = b"".join((size[1], size[2], b" ", size[4], size[5])).decode()
            return RadianceHeader(tuple(said), order, length=int(size[6]), lines=int(size[3]), start=at)
        name, assigned, value = line.decode("latin-1").partition("=")
        if assigned and not name.startswith(("\t", "#")):
            said.append((name.strip().upper(), value.strip()))
    return None


def least_size_bytes(data: bytes, header: RadianceHeader) -> int:
    """The least size of a whole file: the one it has if all of it is black. `data` are its first bytes."""
    if data[header.start : header.start + 2] == b"\2\2":
        # The longest run, 127 values of one channel, takes two bytes.
        least = 4 + 8 * math.ceil(header.length / 127)
    else:
        # A pixel, and one repeat of it for up to 255 others, or two for more.
        least = 4 * min(header.length, 2 if header.length <= 256 else 3)
    return header.start + header.lines * least


def decode_radiance(path: Path, data: bytes) -> DecodedHdr:
    """Decode a Radiance picture, turned upright.

    PRIMARIES, COLORCORR and GAMMA are obeyed. EXPOSURE is not applied, values are relative; a note tells of it.

    Returns:
        (H, W, 3) float32, linear.

    Raises:
        PictureError: damaged, cut short, of another format than RGBE, or it states colours that cannot be obeyed.
    """
    header = read_radiance_header(data)
    if header is None:
        raise PictureError(f"{path}: damaged or cut short, its header names no size")
    for value in (value for key, value in header.said if key == "FORMAT"):
        _require_rgbe(path, value)
    if any(numbers != [3] for numbers in header.numbers("NCOMP")):
        raise PictureError(f"{path}: is a spectral picture, which is not supported; R, G and B are needed")
    codes = read_pixels(path, data, header.start, header.length, header.lines)
    image = codes[..., :3].astype(np.float32)
    image *= _SCALES[codes[..., 3]][..., None]
    image, notes = _corrected(path, image, header)
    given = header.numbers("PRIMARIES")
    primaries, more = stated_primaries(path, "PRIMARIES", given[-1]) if given else (PRIMARIES["bt709"], ())
    if header.order != "-Y +X":
        more = (*more, f"its lines are stored as {header.order} and turned upright")
    return DecodedHdr(pixels=_upright(image, header.order), primaries=primaries, notes=(*notes, *more))


def _require_rgbe(path: Path, stated: str) -> None:
    if stated.lower() == "32-bit_rle_xyze":
        raise PictureError(
            f"{path}: holds XYZ, which is not supported; convert it to RGB, for example with Radiance's ra_xyze -r"
        )
    if stated.lower() != "32-bit_rle_rgbe":
        raise PictureError(f"{path}: its FORMAT {stated[:40]!r} is not supported; 32-bit_rle_rgbe is read")


def _corrected(path: Path, image: np.ndarray, header: RadianceHeader) -> tuple[np.ndarray, tuple[str, ...]]:
    """The picture without its gamma and its colour correction, and notes of them and of what is not applied."""
    notes = []
    # Of several the last holds: programs that convert a picture append theirs.
    gamma = (header.numbers("GAMMA") or [[1.0]])[-1]
    if len(gamma) != 1 or gamma[0] < 1:
        said = next(value for key, value in reversed(header.said) if key == "GAMMA")
        raise PictureError(f"{path}: its GAMMA {said[:40]!r} is not supported; 1 (linear) or more is read")
    if gamma[0] != 1:
        with np.errstate(over="ignore"):
            image **= np.float32(gamma[0])
        notes.append(f"its GAMMA of {gamma[0]:g} is undone")
    # What it was multiplied by; these add up, as a picture goes through several programs.
    correction = np.ones(3)
    for factors in header.numbers("COLORCORR"):
        if len(factors) != 3 or min(factors) <= 0:
            raise PictureError(f"{path}: its COLORCORR has no three positive factors; its colours cannot be known")
        correction *= factors
    if (correction != 1).any():
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            image /= correction.astype(np.float32)
        notes.append(f"its COLORCORR of {' '.join(f'{factor:g}' for factor in correction)} is undone")
    exposure = math.prod(factor[0] for factor in header.numbers("EXPOSURE") if factor)
    if exposure != 1:
        notes.append(f"its EXPOSURE of {exposure:g} is not applied: values are relative")
    aspect = math.prod(ratio[0] for ratio in header.numbers("PIXASPECT") if ratio)
    if aspect != 1:
        notes.append(f"its pixels are {aspect:g} times as high as wide, and kept as they are")
    return image, tuple(notes)


def _upright(image: np.ndarray, order: str) -> np.ndarray:
    """Lines in the order of the file, to rows from the top, each from the left."""
    for axis, signed in enumerate(order.split()):
        if signed in ("+Y", "-X"):
            image = np.flip(image, axis)
    return image if order[1] == "Y" else np.swapaxes(image, 0, 1)


def _floats(value: str) -> list[float]:
    try:
        numbers = [float(word) for word in value.replace(",", " ").split()]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []

"""What a picture file is by its first bytes, and how large it says it is: both known before anything is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mqn.errors import PictureError
from mqn.hdr.primaries import PRIMARIES

MAX_PIXELS = 200_000_000
"""Pictures that declare more are refused before a byte of them is decoded: phones stop there, and what claims more is
damaged or made to exhaust the memory. Decoding needs 12 bytes a pixel for the float32 picture, and about as much again
while it is made."""

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

# Writers state chromaticities to three digits or four.
_ROUNDED = 2e-3

# Kinds that are not read stand here too: an error can then say what the file is.
_SIGNATURES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]")),
    ("WebP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("BMP", re.compile(rb"BM.{8}", re.DOTALL)),
    ("AVIF", re.compile(rb"....ftypavi[fs]", re.DOTALL)),
    ("HEIF", re.compile(rb"....ftyp(?:" + b"|".join(_HEIF_BRANDS) + rb")", re.DOTALL)),
    ("OpenEXR", re.compile(rb"\x76\x2f\x31\x01")),
    ("Radiance", re.compile(rb"#\?")),
    ("PFM", re.compile(rb"P[Ff]\s")),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("JPEG XL", re.compile(rb"\xff\x0a|\0\0\0\x0cJXL ")),
    ("JPEG 2000", re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51")),
    ("Photoshop", re.compile(rb"8BPS")),
    ("PDF", re.compile(rb"%PDF")),
)


class Header(NamedTuple):
    """What is known of a file before it is decoded.

    Attributes:
        kind: "PNG", "OpenEXR", ... by how it begins; None for what is no known picture.
        start: its first MiB.
        size_bytes: of the whole file, at least 1.
    """

    kind: str | None
    start: bytes
    size_bytes: int


def read_header(path: Path) -> Header:
    """Look at a file.

    Args:
        path: the file.

    Returns:
        What it is.

    Raises:
        PictureError: it is missing, a folder, no ordinary file, empty, or cannot be read.
    """
    try:
        # A pipe under a picture's name would wait for ever.
        if not path.is_file():
            raise PictureError(f"{path}: {_absence(path)}")
        with path.open("rb") as file:
            start = file.read(1 << 20)
        size_bytes = path.stat().st_size
    except OSError as error:
        raise PictureError(f"{path}: cannot be read: {error.strerror}") from error
    if not start:
        raise PictureError(f"{path}: is empty (0 bytes)")
    kind = next((name for name, signature in _SIGNATURES if signature.match(start)), None)
    return Header(kind, start, size_bytes)


def require_size(path: Path, width: int, height: int) -> None:
    """Refuse a picture of no pixels, or of more than `MAX_PIXELS`.

    Args:
        path: for the error.
        width: in pixels, as the header declares it.
        height: likewise.

    Raises:
        PictureError: it is one.
    """
    if width <= 0 or height <= 0:
        raise PictureError(f"{path}: has no pixels (its size is {width} x {height})")
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{path}: declares {width} x {height} pixels; at most {MAX_PIXELS // 10**6} megapixels are read: "
            "damaged, or to be cut into parts"
        )


def require_declared_size(path: Path, header: Header) -> None:
    """Refuse a Radiance, PFM, OpenEXR or PNG file that declares too many pixels, or more than its bytes can hold.

    Args:
        path: for the error.
        header: of the file; for other kinds their decoders ask `require_size`.

    Raises:
        PictureError: it is one, or has no size where one belongs.
    """
    declared = _DECLARED.get(header.kind or "")
    if declared is None:
        return
    size = declared(header.start)
    if size is None:
        raise PictureError(f"{path}: damaged or cut short, its header names no size")
    width, height, least_bytes = size
    require_size(path, width, height)
    if header.size_bytes < least_bytes:
        raise PictureError(
            f"{path}: cut short or damaged, {width} x {height} pixels take {least_bytes} bytes or more, "
            f"there are {header.size_bytes}"
        )


def stated_primaries(header: Header) -> str | None:
    """Which primaries an OpenEXR file says its colours are in, by its attribute `chromaticities`.

    Args:
        header: of any file.

    Returns:
        A name of `mqn.hdr.primaries.PRIMARIES`; "bt709" for files that say nothing, as OpenEXR's specification has it;
        None for others than are known here, and for another white.
    """
    found = re.search(rb"chromaticities\0chromaticities\0\x20\0\0\0(.{32})", header.start, re.DOTALL)
    if header.kind != "OpenEXR" or found is None:
        return "bt709"
    stated = struct.unpack("<8f", found[1])
    for name, known in PRIMARIES.items():
        if all(abs(a - b) < _ROUNDED for a, b in zip(stated, known.chromaticities, strict=True)):
            return name
    return None


def _radiance_size(data: bytes) -> tuple[int, int, int] | None:
    found = re.search(rb"\n\s*\n([-+])([XY]) (\d{1,9}) [-+]([XY]) (\d{1,9})\n", data[:65536])
    if found is None:
        return None
    first, second = int(found[3]), int(found[5])
    height, width = (first, second) if found[2] == b"Y" else (second, first)
    # The longest run, 127 values of one channel, takes two bytes; a flat line narrower than 8 takes one pixel.
    return width, height, found.end() + height * min(4 * width, 8 * (width // 128) + 4)


def _pfm_size(data: bytes) -> tuple[int, int, int] | None:
    found = re.match(rb"P([Ff])\s+(\d{1,9})\s+(\d{1,9})\s+\S{1,32}\s", data[:256])
    if found is None:
        return None
    width, height = int(found[2]), int(found[3])
    return width, height, found.end() + width * height * (12 if found[1] == b"F" else 4)


def _exr_size(data: bytes) -> tuple[int, int, int] | None:
    """The largest data window of the file's parts; compression may bring it down to nearly nothing."""
    largest = None
    for found in re.finditer(rb"dataWindow\0box2i\0\x10\0\0\0(.{16})", data, re.DOTALL):
        left, top, right, bottom = struct.unpack("<4i", found[1])
        size = right - left + 1, bottom - top + 1
        if min(size) <= 0:
            return *size, 0
        if largest is None or size[0] * size[1] > largest[0] * largest[1]:
            largest = size
    # Each block of at most 256 lines has 8 bytes in the table of offsets at least.
    return None if largest is None else (*largest, 8 * (largest[1] // 256))


def _png_size(data: bytes) -> tuple[int, int, int] | None:
    if len(data) < 33 or data[12:16] != b"IHDR":
        return None
    width, height, depth, colour = struct.unpack_from(">2I2B", data, 16)
    row_bits = width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    # Deflate makes at most 1032 bytes of one (RFC 1951: 258 bytes take two bits at least).
    return width, height, height * (1 + row_bits // 8) // 1032


_DECLARED: dict[str, Callable[[bytes], tuple[int, int, int] | None]] = {
    "Radiance": _radiance_size,
    "PFM": _pfm_size,
    "OpenEXR": _exr_size,
    "PNG": _png_size,
}


def _absence(path: Path) -> str:
    if path.is_dir():
        return "is a folder"
    if path.is_symlink() and not path.exists():
        return "is a link to a file that does not exist"
    return "is no ordinary file" if path.exists() else "no such file"

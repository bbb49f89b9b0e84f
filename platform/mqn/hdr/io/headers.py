"""The kind of a picture file by its first bytes, and the size that its header declares. Nothing is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from mqn.errors import PictureError
from mqn.hdr.decoding.size import require_size
from mqn.hdr.kinds.pfm import read_pfm_header
from mqn.hdr.kinds.radiance import least_size_bytes, read_radiance_header

# Lines of a Radiance picture's header have any length.
_LONGEST_HEADER_BYTES = 64 << 20

# Kinds that are not read stand here too: an error can then say what the file is.
_SIGNATURES: tuple[tuple[str, re.Pattern[bytes]], ...] = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("JPEG-LS", rb"\xff\xd8\xff\xf7"),
        ("JPEG", rb"\xff\xd8\xff"),
        ("PNG", rb"\x89PNG\r\n\x1a\n"),
        ("Panasonic raw", rb"IIU\0"),
        ("Olympus raw", rb"IIR[OS]|MMOR"),
        ("JPEG XR", rb"II\xbc\x01"),
        ("TIFF", rb"II[*+]\0|MM\0[*+]"),
        ("WebP", rb"RIFF....WEBP"),
        ("BMP", rb"BM.{8}"),
        ("AVIF", rb"....ftyp(?:avi[fs]|(?:mif1|msf1|miaf)(?!.{0,64}hei[cxms]).{0,64}avi[fs])"),
        ("HEIF", rb"....ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)"),
        ("Canon raw (CR3)", rb"....ftypcrx "),
        ("video", rb"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI "),
        ("OpenEXR", rb"\x76\x2f\x31\x01"),
        ("Radiance", rb"#\?"),
        ("PFM", rb"P[Ff]\s"),
        ("PNM", rb"P[1-7]\s"),
        ("GIF", rb"GIF8[79]a"),
        ("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL "),
        ("JPEG 2000", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
        ("Photoshop", rb"8BPS"),
        ("Fujifilm raw", rb"FUJIFILMCCD-RAW"),
        ("Sigma raw", rb"FOVb"),
        ("Softimage", rb"\x53\x80\xf6\x34"),
        ("DPX", rb"SDPX|XPDS"),
        ("Cineon", rb"\x80\x2a\x5f\xd7|\xd7\x5f\x2a\x80"),
        ("DDS", rb"DDS "),
        ("KTX", rb"\xabKTX"),
        ("FITS", rb"SIMPLE  ="),
        ("ENVI header", rb"ENVI\s"),
        ("GIMP", rb"gimp xcf"),
        ("PDF", rb"%PDF"),
    )
)


class Header(NamedTuple):
    """What is known of a file before it is decoded.

    Attributes:
        kind: "PNG", "OpenEXR", ... by how it begins; None for what is no known picture.
        start: its first MiB, or more where a header is longer.
        size_bytes: of the whole file, at least 1.
    """

    kind: str | None
    start: bytes
    size_bytes: int


def read_header(path: Path) -> Header:
    """Look at the beginning of a file.

    Raises:
        PictureError: it is missing, a folder, no ordinary file, empty, or cannot be read.
    """
    try:
        # A pipe under a picture's name would wait for ever.
        if not path.is_file():
            raise PictureError(f"{path}: {_absence(path)}")
        with path.open("rb") as file:
            start = file.read(1 << 20)
            kind = next((name for name, signature in _SIGNATURES if signature.match(start)), None)
            if kind == "Radiance" and read_radiance_header(start) is None:
                start += file.read(_LONGEST_HEADER_BYTES)
        size_bytes = path.stat().st_size
    except OSError as error:
        raise PictureError(f"{path}: cannot be read: {error.strerror}") from error
    if not start:
        raise PictureError(f"{path}: is empty (0 bytes)")
    return Header(kind, start, size_bytes)


def require_declared_size(path: Path, header: Header) -> None:
    """Refuse a Radiance, PFM, OpenEXR or PNG file that declares too many pixels, or more than its bytes can hold.

    Raises:
        PictureError: it is one, or has no size where one belongs.
    """
    declared = _DECLARED.get(header.kind or "")
    if declared is None:
        return
    size = declared(header)
    if size is None:
        raise PictureError(f"{path}: damaged or cut short, its header names no size")
    width, height, least_bytes = size
    require_size(path, width, height)
    if header.size_bytes < least_bytes:
        raise PictureError(
            f"{path}: cut short or damaged, {width} x {height} pixels take {least_bytes} bytes or more, "
            f"there are {header.size_bytes}"
        )


def not_read(path: Path, kind: str | None, named: str, kinds: Iterable[str]) -> PictureError:
    """Make the error for a file whose kind is not read.

    `kind` is what the file holds, and `named` is what its suffix says. `kinds` are those that are read.
    """
    what, verdict = (
        (f"holds {kind} data", "that is not supported, ") if kind else ("is no picture that is known here", "")
    )
    return PictureError(f"{path}: {what}, not {named} as its suffix says; {verdict}{', '.join(kinds)} are read")


def _radiance_size(header: Header) -> tuple[int, int, int] | None:
    said = read_radiance_header(header.start)
    return None if said is None else (*said.size, least_size_bytes(header.start, said))


def _pfm_size(header: Header) -> tuple[int, int, int] | None:
    said = read_pfm_header(header.start, header.size_bytes)
    return None if said is None else (said.width, said.height, said.size_bytes)


def _exr_size(header: Header) -> tuple[int, int, int] | None:
    """The largest data window of the file's parts; compression may bring it down to nearly nothing."""
    largest = None
    for found in re.finditer(rb"dataWindow\0box2i\0\x10\0\0\0(.{16})", header.start, re.DOTALL):
        left, top, right, bottom = struct.unpack("<4i", found[1])
        size = right - left + 1, bottom - top + 1
        if min(size) <= 0:
            return *size, 0
        if largest is None or size[0] * size[1] > largest[0] * largest[1]:
            largest = size
    # Each block of at most 256 lines has 8 bytes in the table of offsets at least.
    return None if largest is None else (*largest, 8 * (largest[1] // 256))


def _png_size(header: Header) -> tuple[int, int, int] | None:
    data = header.start
    if len(data) < 33 or data[12:16] != b"IHDR":
        return None
    width, height, depth, colour = struct.unpack_from(">2I2B", data, 16)
    row_bits = width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    # Deflate makes at most 1032 bytes of one (RFC 1951: 258 bytes take two bits at least).
    return width, height, height * (1 + row_bits // 8) // 1032


_DECLARED: dict[str, Callable[[Header], tuple[int, int, int] | None]] = {
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

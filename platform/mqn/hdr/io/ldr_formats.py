"""Decodes LDR files to code values and metadata: one function a kind of file.

JPEG and PNG pixels come from OpenCV (16 bits kept; what libjpeg only warns of is seen), WebP, BMP, CMYK and all headers
from Pillow, TIFF from tifffile, HEIC from libheif with its own bits. `mqn.hdr.io.ldr_files` makes a picture of them.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.decoding import profiles
from mqn.hdr.decoding.noise import captured_noise, decoding
from mqn.hdr.decoding.size import require_size
from mqn.hdr.gain_map.container import has_gain_map
from mqn.hdr.io.formats import decode_with_opencv, read_bytes
from mqn.hdr.kinds import png
from mqn.hdr.kinds.bmp import read_bmp_colours
from mqn.hdr.kinds.decoded_ldr import Channels, CodePoints, Decoded, Measured
from mqn.hdr.kinds.jpeg import require_baseline
from mqn.hdr.kinds.tiff import read_tiff
from mqn.hdr.primaries import stated

# What damaged headers and bodies end in is not documented; these are what fuzzing found.
_FAILURES = (
    OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, AttributeError, EOFError, ArithmeticError,
    RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip

_ORIENTATION, _EXIF, _INTEROPERABILITY = 0x0112, 0x8769, 0xA005


def decode_jpeg(path: Path) -> Decoded:
    """Decode a JPEG file; of several pictures in it, the first.

    Raises:
        PictureError: damaged, cut short, too large, or of a process that is not supported (12 bits, lossless, ...).
    """
    import cv2
    from PIL import JpegImagePlugin

    data = read_bytes(path)
    require_baseline(path, data)
    header = _open(path, data, JpegImagePlugin.JpegImageFile)
    # Of CMYK this makes a poor guess, but says whether the data are whole, which Pillow does not.
    codes = decode_with_opencv(path, data, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    channels: Channels = "grey" if codes.ndim == 2 else "rgb"
    if header.mode == "CMYK":
        codes, channels = _pixels(path, header, "CMYK"), "cmyk"
    said = _metadata(header, header.info.get("exif"))
    if has_gain_map(data):
        said["notes"] = (
            *said.get("notes", ()),
            "is the base picture of an Ultra HDR file; its gain map is not applied",
        )
    return Decoded(codes=codes, channels=channels, **said)


def decode_png(path: Path) -> Decoded:
    """Decode a PNG file. Palettes are looked up; 1, 2 and 4 bits become 8. Errors are those of `decode_bmp`."""
    import cv2
    from PIL import PngImagePlugin

    data = read_bytes(path)
    header = _open(path, data, PngImagePlugin.PngImageFile)
    codes = decode_with_opencv(path, data, cv2.IMREAD_UNCHANGED)
    # IHDR's colour type: 0 and 4 are grey, without and with alpha; OpenCV makes four channels of the latter.
    is_grey = data[25] in (0, 4)
    chunks = png.read_chunks(data)
    said = _metadata(header, chunks.get(b"eXIf"))
    notes = list(said.pop("notes", ()))
    alpha = codes.ndim == 3 and codes.shape[2] == 4
    if is_grey and codes.ndim == 3:
        codes = codes[..., [0, 3]] if alpha else codes[..., 0]
    return Decoded(
        codes=codes,
        bits=8 * codes.itemsize,
        channels="grey" if is_grey else "rgb",
        alpha=alpha,
        coding_points=png.code_points(path, chunks, notes),
        says_srgb=b"sRGB" in chunks,
        measured=png.measured(chunks, notes),
        notes=tuple(notes),
        **said,
    )


def decode_webp(path: Path) -> Decoded:
    """Decode a WebP file; of an animation, the first picture. Errors are those of `decode_bmp`."""
    from PIL import WebPImagePlugin

    header = _open(path, read_bytes(path), WebPImagePlugin.WebPImageFile)
    alpha = header.mode == "RGBA"
    codes = _pixels(path, header, "RGBA" if alpha else "RGB")
    return Decoded(codes=codes, channels="rgb", alpha=alpha, **_metadata(header, header.info.get("exif")))


def decode_bmp(path: Path) -> Decoded:
    """Decode a BMP file of any depth; raises `PictureError` if it is damaged, cut short, or too large."""
    from PIL import BmpImagePlugin

    data = read_bytes(path)
    header = _open(path, data, BmpImagePlugin.BmpImageFile)
    is_grey, alpha = header.mode in ("1", "L"), header.mode == "RGBA"
    codes = _pixels(path, header, "L" if is_grey else "RGBA" if alpha else "RGB")
    profile, notes = read_bmp_colours(data)
    return Decoded(codes=codes, channels="grey" if is_grey else "rgb", alpha=alpha, profile=profile, notes=notes)


def decode_tiff(path: Path) -> Decoded:
    """Decode the first page of a TIFF file of integers.

    Raises:
        PictureError: as `mqn.hdr.kinds.tiff.read_tiff`; or it holds floats, or colours other than grey, RGB and CMYK.
    """
    picture = read_tiff(path)
    codes = picture.pixels
    if codes.dtype.kind == "b":
        codes = codes.astype(np.uint8)
    if codes.dtype not in (np.uint8, np.uint16):
        raise PictureError(f"{path}: holds {codes.dtype} values; an LDR picture holds integers of at most 16 bits")
    kinds: dict[str, Channels] = {
        "MINISBLACK": "grey", "MINISWHITE": "grey", "RGB": "rgb", "YCBCR": "rgb", "SEPARATED": "cmyk",
    }  # fmt: skip
    channels = kinds.get(picture.photometric)
    if channels is None:
        raise PictureError(f"{path}: holds {picture.photometric} values; grey, RGB or CMYK are read")
    if channels == "grey" and codes.ndim == 3 and codes.shape[2] >= 3:
        channels = "rgb"
    if picture.photometric == "MINISWHITE":
        codes = (2**picture.bits - 1) - codes
    notes = []
    if picture.pages > 1:
        notes.append(picture.which_page)
    if picture.premultiplied:
        notes.append("its colours are multiplied by alpha, as over black")
    if picture.transfer_function and picture.profile is None:
        notes.append("its TransferFunction is not applied")
    measured = None
    if picture.chromaticities is not None:
        measured = Measured(primaries=stated(picture.chromaticities))
        if measured.primaries is None:
            notes.append("its tags of primaries and white are damaged and left out")
    return Decoded(
        codes=codes,
        bits=picture.bits,
        channels=channels,
        alpha=picture.alpha,
        profile=picture.profile,
        measured=measured,
        orientation=picture.orientation,
        notes=tuple(notes),
    )


def decode_heif(path: Path) -> Decoded:
    """Decode the primary picture of a HEIC or HEIF file, 8 to 12 bits, upright. Errors as for `decode_bmp`."""
    import pillow_heif

    with decoding(path, _FAILURES, "HEIF"):
        file = pillow_heif.open_heif(read_bytes(path), convert_hdr_to_8bit=False)
        require_size(path, *file.size)
        codes, info = np.asarray(file), dict(file.info)
    bits = int(info.get("bit_depth", 8))
    if codes.dtype == np.uint16:
        # pillow_heif moves the bits to the top of 16.
        codes = codes >> (16 - bits)
    nclx, profile = info.get("nclx_profile"), info.get("icc_profile")
    points = CodePoints(int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])) if nclx else None
    if profile is not None and points is not None and points.transfer not in profiles.HDR_TRANSFERS:
        # Beside a profile the box says how the stream is coded, for libheif, and no more: HEIF leaves its primaries and
        # transfer unspecified there (github.com/MPEGGroup/FileFormat, issue 39).
        points = None
    count = 1 if codes.ndim == 2 else codes.shape[2]
    return Decoded(
        codes=codes,
        bits=bits,
        channels="grey" if count < 3 else "rgb",
        alpha=count in (2, 4),
        profile=profile,
        coding_points=points,
    )


def _open(path: Path, data: bytes, plugin: Callable[[io.BytesIO], Any]) -> Any:
    """A Pillow picture whose header was read. Its plugin is asked itself: `Image.open` has a limit of its own."""
    from PIL import Image

    # Of the plugins, WebP's has the limit nevertheless.
    with decoding(path, (*_FAILURES, Image.DecompressionBombError)):
        header = plugin(io.BytesIO(data))
    require_size(path, *header.size)
    return header


def _pixels(path: Path, image: Any, mode: str) -> np.ndarray:
    with decoding(path, _FAILURES):
        return np.asarray(image.convert(mode))


def _metadata(header: Any, exif_bytes: bytes | None) -> dict[str, Any]:
    """Profile and EXIF of a Pillow picture. EXIF that cannot be read says nothing, and viewers go on without it."""
    from PIL import Image

    found: dict[str, Any] = {"profile": header.info.get("icc_profile")}
    if not exif_bytes:
        return found
    exif = Image.Exif()
    with captured_noise():
        try:
            exif.load(exif_bytes)
            found["orientation"] = int(exif.get(_ORIENTATION, 1))
            # The interoperability index of Exif 2.32, annex E: "R03" is the option file of DCF, Adobe RGB.
            if _INTEROPERABILITY in exif.get_ifd(_EXIF):
                found["is_adobe_rgb"] = str(exif.get_ifd(_INTEROPERABILITY).get(1, "")).startswith("R03")
        except _FAILURES:
            found["notes"] = ("its EXIF data are damaged and left out",)
    return found

"""HDR picture files in and out. What `read` returns is checked: finite, not negative, linear BT.709."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.io import formats
from mqn.hdr.io.headers import Header, not_read, read_header, require_declared_size
from mqn.hdr.io.ldr_files import LDR_SUFFIXES, LdrPicture, load_ldr, read_ldr, require_rgb, write_png
from mqn.hdr.io.ultra_hdr import ULTRA_HDR_SUFFIXES, decode_ultra_hdr
from mqn.hdr.kinds.decoded import DecodedHdr, in_bt709
from mqn.hdr.kinds.exr import decode_exr
from mqn.hdr.kinds.float_tiff import decode_float_tiff
from mqn.hdr.kinds.pfm import decode_pfm
from mqn.hdr.kinds.radiance import decode_radiance
from mqn.hdr.kinds.raw import RAW_SUFFIXES, decode_raw

__all__ = [
    "HDR_SUFFIXES", "LDR_SUFFIXES", "WRITTEN_SUFFIXES", "HdrPicture", "LdrPicture", "load",
    "load_ldr", "read", "read_ldr", "write", "write_png",
]  # fmt: skip

_DECODERS: dict[str, Callable[[Path], DecodedHdr]] = {
    ".hdr": lambda path: decode_radiance(path, formats.read_bytes(path)),
    ".exr": decode_exr,
    ".pfm": lambda path: decode_pfm(path, formats.read_bytes(path)),
    ".tif": decode_float_tiff,
    ".tiff": decode_float_tiff,
    **dict.fromkeys(RAW_SUFFIXES, lambda path: DecodedHdr(pixels=decode_raw(path))),
}
_ENCODERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    ".hdr": formats.encode_with_opencv,
    ".exr": formats.encode_exr,
    ".pfm": formats.encode_with_opencv,
    ".tif": formats.encode_tiff,
    ".tiff": formats.encode_tiff,
}

HDR_SUFFIXES = tuple(_DECODERS)
WRITTEN_SUFFIXES = tuple(_ENCODERS)

# Kinds by content, for files whose suffix is another HDR picture's. Raw files are TIFF inside: their suffix decides.
_KINDS = {".hdr": "Radiance", ".exr": "OpenEXR", ".pfm": "PFM", ".tif": "TIFF", ".tiff": "TIFF"}
_BY_KIND = {kind: _DECODERS[suffix] for suffix, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class HdrPicture:
    """A picture as read, and what was put right about it.

    Attributes:
        image: (H, W, 3) float32, linear, relative, finite, not negative.
        negative_values: how many channel values were below 0 (colours beyond BT.709, ringing) and are 0 now.
        had_alpha: whether the file has a fourth channel, which is dropped.
        notes: what else is worth knowing, each a clause: mislabelled, colours of other primaries, ...
    """

    image: np.ndarray
    negative_values: int
    had_alpha: bool
    notes: tuple[str, ...] = ()


def read(path: Path | str) -> np.ndarray:
    """Read an HDR picture.

    Args:
        path: a .hdr, .exr, .pfm, .tif or .tiff file; which of these it is, its content says. Or a camera's raw file,
            or an Ultra HDR file (.jpg), of which 1.0 is SDR white.

    Returns:
        (H, W, 3) float32, linear, relative, finite, BT.709; negative values are 0 (`load` counts them), alpha is
        dropped. A file that states other primaries, another white or an ICC profile is brought to BT.709, adapted to
        D65 (Bradford). `load` tells of all that was converted, cropped or chosen.

    Raises:
        PictureError: the file is missing, empty, damaged, cut short or of another kind, holds no pixels, more than
            `mqn.hdr.decoding.size.MAX_PIXELS`, one channel only, integers, NaN or infinity, or is a JPEG without a gain
            map; names file and reason.
    """
    return load(path).image


def load(path: Path | str) -> HdrPicture:
    """Read an HDR picture and tell what was put right about it; errors are those of `read`."""
    path = Path(path)
    if path.suffix.lower() not in (*HDR_SUFFIXES, *ULTRA_HDR_SUFFIXES):
        raise PictureError(f"{path}: no HDR picture by its suffix; {', '.join(HDR_SUFFIXES)} are read")
    header, notes = read_header(path), []
    try:
        decoded = _decoder(path, header)(path)
    except MemoryError as error:
        raise PictureError(f"{path}: is too large for the memory that is left") from error
    pixels = decoded.pixels
    named = _KINDS.get(path.suffix.lower(), header.kind)
    if header.kind != named:
        notes.append(f"holds {header.kind} data, not {named} as its suffix says")
    if pixels.dtype.kind != "f":
        raise PictureError(f"{path}: holds {pixels.dtype} values; an HDR picture holds floats, linear in light")
    require_rgb(path, pixels)
    # A float64 file may exceed float32; the check below then says so.
    with np.errstate(over="ignore"):
        image = np.ascontiguousarray(pixels[..., :3], np.float32)
    broken = image.size - int(np.count_nonzero(np.isfinite(image)))
    if broken:
        raise PictureError(f"{path}: {broken} of {image.size} values are NaN, infinite or beyond float32")
    image, converted = in_bt709(image, decoded)
    notes += (*decoded.notes, *converted)
    negative = int(np.count_nonzero(image < 0))
    if negative:
        image = np.maximum(image, np.float32(0))
    return HdrPicture(image=image, negative_values=negative, had_alpha=pixels.shape[2] == 4, notes=tuple(notes))


def write(path: Path | str, image: np.ndarray) -> None:
    """Write an HDR picture, (H, W, 3) floats, linear, in the format of the suffix; it appears whole or not at all.

    Floats are kept exactly by .exr, .pfm and .tif; .hdr shares an exponent between the three channels and keeps each
    value to about 1/256 of the pixel's largest.

    Raises:
        PictureError: the suffix is none of these, the picture is empty or has values that are negative or not finite,
            or the file cannot be written.
    """
    path = Path(path)
    encode = _ENCODERS.get(path.suffix.lower())
    if encode is None:
        raise PictureError(f"{path}: no HDR format by its suffix; {', '.join(_ENCODERS)} are written")
    require_rgb(path, image)
    values = np.ascontiguousarray(image[..., :3], np.float32)
    if not np.isfinite(values).all() or values.min() < 0:
        raise PictureError(f"{path}: not written, the picture has values that are negative, NaN or infinite")
    encode(path, values)


def _decoder(path: Path, header: Header) -> Callable[[Path], DecodedHdr]:
    """The function that decodes a file: content goes before suffix, but for raw files."""
    if path.suffix.lower() in ULTRA_HDR_SUFFIXES:
        return decode_ultra_hdr
    named = _KINDS.get(path.suffix.lower())
    if named is None:
        # Raw files are TIFF or a camera maker's own; of other pictures LibRaw says only that it does not know them.
        if header.kind not in (None, "TIFF") and "raw" not in header.kind:
            raise not_read(path, header.kind, "raw", RAW_SUFFIXES)
        return _DECODERS[path.suffix.lower()]
    if header.kind is None or header.kind not in _BY_KIND:
        raise not_read(path, header.kind, named, _BY_KIND)
    require_declared_size(path, header)
    return _BY_KIND[header.kind]

"""LDR picture files in and out. Each becomes upright sRGB; corrections are noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.decoding.orientation import turn_upright
from mqn.hdr.io import ldr_formats
from mqn.hdr.io.formats import encode_with_opencv
from mqn.hdr.io.headers import not_read, read_header, require_declared_size
from mqn.hdr.io.ldr_colours import in_srgb
from mqn.hdr.kinds.decoded_ldr import Decoded

_DECODERS: dict[str, Callable[[Path], Decoded]] = {
    "JPEG": ldr_formats.decode_jpeg,
    "PNG": ldr_formats.decode_png,
    "TIFF": ldr_formats.decode_tiff,
    "HEIF": ldr_formats.decode_heif,
    "WebP": ldr_formats.decode_webp,
    "BMP": ldr_formats.decode_bmp,
}
_KINDS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".webp": "WebP",
    ".bmp": "BMP",
}

LDR_SUFFIXES = tuple(_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LdrPicture:
    """A picture as read, and what was put right about it.

    Attributes:
        image: (H, W, 3) float32 in [0, 1], display-referred sRGB, upright.
        kind: of file, by its content: "JPEG", "PNG", "TIFF", "HEIF", "WebP" or "BMP".
        bits: of a channel in the file.
        was_grey: whether it holds one channel, which is repeated.
        had_alpha: whether it holds transparency, which is dropped: the colours stay as they are stored.
        orientation: EXIF's, 1 to 8; the picture is turned upright.
        colours: what its numbers were taken for: "sRGB, untagged", "p3, untagged", or the name of its profile.
        notes: everything else that one may want to know, each a clause: converted, mislabelled, left out, ...
    """

    image: np.ndarray
    kind: str
    bits: int
    was_grey: bool
    had_alpha: bool
    orientation: int
    colours: str
    notes: tuple[str, ...]


def read_ldr(path: Path | str, primaries: Literal["srgb", "p3"] = "srgb") -> np.ndarray:
    """Read an LDR picture, upright and in sRGB.

    Args:
        path: a .jpg, .jpeg, .png, .tif, .tiff, .heic, .heif, .webp or .bmp file, up to 16 bits a channel. The suffix
            says that it is a picture, its content says which.
        primaries: what colours *without* a profile are taken for. The base pictures of Ultra HDR files are Display P3
            and often do not say so.

    Returns:
        (H, W, 3) float32 in [0, 1], display-referred sRGB in steps of the file's own bits. Grey is repeated; alpha is
        dropped, the colours below stay as stored. What a file states is obeyed: a cICP chunk, an ICC profile, an
        nclx box, gamma and primaries, EXIF's "Adobe RGB", in this order. Colours that sRGB does not hold are clipped;
        what says nothing is sRGB. CMYK needs a profile.

    Raises:
        PictureError: the file is missing, empty, damaged, cut short, of another kind, larger than
            `mqn.hdr.decoding.size.MAX_PIXELS`, holds floats, PQ or HLG, or CMYK without a profile.
    """
    return load_ldr(path, primaries).image


def load_ldr(path: Path | str, primaries: Literal["srgb", "p3"] = "srgb") -> LdrPicture:
    """Read an LDR picture and tell what was put right about it.

    Raises:
        PictureError: as for `read_ldr`.
        ValueError: `primaries` is neither.
    """
    path = Path(path)
    if primaries not in ("srgb", "p3"):
        raise ValueError(f"primaries {primaries!r} must be 'srgb' or 'p3'")
    named = _KINDS.get(path.suffix.lower())
    if named is None:
        raise PictureError(f"{path}: no LDR picture by its suffix; {', '.join(LDR_SUFFIXES)} are read")
    header = read_header(path)
    kind = header.kind
    decode = _DECODERS.get(kind or "")
    if kind is None or decode is None:
        raise not_read(path, kind, named, _DECODERS)
    require_declared_size(path, header)
    try:
        decoded = decode(path)
        codes = _without_alpha(path, decoded)
        notes = list(decoded.notes)
        values, colours = in_srgb(path, codes, decoded, primaries, notes)
    except MemoryError as error:
        raise PictureError(f"{path}: is too large for the memory that is left") from error
    if kind != named:
        notes.append(f"holds {kind} data, not {named} as its suffix says")
    return LdrPicture(
        image=np.ascontiguousarray(turn_upright(values, decoded.orientation), np.float32),
        kind=kind,
        bits=decoded.bits,
        was_grey=decoded.channels == "grey",
        had_alpha=decoded.alpha,
        orientation=decoded.orientation,
        colours=colours,
        notes=tuple(notes),
    )


def write_png(path: Path | str, image: np.ndarray, *, bits: int = 8) -> None:
    """Write a PNG file; it appears whole or not at all.

    Args:
        path: a .png file in an existing folder; replaced if it exists.
        image: (H, W, 3) floats, display-referred code values; clipped to [0, 1] and rounded.
        bits: 8 or 16 a channel.

    Raises:
        PictureError: another suffix, not three channels, an empty picture, NaN, or the file cannot be written.
        ValueError: another number of bits.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise PictureError(f"{path}: only .png is written here")
    if bits not in (8, 16):
        raise ValueError(f"bits {bits} must be 8 or 16")
    require_rgb(path, image)
    if np.isnan(image).any():
        raise PictureError(f"{path}: not written, the picture has NaN values")
    dtype = np.uint8 if bits == 8 else np.uint16
    codes = np.clip(np.asarray(image[..., :3], np.float64), 0.0, 1.0) * np.iinfo(dtype).max
    encode_with_opencv(path, np.rint(codes).astype(dtype))


def require_rgb(path: Path, pixels: np.ndarray) -> None:
    """Check that an array is a picture of RGB, with or without alpha: (H, W, 3) or (H, W, 4).

    Raises:
        PictureError: it has another shape, or no pixels.
    """
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] < 3):
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        raise PictureError(f"{path}: has {channels} channel{'s' if channels > 1 else ''}; R, G and B are needed")
    if pixels.ndim != 3 or pixels.shape[2] > 4:
        raise PictureError(f"{path}: has the shape {pixels.shape}; (height, width, 3) is needed")
    if not pixels.size:
        raise PictureError(f"{path}: has no pixels (its size is {pixels.shape[1]} x {pixels.shape[0]})")


def _without_alpha(path: Path, decoded: Decoded) -> np.ndarray:
    """The colours alone, (H, W) for grey and (H, W, 3 or 4) else."""
    codes = decoded.codes
    wanted = {"grey": 1, "rgb": 3, "cmyk": 4}[decoded.channels]
    present = 1 if codes.ndim == 2 else codes.shape[2]
    if not codes.size or codes.ndim > 3 or present < wanted:
        raise PictureError(f"{path}: damaged, its pixels have the shape {codes.shape}")
    if codes.ndim == 3:
        codes = codes[..., 0] if wanted == 1 else codes[..., :wanted]
    return codes

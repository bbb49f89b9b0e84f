"""Picture files in and out, checked: what `read` returns is a picture that every other room can compute with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.hdr import formats, raw

_DECODERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".hdr": formats.decode_radiance,
    ".exr": formats.decode_exr,
    ".pfm": formats.decode_pfm,
    ".tif": formats.decode_tiff,
    ".tiff": formats.decode_tiff,
    **dict.fromkeys(raw.RAW_SUFFIXES, raw.decode_raw),
}
_ENCODERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    ".hdr": formats.encode_with_opencv,
    ".exr": formats.encode_exr,
    ".pfm": formats.encode_with_opencv,
    ".tif": formats.encode_tiff,
    ".tiff": formats.encode_tiff,
}

HDR_SUFFIXES = tuple(_DECODERS)
LDR_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True, kw_only=True)
class HdrPicture:
    """A picture as read, and what was put right about it.

    Attributes:
        image: (H, W, 3) float32, linear, relative, finite, not negative.
        negative_values: how many channel values were below 0 in the file (out-of-gamut colours, ringing) and are 0 now.
        had_alpha: whether the file has a fourth channel, which is dropped.
    """

    image: np.ndarray
    negative_values: int
    had_alpha: bool


def read(path: Path | str) -> np.ndarray:
    """Read an HDR picture.

    Args:
        path: a .hdr, .exr, .pfm, .tif or .tiff file.

    Returns:
        (H, W, 3) float32, linear, relative, finite; negative values are 0 (`load` counts them), alpha is dropped.
        Colours are taken for BT.709, whatever primaries the file names.

    Raises:
        PictureError: the file is missing, empty, damaged or cut short, holds no pixels, one channel only, integers,
            NaN or infinity; names file and reason in one line.
    """
    return load(path).image


def load(path: Path | str) -> HdrPicture:
    """Read an HDR picture and tell what was put right about it.

    Args:
        path: as for `read`.

    Returns:
        The picture.

    Raises:
        PictureError: as for `read`.
    """
    path = Path(path)
    decode = _DECODERS.get(path.suffix.lower())
    if decode is None:
        raise PictureError(f"{path}: no HDR picture by its suffix; {', '.join(HDR_SUFFIXES)} are read")
    _require_content(path)
    pixels = decode(path)
    if pixels.dtype.kind != "f":
        raise PictureError(f"{path}: holds {pixels.dtype} values; an HDR picture holds floats, linear in light")
    _require_channels(path, pixels)
    # A float64 file may exceed float32; the check below then says so.
    with np.errstate(over="ignore"):
        image = np.ascontiguousarray(pixels[..., :3], np.float32)
    broken = image.size - int(np.count_nonzero(np.isfinite(image)))
    if broken:
        raise PictureError(f"{path}: {broken} of {image.size} values are NaN, infinite or beyond float32")
    negative = int(np.count_nonzero(image < 0))
    if negative:
        image = np.maximum(image, np.float32(0))
    return HdrPicture(image=image, negative_values=negative, had_alpha=pixels.shape[2] == 4)


def write(path: Path | str, image: np.ndarray) -> None:
    """Write an HDR picture, in the format that the suffix names.

    Floats are kept exactly by .exr, .pfm and .tif; .hdr shares an exponent between the three channels and keeps each
    value to about 1/256 of the pixel's largest.

    Args:
        path: a .hdr, .exr, .pfm, .tif or .tiff file in an existing folder; replaced if it exists.
        image: (H, W, 3) floats, linear, finite, not negative.

    Raises:
        PictureError: the suffix is none of these, the picture is empty or has values that are negative or not finite,
            or the file cannot be written.
    """
    path = Path(path)
    encode = _ENCODERS.get(path.suffix.lower())
    if encode is None:
        raise PictureError(f"{path}: no HDR format by its suffix; {', '.join(_ENCODERS)} are written")
    _require_channels(path, image)
    values = np.ascontiguousarray(image[..., :3], np.float32)
    if not np.isfinite(values).all() or values.min() < 0:
        raise PictureError(f"{path}: not written, the picture has values that are negative, NaN or infinite")
    encode(path, values)


def read_ldr(path: Path | str) -> np.ndarray:
    """Read a JPEG or PNG picture, turned upright as its EXIF data say.

    Args:
        path: a .jpg, .jpeg or .png file, 8 or 16 bits a channel; grey becomes RGB, alpha is dropped.

    Returns:
        (H, W, 3) float32 in [0, 1], display-referred; taken for sRGB code values, colour profiles are not applied.

    Raises:
        PictureError: the file is missing, empty, damaged, cut short, or of another kind; names file and reason.
    """
    path = Path(path)
    if path.suffix.lower() not in LDR_SUFFIXES:
        raise PictureError(f"{path}: no LDR picture by its suffix; {', '.join(LDR_SUFFIXES)} are read")
    _require_content(path)
    pixels = formats.decode_ldr(path)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise PictureError(f"{path}: holds {pixels.dtype} values; 8 or 16 bits a channel are read")
    _require_channels(path, pixels)
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def write_png(path: Path | str, image: np.ndarray, *, bits: int = 8) -> None:
    """Write a PNG file.

    Args:
        path: a .png file in an existing folder; replaced if it exists.
        image: (H, W, 3) floats, display-referred code values; clipped to [0, 1] and rounded.
        bits: 8 or 16 a channel.

    Raises:
        PictureError: another suffix, an empty picture, NaN, or the file cannot be written.
        ValueError: another number of bits.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise PictureError(f"{path}: only .png is written here")
    if bits not in (8, 16):
        raise ValueError(f"bits {bits} must be 8 or 16")
    _require_channels(path, image)
    if np.isnan(image).any():
        raise PictureError(f"{path}: not written, the picture has NaN values")
    dtype = np.uint8 if bits == 8 else np.uint16
    codes = np.clip(np.asarray(image[..., :3], np.float64), 0.0, 1.0) * np.iinfo(dtype).max
    formats.encode_with_opencv(path, np.rint(codes).astype(dtype))


def _require_content(path: Path) -> None:
    if not path.is_file():
        raise PictureError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
    if path.stat().st_size == 0:
        raise PictureError(f"{path}: is empty (0 bytes)")


def _require_channels(path: Path, pixels: np.ndarray) -> None:
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] < 3):
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        raise PictureError(f"{path}: has {channels} channel{'s' if channels > 1 else ''}; R, G and B are needed")
    if pixels.ndim != 3 or pixels.shape[2] > 4:
        raise PictureError(f"{path}: has the shape {pixels.shape}; (height, width, 3) is needed")
    if not pixels.size:
        raise PictureError(f"{path}: has no pixels (its size is {pixels.shape[1]} x {pixels.shape[0]})")

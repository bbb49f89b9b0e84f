"""TIFF files to arrays, with what their tags say about them: floats and integers alike."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.headers import require_size
from mqn.hdr.noise import captured_noise, words_of

_ICC_PROFILE, _ORIENTATION = 34675, 274

# What a damaged directory, tag or strip ends in is not documented; these are what fuzzing found. The codecs' own errors
# are RuntimeErrors.
_FAILURES = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError, OSError, RuntimeError, MemoryError,
    struct.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffPicture:
    """The first page of a TIFF file.

    Attributes:
        pixels: (H, W) or (H, W, channels) as stored, not turned; a palette is looked up.
        photometric: "RGB", "MINISBLACK", "MINISWHITE", "SEPARATED", ...: what the numbers mean.
        bits: that a channel takes in the file; 8 for a looked-up palette.
        alpha: whether the last channel is one.
        premultiplied: whether the colours are multiplied by it.
        profile: the ICC profile's bytes, if there is one.
        orientation: 1 to 8, as EXIF's.
        pages: how many pictures the file holds.
    """

    pixels: np.ndarray
    photometric: str
    bits: int
    alpha: bool
    premultiplied: bool
    profile: bytes | None
    orientation: int
    pages: int


def read_tiff(path: Path) -> TiffPicture:
    """Read the first page of a TIFF file, interleaved or planar, in strips or tiles.

    Args:
        path: the file.

    Returns:
        Its pixels and what is said of them.

    Raises:
        PictureError: damaged, cut short, not TIFF, too large (see `require_size`), no two-dimensional picture, or
            compressed in a way that is not known.
    """
    import tifffile

    failure: Exception | None = None
    with captured_noise():
        try:
            with tifffile.TiffFile(path) as file:
                page = file.pages[0]
                require_size(path, page.imagewidth, page.imagelength * page.imagedepth)
                _require_segments(path, page)
                picture = _described(path, page, pages=len(file.pages))
        except _FAILURES as error:
            failure = error
    if failure is not None:
        raise PictureError(f"{path}: damaged, cut short, or not TIFF{words_of(failure)}") from failure
    return picture


def _require_segments(path: Path, page: Any) -> None:
    """Refuse what tifffile would fill up with zeros: strips and tiles that are not there."""
    expected = math.prod(page.chunked)
    offsets, lengths = page.dataoffsets, page.databytecounts
    present = sum(offset > 0 and length > 0 for offset, length in zip(offsets, lengths, strict=False))
    if present < expected:
        raise PictureError(f"{path}: cut short or damaged, {present} of its {expected} strips or tiles are there")
    size_bytes = path.stat().st_size
    if any(offset + length > size_bytes for offset, length in zip(offsets, lengths, strict=False)):
        raise PictureError(f"{path}: cut short, its pixels reach beyond its end ({size_bytes} bytes)")


def _described(path: Path, page: Any, *, pages: int) -> TiffPicture:
    pixels, axes = page.asarray(), page.axes
    if axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    elif axes not in ("YX", "YXS"):
        raise PictureError(f"{path}: has the axes {axes}; one picture of three channels is needed")
    photometric = getattr(page.photometric, "name", str(page.photometric))
    bits = page.bitspersample
    if photometric == "PALETTE":
        if pixels.ndim != 2 or page.colormap is None:
            raise PictureError(f"{path}: damaged, its palette is missing")
        # Some writers scale 8 bits to the palette's 16 by 257, others by 256: the upper byte is what both meant.
        palette = (np.asarray(page.colormap) >> 8).astype(np.uint8)
        pixels, photometric, bits = np.moveaxis(palette[:, pixels], 0, -1), "RGB", 8
    extra = tuple(getattr(sample, "name", "") for sample in page.extrasamples or ())
    profile = page.tags.get(_ICC_PROFILE)
    orientation = page.tags.get(_ORIENTATION)
    return TiffPicture(
        pixels=pixels,
        photometric=photometric,
        bits=bits,
        alpha=bool(extra) and pixels.ndim == 3,
        premultiplied="ASSOCALPHA" in extra,
        profile=bytes(profile.value) if profile is not None else None,
        orientation=int(orientation.value) if orientation is not None else 1,
        pages=pages,
    )

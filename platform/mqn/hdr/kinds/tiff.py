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
from mqn.hdr.decoding.noise import decoding
from mqn.hdr.decoding.size import require_size
from mqn.hdr.primaries import PRIMARIES

_ICC_PROFILE, _ORIENTATION = 34675, 274
_SGI_LOG = (34676, 34677)
# Types of tags: unsigned and signed ratios.
_RATIOS = (5, 10)
_JPEG = (6, 7, 34892, 33007)
_TRANSFER_FUNCTION, _WHITE_POINT, _PRIMARY_CHROMATICITIES = 301, 318, 319

# What a damaged directory, tag or strip ends in is not documented; these are what fuzzing found. The codecs' own errors
# are RuntimeErrors.
_FAILURES = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, ArithmeticError, OSError, RuntimeError, MemoryError,
    struct.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffPicture:
    """The first page of a TIFF file that is no thumbnail.

    Attributes:
        pixels: (H, W) or (H, W, channels) as stored, not turned; a palette is looked up.
        photometric: "RGB", "MINISBLACK", "MINISWHITE", "SEPARATED", ...: what the numbers mean.
        bits: that a channel takes in the file; 8 for a looked-up palette.
        alpha: whether the last channel is one.
        premultiplied: whether the colours are multiplied by it.
        profile: the ICC profile's bytes, if there is one.
        orientation: 1 to 8, as EXIF's.
        page: which picture of the file it is, from 1.
        pages: how many there are.
        chromaticities: x and y of red, green, blue and white, where tags state them; BT.709's for what they leave out.
        transfer_function: whether a tag states one.
    """

    pixels: np.ndarray
    photometric: str
    bits: int
    alpha: bool
    premultiplied: bool
    profile: bytes | None
    orientation: int
    page: int
    pages: int
    chromaticities: tuple[float, ...] | None = None
    transfer_function: bool = False

    @property
    def which_page(self) -> str:
        """In words."""
        return f"the first of {self.pages} pages" if self.page == 1 else f"page {self.page} of {self.pages}"


def read_tiff(path: Path) -> TiffPicture:
    """Read the first page of a TIFF file that is no thumbnail, interleaved or planar, in strips or tiles.

    Raises:
        PictureError: damaged, cut short, not TIFF, too large (see `require_size`), no two-dimensional picture, or
            compressed in a way that is not known.
    """
    import tifffile

    with decoding(path, _FAILURES, "TIFF"), tifffile.TiffFile(path) as file:
        page = _full_page(file.pages)
        require_size(path, page.imagewidth, page.imagelength * page.imagedepth)
        _require_segments(path, page)
        return _described(path, page, pages=len(file.pages))


def _full_page(pages: Any) -> Any:
    """The first page that is no smaller version of another, nor its mask."""
    return next((page for page in pages if not (page.is_reduced or page.is_mask)), pages[0])


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
    photometric = getattr(page.photometric, "name", str(page.photometric))
    if photometric == "LOGL":
        raise PictureError(f"{path}: holds luminance only (LogL), which is not supported; R, G and B are needed")
    if photometric == "LOGLUV":
        pixels, axes = _log_luv(path, page), "YXS"
    elif photometric == "YCBCR" and page.compression not in _JPEG:
        pixels, axes = _luma_and_chroma(path, page), "YXS"
    else:
        pixels, axes = page.asarray(), page.axes
    if axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    elif axes not in ("YX", "YXS"):
        raise PictureError(f"{path}: has the axes {axes}; one picture of three channels is needed")
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
        page=page.index + 1,
        pages=pages,
        chromaticities=_chromaticities(page),
        transfer_function=_TRANSFER_FUNCTION in page.tags,
    )


def _log_luv(path: Path, page: Any) -> np.ndarray:
    """CIE XYZ of LogLuv, by libtiff: tifffile does not decode it."""
    import imagecodecs

    if page.compression not in _SGI_LOG:
        raise PictureError(f"{path}: holds LogLuv values without their compression, which is not supported")
    decoded: np.ndarray = imagecodecs.tiff_decode(path.read_bytes(), index=page.index)
    if decoded.ndim != 3 or decoded.shape[2] != 3:
        raise PictureError(f"{path}: damaged, its LogLuv values have the shape {decoded.shape}")
    return decoded


def _luma_and_chroma(path: Path, page: Any) -> np.ndarray:
    """R, G and B of YCbCr, by libtiff: tifffile hands on the numbers as they are, but for JPEG."""
    import imagecodecs

    if page.bitspersample != 8:
        raise PictureError(
            f"{path}: holds YCbCr values of {page.bitspersample} bits, which is not supported; 8 are read"
        )
    decoded: np.ndarray = imagecodecs.tiff_decode(path.read_bytes(), index=page.index, asrgb=True)[..., :3]
    # Libtiff has reversed rows and columns already, as the orientation says; here pixels are as stored.
    tag = page.tags.get(_ORIENTATION)
    orientation = tag.value if tag is not None else 1
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return decoded[:: -1 if rows else 1, :: -1 if columns else 1]


def _chromaticities(page: Any) -> tuple[float, ...] | None:
    """What two tags say, red, green, blue and white; None where neither is there."""
    white, colours = (page.tags.get(code) for code in (_WHITE_POINT, _PRIMARY_CHROMATICITIES))
    if white is None and colours is None:
        return None
    given = PRIMARIES["bt709"].chromaticities
    return (
        *(_numbers(colours) if colours is not None else given[:6]),
        *(_numbers(white) if white is not None else given[6:]),
    )


def _numbers(tag: Any) -> tuple[float, ...]:
    """Of a tag: as a rule ratios, which come as numerators and denominators by turns."""
    if tag.dtype not in _RATIOS:
        return tuple(map(float, np.atleast_1d(tag.value)))
    parts = tag.value
    return tuple(top / bottom if bottom else math.nan for top, bottom in zip(parts[::2], parts[1::2], strict=True))

"""TIFF files of light: floats of any width, and LogLuv, with the colours that their profile or tags state."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.decoding.linear_profiles import BoundedProfileError, UnusableProfileError, to_linear_bt709
from mqn.hdr.decoding.orientation import turn_upright
from mqn.hdr.decoding.profiles import profile_name
from mqn.hdr.kinds.decoded import DecodedHdr, stated_primaries
from mqn.hdr.kinds.tiff import TiffPicture, read_tiff
from mqn.hdr.primaries import PRIMARIES, Primaries, to_xyz

_BT709 = PRIMARIES["bt709"]


def decode_float_tiff(path: Path) -> DecodedHdr:
    """Decode the first page of a TIFF file, turned upright as its tag says.

    An ICC profile is obeyed; without one, the tags WhitePoint and PrimaryChromaticities. What states nothing is linear
    BT.709.

    Returns:
        (H, W, channels) or (H, W) of the file's own type.

    Raises:
        PictureError: as `mqn.hdr.kinds.tiff.read_tiff`; its numbers are no RGB; or its colours cannot be known.
    """
    picture = read_tiff(path)
    notes = [picture.which_page] if picture.pages > 1 else []
    if picture.orientation not in (0, 1):
        notes.append(f"is turned upright, as its orientation {picture.orientation} says")
    pixels, primaries = turn_upright(picture.pixels, picture.orientation), _BT709
    if picture.photometric == "LOGLUV":
        pixels = (pixels @ np.linalg.inv(to_xyz(_BT709)).T).astype(np.float32)
        notes.append("its LogLuv values are turned into R, G and B")
    elif picture.photometric not in ("RGB", "MINISBLACK", "LOGL"):
        raise PictureError(
            f"{path}: holds {picture.photometric} values, which are not supported; R, G and B are needed"
        )
    elif pixels.dtype.kind == "f" and pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels, primaries = _coloured(path, pixels, picture, notes)
    return DecodedHdr(pixels=pixels, primaries=primaries, notes=tuple(notes))


def _coloured(path: Path, pixels: np.ndarray, picture: TiffPicture, notes: list[str]) -> tuple[np.ndarray, Primaries]:
    if picture.profile is not None:
        return _by_profile(path, pixels, picture.profile, notes), _BT709
    if picture.transfer_function:
        notes.append("its TransferFunction is for integers and not applied")
    if picture.chromaticities is None:
        return pixels, _BT709
    primaries, more = stated_primaries(path, "PrimaryChromaticities and WhitePoint", picture.chromaticities)
    notes += more
    return pixels, primaries


def _by_profile(path: Path, pixels: np.ndarray, profile: bytes, notes: list[str]) -> np.ndarray:
    with np.errstate(over="ignore"):
        colours = np.ascontiguousarray(pixels[..., :3], np.float32)
    # What is not finite is refused by whoever asked.
    if not colours.size or not np.isfinite(colours).all():
        return pixels
    try:
        converted, moved = to_linear_bt709(colours, profile)
    except UnusableProfileError:
        notes.append("its colour profile is damaged or not for R, G and B, and left out")
        return pixels
    except BoundedProfileError as error:
        raise PictureError(
            f"{path}: its colour profile {profile_name(profile)!r} says nothing of values beyond 1, and its go up to "
            f"{colours.max():g}; save it with a linear profile"
        ) from error
    if not moved:
        return pixels
    notes.append(f"its colours are brought from {profile_name(profile)} to linear BT.709")
    return np.dstack([converted, pixels[..., 3:].astype(np.float32)])

"""Converts LDR pictures to sRGB: ICC profiles through Little CMS, code points and names by matrices.

The functions `from_...` take code values in [0, 1], (H, W, 3) float32, and return sRGB code values of the same shape.
Colours that sRGB does not hold are clipped. Primaries are a `Primaries` or a name of `mqn.hdr.primaries.PRIMARIES`.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.decoding.notes import plain
from mqn.hdr.primaries import PRIMARIES, Primaries, change_primaries
from mqn.hdr.transfer import srgb_decode, srgb_encode

# ITU-T H.273, tables 2 and 3.
_PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt601_625", 6: "bt601_525", 7: "bt601_525", 8: "film", 9: "bt2020", 11: "dci_p3",
    12: "p3", 22: "ebu3213",
}  # fmt: skip
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
_LINEAR, _SRGB = 8, 13
_GAMMAS = {4: 2.2, 5: 2.8}
# BT.709, BT.601, and BT.2020 of 10 and 12 bits: curves of cameras, all the same.
_CAMERAS = (1, 6, 14, 15)
_UNSPECIFIED = 2

# Where an ICC profile's table of tags begins.
_TAGS = 128

# Adobe RGB (1998) Color Image Encoding, 4.3.4.2: 2 + 51/256.
_ADOBE_GAMMA = 563 / 256

# Half a step of 8 bits: a profile that moves no colour further is sRGB's own, and the codes are kept as they are.
_SAME = 0.5 / 255


def profile_name(profile: bytes) -> str:
    """The name that an ICC profile gives itself, for example "Display P3"; "unnamed" where none can be read."""
    from PIL import ImageCms

    try:
        name = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.profile_description
    except (OSError, ValueError, ImageCms.PyCMSError):
        name = None
    return plain(name or "") or "unnamed"


def require_standard_range(path: Path, profile: bytes) -> None:
    """Refuse a picture whose ICC profile says by numbers that it is HDR (ICC.1:2022, 9.2.17 and 10.3).

    A damaged profile says nothing, and the picture passes.

    Raises:
        PictureError: the picture is PQ or HLG.
    """
    count = int.from_bytes(profile[_TAGS : _TAGS + 4], "big")
    for at in range(_TAGS + 4, min(_TAGS + 4 + 12 * count, len(profile)), 12):
        if profile[at : at + 4] == b"cicp":
            begin = int.from_bytes(profile[at + 4 : at + 8], "big")
            numbers = profile[begin + 8 : begin + 12]
            if len(numbers) == 4 and numbers[1] in HDR_TRANSFERS:
                raise _is_hdr(path, numbers[1])


def from_profile(values: np.ndarray, channels: str, profile: bytes) -> np.ndarray | None:
    """Bring code values to sRGB by their ICC profile: relative colorimetric, computed in 32-bit floats.

    `values` are float32 in [0, 1]: (H, W) grey, (H, W, 3) RGB or (H, W, 4) CMYK; `channels` says which.

    Returns:
        (H, W, 3), clipped to [0, 1]; None where the profile is damaged or is for other channels.
    """
    import imagecodecs

    space = "gray" if channels == "grey" else channels
    if channels == "rgb":
        samples = lattice()
        try:
            moved = _to_srgb(samples, space, profile)
        except (imagecodecs.CmsError, ValueError):
            return None
        if np.abs(moved - samples).max() <= _SAME:
            return values
    # Floating-point CMYK counts ink in per cent.
    if channels == "cmyk":
        values = values * np.float32(100)
    try:
        return np.clip(_to_srgb(values, space, profile), 0, 1)
    except (imagecodecs.CmsError, ValueError):
        return None


def from_primaries(values: np.ndarray, primaries: str | Primaries) -> np.ndarray:
    """Bring code values in other primaries to sRGB; the transfer function is sRGB's in both.

    `values` is (H, W, 3) float32 in [0, 1], and so is the result. Colours outside sRGB are clipped.
    """
    unchanged = primaries in ("bt709", PRIMARIES["bt709"])
    return values if unchanged else _encoded(srgb_decode(values), primaries)


def from_power(values: np.ndarray, exponent: float, primaries: str | Primaries) -> np.ndarray:
    """Bring code values of a power law to sRGB: light is a code value to the power of `exponent`.

    `values` is (H, W, 3) float32 in [0, 1], and so is the result. Colours outside sRGB are clipped.
    """
    return _encoded(values ** np.float32(exponent), primaries)


def from_adobe_rgb(values: np.ndarray) -> np.ndarray:
    """Bring Adobe RGB (1998) code values to sRGB.

    `values` is (H, W, 3) float32 in [0, 1], and so is the result. Colours outside sRGB are clipped.
    """
    return from_power(values, _ADOBE_GAMMA, "adobe_rgb")


def from_code_points(path: Path, values: np.ndarray, primaries: int, transfer: int) -> tuple[np.ndarray, str]:
    """Bring code values to sRGB by the numbers of a cICP chunk or an nclx box (ITU-T H.273).

    The camera curves of BT.601, BT.709 and BT.2020 are taken for sRGB's, as browsers do.

    Args:
        path: for the error.
        values: (H, W, 3) float32 in [0, 1].
        primaries: a number of table 2.
        transfer: a number of table 3.

    Returns:
        (H, W, 3) sRGB code values in [0, 1], and the name of the colours that they had.

    Raises:
        PictureError: PQ or HLG, which are not LDR; or numbers that are not known.
    """
    if transfer in HDR_TRANSFERS:
        raise _is_hdr(path, transfer)
    name = "bt709" if primaries == _UNSPECIFIED else _PRIMARIES.get(primaries)
    if name is None:
        raise PictureError(
            f"{path}: its primaries are number {primaries} of H.273, which is not supported; {sorted(_PRIMARIES)} are"
        )
    if transfer == _LINEAR:
        return _encoded(values, name), f"{name}, linear"
    if transfer in _GAMMAS:
        return from_power(values, _GAMMAS[transfer], name), f"{name}, gamma {_GAMMAS[transfer]}"
    if transfer not in (_SRGB, _UNSPECIFIED, *_CAMERAS):
        known = sorted((_SRGB, _LINEAR, *_GAMMAS, *_CAMERAS))
        raise PictureError(
            f"{path}: its transfer function is number {transfer} of H.273, which is not supported; {known} are"
        )
    return from_primaries(values, name), "sRGB" if name == "bt709" else name


def _is_hdr(path: Path, transfer: int) -> PictureError:
    return PictureError(f"{path}: is an HDR picture ({HDR_TRANSFERS[transfer]}), not an LDR one; convert it to .exr")


def _encoded(linear: np.ndarray, primaries: str | Primaries) -> np.ndarray:
    inside = np.clip(change_primaries(linear, primaries, "bt709"), 0, 1)
    return np.asarray(srgb_encode(inside), np.float32)


def lattice() -> np.ndarray:
    """Colours spread evenly over RGB, (36, 6, 3) float32, to find out what a profile does."""
    steps = np.linspace(0, 1, 6, dtype=np.float32)
    return np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(36, 6, 3)


def transform(values: np.ndarray, space: str, profile: bytes, target: bytes) -> np.ndarray:
    """Bring numbers from one ICC profile to another, relative colorimetric, in 32-bit floats.

    Args:
        values: (H, W) or (H, W, channels) floats.
        space: of the first, in imagecodecs' words.
        profile: its bytes.
        target: bytes of an RGB profile; those that are curves and a matrix go on beyond 0 and 1.

    Raises:
        imagecodecs.CmsError, ValueError: a profile is damaged, or for other channels.
    """
    import imagecodecs

    converted: np.ndarray = imagecodecs.cms_transform(
        np.ascontiguousarray(values),
        profile,
        target,
        colorspace=space,
        outcolorspace="rgb",
        outdtype=np.float32,
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
    )
    if not np.isfinite(converted).all():
        raise ValueError("the profile leads to values that are not finite")
    return converted


def _to_srgb(values: np.ndarray, space: str, profile: bytes) -> np.ndarray:
    import imagecodecs

    return transform(values, space, profile, bytes(imagecodecs.cms_profile("srgb")))

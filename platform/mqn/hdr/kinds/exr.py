"""OpenEXR files (.exr): the main picture, in its display window, in the colours that it states."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.decoding.noise import captured_noise, fault
from mqn.hdr.decoding.notes import plain
from mqn.hdr.decoding.size import require_size
from mqn.hdr.kinds.decoded import DecodedHdr, stated_primaries
from mqn.hdr.kinds.exr_layers import Layer, find_layers, note_of_choice
from mqn.hdr.primaries import PRIMARIES, Primaries, to_xyz

# Colour spaces that say nothing: "data" and "raw" are for what is no colour.
_NO_SPACE = ("", "unknown", "data", "raw", "non-color")

# Names of linear spaces as OpenImageIO and the configurations of OpenColorIO have them, in small letters.
_LINEAR = {
    "bt709": (
        "linear", "scene_linear", "default", "lin_srgb", "lin_rec709", "linear rec.709",
        "linear rec.709 (srgb)", "linear srgb", "utility - linear - rec.709", "utility - linear - srgb", *_NO_SPACE,
    ),
    "bt2020": ("lin_rec2020", "linear rec.2020", "utility - linear - rec.2020"),
    "p3": ("lin_p3d65", "linear dci-p3 d65", "linear p3-d65", "utility - linear - p3-d65"),
    "acescg": ("acescg", "lin_ap1", "aces - acescg"),
    "aces2065_1": ("aces2065-1", "aces", "lin_ap0", "aces - aces2065-1"),
}  # fmt: skip
_PRIMARIES_BY_NAME = {name: PRIMARIES[primaries] for primaries, names in _LINEAR.items() for name in names}


def decode_exr(path: Path) -> DecodedHdr:
    """Decode an OpenEXR file, in scan lines or tiles.

    Of several layers, parts or views the beauty is taken: R, G and B without a layer, else what is named so. Pixels
    beyond the display window are cut off, what is missing in it is black. Luminance and chroma become R, G and B.
    Chromaticities and an adopted neutral go with the result.

    Returns:
        Its R, G, B (and A), half or float; (H, W) of a file with one channel only.

    Raises:
        PictureError: damaged, cut short, not OpenEXR, deep, or without colours.
    """
    import OpenEXR

    reason, parts = "", []
    with captured_noise() as noise:
        try:
            # An open file: the binding takes no path that is not UTF-8.
            with path.open("rb") as stream:
                # Channels of one group may differ in type (half and float); the binding joins only what is alike.
                file = OpenEXR.File(stream, separate_channels=True)
                parts = [(part.name() or "", part.header, part.channels) for part in file.parts]
        except OSError as error:
            raise PictureError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (RuntimeError, ValueError, TypeError, MemoryError) as error:
            reason = str(error)
    if not parts or not all(channels for _, _, channels in parts):
        raise PictureError(f"{path}: {fault(noise.first_line or reason, 'OpenEXR')}")
    layers = find_layers([(name, list(channels)) for name, _, channels in parts])
    if not layers:
        return DecodedHdr(pixels=_only_channel(path, parts[0][2]))
    flat = [layer for layer in layers if not _is_deep(parts[layer.part][2], layer)]
    if not flat:
        raise PictureError(
            f"{path}: is a deep picture, with many samples in a pixel, which is not supported; flatten it"
        )
    _, header, channels = parts[flat[0].part]
    given, neutral, notes = _colours(path, header)
    pixels, more = _pixels(header, channels, flat[0], given)
    pixels, moved = _in_display_window(path, pixels, header)
    (aspect,) = _numbers(path, header, "pixelAspectRatio", 1) or (1.0,)
    if abs(aspect - 1) > 1e-3:
        notes = (*notes, f"its pixels are {aspect:g} times as wide as high, and kept as they are")
    return DecodedHdr(
        pixels=pixels, primaries=given, neutral=neutral, notes=(*note_of_choice(flat), *more, *moved, *notes)
    )


def _only_channel(path: Path, channels: Mapping[str, Any]) -> np.ndarray:
    if len(channels) == 1:
        return np.asarray(next(iter(channels.values())).pixels)
    names = ", ".join(map(plain, sorted(channels)))[:300]
    raise PictureError(f"{path}: has the channels {names}; R, G and B of a layer, or Y, RY and BY, are needed")


def _is_deep(channels: Mapping[str, Any], layer: Layer) -> bool:
    return any(np.asarray(channels[name].pixels).dtype.kind not in "fu" for name in layer.channels.values())


def _colours(path: Path, header: Mapping[str, Any]) -> tuple[Primaries, tuple[float, float] | None, tuple[str, ...]]:
    """Primaries, adopted neutral, and notes."""
    import OpenEXR

    given = PRIMARIES["bt709"]
    notes: tuple[str, ...] = ()
    space = str(header.get("colorInteropID", "")).lower()
    numbers = OpenEXR.colorInteropIDToChromaticities(space) or _numbers(path, header, "chromaticities", 8)
    if space not in _NO_SPACE and OpenEXR.colorInteropIDToChromaticities(space) is None:
        raise PictureError(
            f"{path}: its colour space {space[:40]!r} is not supported; a linear one of R, G, B is needed"
        )
    named = str(header.get("oiio:ColorSpace", ""))
    by_name = OpenEXR.colorInteropIDToChromaticities(named.lower())
    is_known = by_name is not None or named.lower() in _PRIMARIES_BY_NAME
    if numbers is not None:
        given, notes = stated_primaries(path, "chromaticities", numbers)
        if not is_known:
            notes = (*notes, f"names its colour space {plain(named)!r}, which is not applied; its chromaticities are")
    elif not is_known:
        raise PictureError(
            f"{path}: its colour space {plain(named)!r} is not known here; write it as linear light, with its "
            "chromaticities"
        )
    elif by_name is not None:
        given, notes = stated_primaries(path, "oiio:ColorSpace", by_name)
    else:
        given = _PRIMARIES_BY_NAME[named.lower()]
    neutral = _numbers(path, header, "adoptedNeutral", 2)
    if neutral is None:
        return given, None, notes
    x, y = neutral
    if not np.isfinite([x, y]).all() or min(x, y) <= 0 or x + y >= 1:
        raise PictureError(f"{path}: its adoptedNeutral ({x:g} {y:g}) is no white; its colours cannot be known")
    return given, (x, y), notes


def _numbers(path: Path, header: Mapping[str, Any], name: str, count: int) -> tuple[float, ...] | None:
    """An attribute's numbers; None where the file has none of that name."""
    value = header.get(name)
    if value is None:
        return None
    try:
        numbers = np.atleast_1d(np.asarray(value, np.float64))
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (count,):
        raise PictureError(f"{path}: damaged, its {name} are no {count} numbers")
    return tuple(map(float, numbers))


def _pixels(
    header: Mapping[str, Any], channels: Mapping[str, Any], layer: Layer, given: Primaries
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(H, W, 3 or 4) of the data window, and notes."""
    (left, top), (right, bottom) = header["dataWindow"]
    size = int(bottom) - int(top) + 1, int(right) - int(left) + 1
    planes = {}
    for key, name in layer.channels.items():
        channel = channels[name]
        plane = np.asarray(channel.pixels)
        if plane.shape != size:
            plane = _stretched(_stretched(plane, size[0], channel.ySampling, 0), size[1], channel.xSampling, 1)
        planes[key] = plane
    notes: tuple[str, ...] = ()
    if layer.has_chroma:
        planes |= _from_chroma(planes, given)
        notes = ("its luminance and chroma are turned into R, G and B",)
    elif any(channels[name].pixels.shape != size for name in layer.channels.values()):
        notes = ("its channels differ in resolution and are brought to the finest",)
    return np.stack([planes[key] for key in ("R", "G", "B", "A") if key in planes], axis=-1), notes


def _from_chroma(planes: Mapping[str, np.ndarray], given: Primaries) -> dict[str, np.ndarray]:
    """R, G and B from luminance Y and chroma (R - Y) / Y, (B - Y) / Y, as OpenEXR's ImfRgbaYca defines them."""
    of_red, of_green, of_blue = to_xyz(given)[1].astype(np.float32)
    luminance = planes["Y"].astype(np.float32)
    red, blue = ((planes[key].astype(np.float32) + 1) * luminance for key in ("RY", "BY"))
    return {"R": red, "G": (luminance - of_red * red - of_blue * blue) / of_green, "B": blue}


def _stretched(plane: np.ndarray, size: int, step: int, axis: int) -> np.ndarray:
    """Samples at every `step`-th pixel along an axis, with those between them interpolated linearly."""
    if step == 1:
        return plane
    at = np.minimum(np.arange(size, dtype=np.float32) / np.float32(step), plane.shape[axis] - 1)
    low = at.astype(np.intp)
    share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
    lower = np.take(plane, low, axis).astype(np.float32)
    upper = np.take(plane, np.minimum(low + 1, plane.shape[axis] - 1), axis)
    stretched: np.ndarray = lower + (upper - lower) * share
    return stretched


def _in_display_window(path: Path, pixels: np.ndarray, header: Mapping[str, Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    """What is to be shown, black where the file holds nothing, and notes."""
    data, display = ([[int(at) for at in corner] for corner in header[key]] for key in ("dataWindow", "displayWindow"))
    if data == display:
        return pixels, ()
    (left, top), (right, bottom) = display
    width, height = right - left + 1, bottom - top + 1
    require_size(path, width, height)
    first = max(left, data[0][0]), max(top, data[0][1])
    last = min(right, data[1][0]), min(bottom, data[1][1])
    if last[0] < first[0] or last[1] < first[1]:
        raise PictureError(f"{path}: all of its pixels lie outside its display window; there is nothing to show")
    taken = pixels[first[1] - data[0][1] : last[1] - data[0][1] + 1, first[0] - data[0][0] : last[0] - data[0][0] + 1]
    was, is_now = f"{pixels.shape[1]} x {pixels.shape[0]}", f"{width} x {height}"
    if taken.shape[:2] == (height, width):
        return taken, (f"cropped from {was} pixels to its display window, {is_now}",)
    shown = np.zeros((height, width, pixels.shape[2]), pixels.dtype)
    shown[first[1] - top : last[1] - top + 1, first[0] - left : last[0] - left + 1] = taken
    return shown, (
        f"its {was} pixels are brought to its display window, {is_now}; what it does not hold there is black",
    )

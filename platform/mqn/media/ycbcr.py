"""Y'CbCr to RGB and back: matrices, code ranges, chroma positions.

Done here and not by the video library's scaler, whose choice of matrix, range and siting depends on defaults.
"""

from __future__ import annotations

import numpy as np

LUMA_WEIGHTS: dict[str, tuple[float, float]] = {
    # (red, blue); green is the rest. ITU-T H.273, table 4.
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "smpte240m": (0.212, 0.087),
    "fcc": (0.30, 0.11),
    "bt2020": (0.2627, 0.0593),
}

SITINGS: dict[str, tuple[bool, bool]] = {
    # Whether chroma lies midway between luma rows, and between luma columns, or on every second one.
    "left": (True, False),  # MPEG-2, H.264, and HEVC where it says nothing
    "centre": (True, True),  # JPEG, MPEG-1
    "top_left": (False, False),  # BT.2100
}


def to_rgb(
    planes: tuple[np.ndarray, np.ndarray, np.ndarray], *, matrix: str, bits: int, full: bool, siting: str
) -> np.ndarray:
    """Decode Y'CbCr planes.

    Args:
        planes: Y' (H, W), Cb and Cr (h, w), integers; chroma may be smaller by whole factors.
        matrix: one of `LUMA_WEIGHTS`.
        bits: of a code value.
        full: whether codes fill the range (JPEG), or leave foot and head room (broadcast).
        siting: where chroma samples lie, one of `SITINGS`.

    Returns:
        (H, W, 3) float32, clipped to [0, 1].
    """
    red, blue = LUMA_WEIGHTS[matrix]
    luma, *chroma = planes
    if full:
        foot, luma_range, chroma_range = 0.0, 2.0**bits - 1, 2.0**bits - 1
    else:
        step = 2.0 ** (bits - 8)
        foot, luma_range, chroma_range = 16 * step, 219 * step, 224 * step
    y = (luma.astype(np.float32) - np.float32(foot)) / np.float32(luma_range)
    cb, cr = (
        (_upsample(plane, luma.shape, siting) - np.float32(2.0 ** (bits - 1))) / np.float32(chroma_range)
        for plane in chroma
    )
    rgb = np.empty((*luma.shape, 3), np.float32)
    rgb[..., 0] = y + np.float32(2 * (1 - red)) * cr
    rgb[..., 2] = y + np.float32(2 * (1 - blue)) * cb
    rgb[..., 1] = (y - np.float32(red) * rgb[..., 0] - np.float32(blue) * rgb[..., 2]) / np.float32(1 - red - blue)
    return np.clip(rgb, 0, 1, out=rgb)


def from_rgb(rgb: np.ndarray, *, matrix: str, bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encode as 4:2:0 in limited range, chroma on the top left luma sample of each four (BT.2100, table 5).

    `rgb` is (H, W, 3) float32 in [0, 1], non-linear; H and W are even. The result is uint16: Y' is (H, W), and Cb and
    Cr are (H / 2, W / 2).
    """
    red, blue = LUMA_WEIGHTS[matrix]
    step = np.float32(2.0 ** (bits - 8))
    y = rgb @ np.array([red, 1 - red - blue, blue], np.float32)
    cb = (rgb[..., 2] - y) / np.float32(2 * (1 - blue))
    cr = (rgb[..., 0] - y) / np.float32(2 * (1 - red))
    codes = [(219 * y + 16) * step, *((224 * _halve(plane) + 128) * step for plane in (cb, cr))]
    luma, first, second = (np.rint(plane).astype(np.uint16) for plane in codes)
    return luma, first, second


def _halve(plane: np.ndarray) -> np.ndarray:
    """Every second sample of every second row, of the plane smoothed by 1/4, 1/2, 1/4 both ways."""
    padded = np.pad(plane, 1, mode="edge")
    rows = padded[:-2:2] + 2 * padded[1:-1:2] + padded[2::2]
    halved: np.ndarray = (rows[:, :-2:2] + 2 * rows[:, 1:-1:2] + rows[:, 2::2]) / 16
    return halved


def _upsample(plane: np.ndarray, shape: tuple[int, ...], siting: str) -> np.ndarray:
    values = plane.astype(np.float32)
    for axis, midway in enumerate(SITINGS[siting]):
        values = _stretch(values, shape[axis], axis, midway)
    return values


def _stretch(values: np.ndarray, length: int, axis: int, midway: bool) -> np.ndarray:
    """Interpolate linearly along an axis; samples lie on luma samples, or midway between those they stand for."""
    have = values.shape[axis]
    factor = -(-length // have)
    if factor == 1:
        return values
    offset = (factor - 1) / 2 if midway else 0.0
    position = np.clip((np.arange(length) - offset) / factor, 0, have - 1)
    low = np.minimum(position.astype(int), max(have - 2, 0))
    weight = (position - low).astype(np.float32)
    weight = weight[:, None] if axis == 0 else weight
    before, after = values.take(low, axis), values.take(np.minimum(low + 1, have - 1), axis)
    stretched: np.ndarray = before + (after - before) * weight
    return stretched

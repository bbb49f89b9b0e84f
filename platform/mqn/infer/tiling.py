"""Large pictures in overlapping tiles, so that memory follows the tile and not the picture."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mqn.hdr.primaries import luminance

_DARKEST = 1e-4
"""Of 1.0: what is darker does not decide a region's level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A tile along one axis, in pixels.

    Attributes:
        start: its first pixel.
        stop: behind its last.
        weights: (stop - start) float32 in [0, 1]; those of all spans over a pixel add up to 1.
    """

    start: int
    stop: int
    weights: np.ndarray


def spans(length: int, tile: int, overlap: int, step: int = 1) -> tuple[Span, ...]:
    """Cover an axis with spans of equal length that share at least `overlap` pixels with the next.

    Args:
        length: of the axis, in pixels; a multiple of `step`.
        tile: the longest span; likewise.
        overlap: least pixels that neighbours share; with `step`, less than `tile`.
        step: every span starts at a multiple of it.

    Returns:
        One span where the axis is no longer than a tile.
    """
    if length <= tile:
        return (Span(start=0, stop=length, weights=np.ones(length, np.float32)),)
    shared = overlap + step - 1  # rounding the starts takes away less than a step
    count = -(-(length - shared) // (tile - shared))
    starts = (np.rint(np.linspace(0, length - tile, count) / step) * step).astype(int).tolist()
    raw = np.zeros((count, length), np.float32)
    for index, start in enumerate(starts):
        weights = np.ones(tile, np.float32)
        if index > 0:
            weights = np.minimum(weights, _ramp(tile, starts[index - 1] + tile - start))
        if index < count - 1:
            weights = np.minimum(weights, _ramp(tile, start + tile - starts[index + 1])[::-1])
        raw[index, start : start + tile] = weights
    # Where spans are close, three may meet in a pixel.
    raw /= raw.sum(axis=0)
    return tuple(
        Span(start=start, stop=start + tile, weights=weights[start : start + tile])
        for start, weights in zip(starts, raw, strict=True)
    )


def blend(
    image: np.ndarray, expand: Callable[[np.ndarray], np.ndarray], tile: int, overlap: int, step: int = 1
) -> np.ndarray:
    """Run a function tile by tile; where tiles overlap their results are cross-faded linearly.

    Args:
        image: (H, W, 3) float32.
        expand: from a tile of it to a result of the same shape.
        tile: longest side of a tile, in pixels.
        overlap: least pixels that neighbours share.
        step: tiles start at multiples of it; so must H, W and `tile` be.

    Returns:
        (H, W, 3) float32.
    """
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for rows, columns in itertools.product(spans(height, tile, overlap, step), spans(width, tile, overlap, step)):
        part = expand(image[rows.start : rows.stop, columns.start : columns.stop])
        weights = rows.weights[:, None] * columns.weights
        result[rows.start : rows.stop, columns.start : columns.stop] += part * weights[..., None]
    return result


def match_level(light: np.ndarray, guide: np.ndarray, cell: int, most: float = 1.0) -> np.ndarray:
    """Give a picture the level of another one, region by region; its detail stays.

    Args:
        light: (H, W, 3) float32, linear light.
        guide: (h, w, 3) float32, the same scene, smaller.
        cell: side of a region in pixels of `light`; the gain between their centres is interpolated.
        most: what is brighter then is cut off.

    Returns:
        (H, W, 3) float32.
    """
    import cv2

    height, width, _ = light.shape
    grid = (max(1, width // cell), max(1, height // cell))
    wanted, found = (
        cv2.resize(np.log2(np.maximum(luminance(image), np.float32(_DARKEST))), grid, interpolation=cv2.INTER_AREA)
        for image in (guide, light)
    )
    gain = np.exp2(cv2.resize(wanted - found, (width, height), interpolation=cv2.INTER_LINEAR))
    return np.minimum(light * gain[..., None], np.float32(most))


def _ramp(tile: int, shared: int) -> np.ndarray:
    """0, then a rise over the shared pixels, then 1; it and its neighbour's mirror image add up to 1.

    An eighth of what is shared is left out at a tile's edge, where the network sees the end of its picture.
    """
    margin = shared // 8
    return np.clip((np.arange(tile) + 0.5 - margin) / (shared - 2 * margin), 0, 1).astype(np.float32)

"""The inverse photographic operator with an expand map, of Banterle et al. 2006."""

from __future__ import annotations

import cv2
import numpy as np

from mqn.hdr.expansion.light import HEADROOM, linearize, relight
from mqn.hdr.expansion.medians import median_cut
from mqn.hdr.expansion.smoothing import smooth

WHITE = HEADROOM
ALONE = 0.5
"""Samples are dropped that have less light around them than this share of an evenly lit picture's."""
KERNEL_WINDOWS = 2.25
"""Standard deviation of the density's kernel, in `window`s: as wide as the HDR Toolbox's two passes together."""


def expand(ldr: np.ndarray) -> np.ndarray:
    """Invert Reinhard's photographic operator where a picture is bright (Banterle et al. 2006).

        L' = (1 - E) L + E x,  x = W^2 / 2 (L - 1 + sqrt((1 - L)^2 + 4 L / W^2))

    x solves Reinhard et al. 2002, Eq. 4, L = x (1 + x / W^2) / (1 + x), in units of LDR white: near black nothing
    changes, white becomes W. E, the expand map, is the density of the light sources that median cut finds
    (`expand_map`). Left open by the paper: W, which is the user's. Here it is 10, so that white becomes 1000 cd/m2
    where it was 100. The transfer of edges onto the map belongs to a later paper (Banterle et al. 2008).

    1.0 = W, what white becomes where the map is 1.
    """
    linear, luminance = linearize(ldr)
    share = expand_map(luminance)
    expanded = (1 - share) * luminance + share * invert(luminance)
    return relight(linear, luminance, expanded / WHITE)


def invert(luminance: np.ndarray, white: float = WHITE) -> np.ndarray:
    """Undo Reinhard's operator. `luminance` is (H, W) in [0, 1]; the result lies in [0, `white`]."""
    # In float64: near black the difference is of nearly equal numbers.
    low = luminance.astype(np.float64)
    root = np.sqrt((1 - low) ** 2 + 4 * low / white**2)
    world: np.ndarray = (white**2 / 2 * (low - 1 + root)).clip(0.0, white)
    return world.astype(np.float32)


def expand_map(luminance: np.ndarray) -> np.ndarray:
    """Where light sources are dense.

    The paper estimates the density of median cut's samples by a smooth kernel, drops those that stand alone, and scales
    the map to a maximum of 1. Numbers and widths are the HDR Toolbox's: 4 samples for each pixel of the shorter side,
    rounded to a power of 2; a window half as wide as a sample's fair share of the picture; three windows around a
    sample in which others are counted. Left open: how few are too few (`ALONE`). Each sample counts by the light of its
    region, nearly the same for all.

    Args:
        luminance: (H, W) float32, linear.

    Returns:
        (H, W) float32 in [0, 1]; 0 everywhere for a black picture.
    """
    count = 2 ** (round(np.log2(min(luminance.shape))) + 2)
    window = max(max(luminance.shape) / (2 * np.sqrt(count)), 1.0)
    places, light = median_cut(luminance, count)
    if not light.size:
        return np.zeros_like(luminance)
    radius = round(3 * window)
    around = _box(_splat(places, light, luminance.shape), radius)[tuple(places.round().astype(int).T)]
    fair = light.sum() * (2 * radius + 1) ** 2 / luminance.size
    social = around >= min(ALONE * fair, around.max())
    density = smooth(_splat(places[social], light[social], luminance.shape), KERNEL_WINDOWS * window)
    return np.clip(density / density.max(), 0.0, 1.0)


def _splat(places: np.ndarray, light: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The samples' light on each pixel. One between pixels is shared out, so that evenly spread samples stay so."""
    total = np.zeros(shape, np.float32)
    first = np.floor(places).astype(int)
    rest = places - first
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
        # A sample on the last row or column has no rest to give to a next one.
        place = np.minimum(first + corner, np.array(shape) - 1)
        share = np.where(corner, rest, 1 - rest).prod(1)
        np.add.at(total, tuple(place.T), share * light)
    return total


def _box(values: np.ndarray, radius: int) -> np.ndarray:
    side = 2 * radius + 1
    total = cv2.boxFilter(values, -1, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT)
    return np.asarray(total).reshape(values.shape)

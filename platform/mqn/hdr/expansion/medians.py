"""Light sources found by median cut."""

from __future__ import annotations

import numpy as np


def median_cut(luminance: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Place samples as densely as there is light (Debevec 2005, "A median cut algorithm for light probe sampling").

    The picture, (H, W), is cut across its longer side into two regions of equal light, these likewise, and so on; each
    region that is left gives one sample in its centre of light. Weights for a sphere, which the paper needs, are left
    out.

    Returns:
        Places, (N, 2) float64 rows and columns, and the light of each one's region, (N,): nearly the same for all. N is
            less than `count`, a power of 2, where regions are black or become single pixels.
    """
    light = luminance.astype(np.float64)
    table = np.zeros((light.shape[0] + 1, light.shape[1] + 1))
    table[1:, 1:] = light.cumsum(0).cumsum(1)
    regions = [(0, light.shape[0], 0, light.shape[1])]
    while len(regions) < count:
        halves = [half for region in regions for half in _cut(table, *region)]
        if len(halves) == len(regions):
            break
        regions = halves
    found = [_centre(light, *region) for region in regions]
    samples = np.array([centre for centre in found if centre is not None]).reshape(-1, 3)
    return samples[:, :2], samples[:, 2]


def _cut(table: np.ndarray, top: int, bottom: int, left: int, right: int) -> list[tuple[int, int, int, int]]:
    """Cut a region in two, or give it back whole where it is one pixel."""
    if bottom - top == 1 and right - left == 1:
        return [(top, bottom, left, right)]
    if bottom - top >= right - left:
        sums = table[top : bottom + 1, right] - table[top : bottom + 1, left]
        row = top + _middle(sums)
        return [(top, row, left, right), (row, bottom, left, right)]
    sums = table[bottom, left : right + 1] - table[top, left : right + 1]
    column = left + _middle(sums)
    return [(top, bottom, left, column), (top, bottom, column, right)]


def _middle(sums: np.ndarray) -> int:
    """Where to cut so that both sides have as nearly the same as can be; neither is empty."""
    target = (sums[0] + sums[-1]) / 2
    return int(np.abs(sums[1:-1] - target).argmin()) + 1


def _centre(light: np.ndarray, top: int, bottom: int, left: int, right: int) -> tuple[float, float, float] | None:
    """The centre of a region's light and how much it is; None where there is none."""
    region = light[top:bottom, left:right]
    total = region.sum()
    if total == 0:
        return None
    row = (region.sum(1) * np.arange(bottom - top)).sum() / total
    column = (region.sum(0) * np.arange(right - left)).sum() / total
    return top + float(row), left + float(column), float(total)

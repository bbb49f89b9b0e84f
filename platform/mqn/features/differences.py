"""How far quantized features are from the float ones: figures and PMFs of one channel or of all (Figure 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 64
"""At most so many bars has a PMF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The values that a channel of an integer tensor can hold: `low`, `low + step`, ..., `high`, in its unit."""

    step: float
    low: float
    high: float

    @classmethod
    def of(cls, tensor: Any, dtype: np.dtype) -> Grid | None:
        """Take the grid of a TFLite tensor that has one scale; None where the tensor holds floats."""
        if not np.issubdtype(dtype, np.integer):
            return None
        step, zero, bounds = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0]), np.iinfo(dtype)
        return cls(step=step, low=step * (int(bounds.min) - zero), high=step * (int(bounds.max) - zero))

    def times(self, factor: float) -> Grid:
        """The grid of a channel that the file keeps divided by a factor above 0."""
        return Grid(step=self.step * factor, low=self.low * factor, high=self.high * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pmf:
    """Two probability mass functions over the same bins.

    Attributes:
        edges: borders of the bins, one more than there are bins. On a grid every bin holds as many of its values as any
            other, each in the bin's inside: rounding alone moves nothing from bin to bin.
        expected: share of the float features in each bin; they sum to 1.
        found: likewise the quantized features.
    """

    edges: tuple[float, ...]
    expected: tuple[float, ...]
    found: tuple[float, ...]

    @property
    def distance(self) -> float:
        """Total variation distance, 0 to 1: the share of the values that would have to move to another bin."""
        return 0.5 * float(np.abs(np.subtract(self.expected, self.found)).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFigures:
    """Quantized features against float ones, of one channel or of all.

    Attributes:
        mean_difference: mean of |quantized - float|, in the features' unit.
        largest_difference: the largest of them.
        sqnr_db: signal to quantization noise: 10 log10 of the sum of the float features' squares over that of the
            differences'. None where nothing differs, or the float features are 0 everywhere.
        pmf_distance: total variation distance of the two PMFs, 0 to 1.
        range_used: share of the integer grid between the least and the largest quantized feature; None where the file
            keeps these features in float.
        clipped: share of the float features that lie beyond the grid by more than half a step; likewise None.
    """

    mean_difference: float
    largest_difference: float
    sqnr_db: float | None
    pmf_distance: float
    range_used: float | None
    clipped: float | None


def measure(
    expected: np.ndarray, found: np.ndarray, grid: Grid | None, factors: np.ndarray | None = None
) -> FeatureFigures:
    """Compare features.

    Args:
        expected: float features, finite, of any shape; (..., C) where there are factors.
        found: quantized ones of the same shape, as floats.
        grid: that of the quantized ones, before their channels were multiplied by `factors`; None where they are
            floats.
        factors: (C,), what channels of one grid were multiplied by: each is counted on a grid of its own.
    """
    difference = np.abs(found.astype(np.float64) - expected)
    noise, signal = float(np.square(difference).sum()), float(np.square(expected, dtype=np.float64).sum())
    used = clipped = None
    if grid is not None:
        if factors is not None:
            expected, found = expected / factors, found / factors
        used = float(found.max() - found.min()) / (grid.high - grid.low)
        margin = grid.step / 2
        clipped = float(((expected < grid.low - margin) | (expected > grid.high + margin)).mean())
    return FeatureFigures(
        mean_difference=float(difference.mean()),
        largest_difference=float(difference.max()),
        sqnr_db=float(10 * np.log10(signal / noise)) if signal and noise else None,
        pmf_distance=pmf(expected, found, grid).distance,
        range_used=used,
        clipped=clipped,
    )


def pmf(expected: np.ndarray, found: np.ndarray, grid: Grid | None) -> Pmf:
    """Count the values of both, as in `measure`, in the same bins, which reach from the least to the largest value."""
    low, high = float(min(expected.min(), found.min())), float(max(expected.max(), found.max()))
    if grid is not None:
        edges = _edges_on(grid, low, high)
    elif low < high:
        edges = np.linspace(low, high, BINS + 1)
    else:  # All the same, all in one bin.
        edges = np.array([low - 0.5, low + 0.5])
    shares = [np.histogram(values, edges)[0] / values.size for values in (expected, found)]
    return Pmf(edges=tuple(edges.tolist()), expected=tuple(shares[0].tolist()), found=tuple(shares[1].tolist()))


def _edges_on(grid: Grid, low: float, high: float) -> np.ndarray:
    """Borders half a step beside the grid's values."""
    first, last = (round((value - grid.low) / grid.step) for value in (low, high))
    together = -(-(last - first + 1) // BINS)
    count = -(-(last - first + 1) // together)
    return grid.low + grid.step * (first - 0.5 + together * np.arange(count + 1))

"""The colours of feature maps, on pictures and pages alike."""

from __future__ import annotations

import numpy as np

MAP_COLORS, DIFFERENCE_COLORS, GATE_COLORS = "viridis", "inferno", "cividis"
"""Names that matplotlib and plotly share."""

OUTERMOST = 2.0
"""Per cent of the values at either end that share one colour. Padding makes corners and borders much brighter than the
rest; without this limit the rest would be dark."""


def color_limits(*maps: np.ndarray) -> tuple[float, float]:
    """Return the values of the darkest and the brightest colour for maps that are to be compared.

    These leave out `OUTERMOST` per cent at either end, unless nothing remains between; they always differ.
    """
    values = np.concatenate([one.ravel() for one in maps])
    low, high = (float(value) for value in np.percentile(values, (OUTERMOST, 100 - OUTERMOST)))
    if low == high:
        low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low, low + 1)


def difference_limits(difference: np.ndarray) -> tuple[float, float]:
    """The same for absolute differences, where the darkest colour means no difference."""
    return 0.0, color_limits(difference)[1]

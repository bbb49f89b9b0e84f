"""Which colours the values of a feature map are drawn in, on pictures and pages alike."""

from __future__ import annotations

import numpy as np

MAP_COLORS, DIFFERENCE_COLORS, GATE_COLORS = "viridis", "inferno", "cividis"
"""Names that matplotlib and plotly share."""

OUTERMOST = 2.0
"""Per cent of the values at either end that share a colour: a corner, or a row at the border, which padding makes
brighter than all the rest, would leave the others dark."""


def color_limits(*maps: np.ndarray) -> tuple[float, float]:
    """The values of the darkest and the brightest colour of maps that are to be compared.

    Args:
        maps: of any shapes.

    Returns:
        Their outermost values but for `OUTERMOST` per cent; their extremes where that leaves nothing between; always
        two different ones.
    """
    values = np.concatenate([one.ravel() for one in maps])
    low, high = (float(value) for value in np.percentile(values, (OUTERMOST, 100 - OUTERMOST)))
    if low == high:
        low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low, low + 1)


def difference_limits(difference: np.ndarray) -> tuple[float, float]:
    """Likewise of absolute differences, where the darkest colour means none."""
    return 0.0, color_limits(difference)[1]

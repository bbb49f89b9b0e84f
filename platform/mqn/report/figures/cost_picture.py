"""Networks by what they cost: accuracy against latency where they are scored, else operations; bubbles are memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from mqn.errors import UsageError
from mqn.look.canvas import open_figure, save_figure
from mqn.look.palette import ACCENT, FAINT, INK
from mqn.quantities import quantity
from mqn.records import NetworkCost
from mqn.report.figures.labels import place_labels

_SMALLEST, _LARGEST = 30.0, 1600.0
"""Areas of bubbles in points squared."""


def write_cost_png(rows: Sequence[NetworkCost], path: Path, about: str) -> None:
    """Draw the networks that were measured, on logarithmic axes.

    Args:
        rows: of `mqn compare`.
        path: of the picture.
        about: where it was measured, in a line.

    Raises:
        UsageError: nothing was measured, or the file cannot be written.
    """
    shown = [row for row in rows if row.latency_ms is not None]
    if not shown:
        raise UsageError(f"{path}: no network was measured, so there is nothing to draw")
    metric = next((name for row in shown for name in row.accuracy), None)
    figure, (axes,) = open_figure("What networks cost", note=f"{about}; bubbles: peak memory", size=(9.6, 7.2))
    axes.set_xscale("log")
    axes.set_xlabel("latency (ms)")
    if metric is None:
        axes.set_yscale("log")
        axes.set_ylabel("GMAC (no network here is scored)")
    else:
        axes.set_ylabel(f"{quantity(metric).label} ({quantity(metric).unit})".replace(" ()", ""))
    largest = max((row.peak_memory_mb or 0.0) for row in shown) or 1.0
    texts = []
    for row in shown:
        height = _height(row, metric)
        if height is None:
            continue
        area = max(_SMALLEST, _LARGEST * (row.peak_memory_mb or 0.0) / largest)
        x = float(row.latency_ms or math.nan)
        axes.scatter([x], [height], s=area, color=ACCENT, alpha=0.35, edgecolors=ACCENT, zorder=2)
        if row.latency_range is not None:
            axes.plot([row.latency_range.low, row.latency_range.high], [height, height], color=FAINT, zorder=1)
        memory = "" if row.peak_memory_mb is None else f" {row.peak_memory_mb:.3g} MB"
        texts.append((x, height, (f"{row.name}{memory}", row.name)))
    axes.margins(0.18)
    place_labels(axes, sorted(texts), [(x, height) for x, height, _ in texts], INK)
    save_figure(figure, path)


def _height(row: NetworkCost, metric: str | None) -> float | None:
    if metric is not None:
        return row.accuracy[metric].mean if metric in row.accuracy else None
    return None if row.macs is None else row.macs / 1e9

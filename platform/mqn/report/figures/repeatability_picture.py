"""A picture of a device's repeatability."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mqn.look.canvas import picture
from mqn.look.palette import ACCENT, FAINT, LIMIT, SERIES
from mqn.report.timing.repeatability import Repeatability

WANTED = 0.05
"""The spread that a device should keep (MLPerf Mobile asks for the same)."""


def write_repeatability_png(found: Repeatability, path: Path) -> None:
    """Draw every job's p50 as its distance from its model's median, in %.

    Raises `UsageError` if the file cannot be written.
    """
    with picture(path, f"{found.device.id}: {found.text}", legend=2) as (axes,):
        _draw(axes, found)


def _draw(axes: Axes, found: Repeatability) -> None:
    axes.axhspan(
        -50 * WANTED, 50 * WANTED, color=ACCENT, alpha=0.06, lw=0, label=f"{100 * WANTED:g} % from lowest to highest"
    )
    axes.axhline(0, color=FAINT, lw=1)
    for number, model in enumerate(found.models):
        jobs = len(model.p50_ms) + len(model.refused)
        label = f"{model.name}: {len(model.p50_ms)} of {jobs} jobs counted"
        if model.median_ms is None:
            axes.plot([], [], " ", label=label)
            continue
        if model.spread is not None:
            spread = f"spread {100 * model.spread:.1f} %"
            label = f"{model.name}: {model.median_ms:.3f} ms, {spread}, {len(model.refused)} of {jobs} refused"
        off = [100 * (p50 / model.median_ms - 1) for p50 in model.p50_ms]
        axes.plot(range(1, len(off) + 1), off, "o-", color=SERIES[number % len(SERIES)], lw=1, ms=5, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Job that counted")
    axes.set_ylabel("p50 off its median (%)")
    bound = max(75 * WANTED, *(abs(y) for y in axes.get_ylim()))
    axes.set_ylim(-bound, bound)
    if not any(model.p50_ms for model in found.models):
        axes.text(0.5, 0.5, "no job counted", transform=axes.transAxes, ha="center", color=LIMIT)

"""Pictures of several studies' fronts, laid over each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from mqn.look.canvas import picture
from mqn.look.palette import PAPER
from mqn.quantities import quantity
from mqn.report.front.charts import TRIAL, axis_title
from mqn.report.front.overlay import Overlay
from mqn.report.front.overlay_charts import Dash, OverlayChart, overlay_charts

_LINES: dict[Dash, str] = {"solid": "-", "dot": ":", "dash": "--", "dashdot": "-."}


def write_overlay_png(found: Overlay, path: Path) -> None:
    """Draw fronts, a colour a study, and attainment surfaces in dashes. Raises `UsageError` if that cannot be written.

    A mark is hollow if a figure on the chart comes from a disturbed measurement.
    """
    charts = overlay_charts(found)
    note = "; ".join((f"hypervolumes from {found.reference_text}", *found.notes))
    size = (8.4 if len(charts) == 1 else 6.4 * len(charts), 5.4)
    where = f" on {found.device}" if found.device else ""
    with picture(path, f"{found.title}{where}", legend=2, note=note, size=size, columns=len(charts)) as drawn:
        for axes, chart in zip(drawn, charts, strict=True):
            _draw(axes, chart)


def _draw(axes: Axes, chart: OverlayChart) -> None:
    axes.set_xlabel(axis_title(chart.x))
    axes.set_ylabel(axis_title(chart.y))
    for name, axis in ((chart.x, axes.xaxis), (chart.y, axes.yaxis)):
        if name != TRIAL and quantity(name).paper_digits == 0:  # Bytes, parameters, operations: millions.
            axis.set_major_formatter(EngFormatter(sep=""))
    faint = 0.45 if chart.surfaces else 0.9
    for front in chart.fronts:
        if front.stairs:
            axes.plot(*zip(*front.stairs, strict=True), color=front.color, lw=1.3, alpha=faint, zorder=2)
        faces = [PAPER if hollow else front.color for hollow in front.hollow]
        xs, ys = zip(*front.places, strict=True)
        axes.scatter(xs, ys, s=34, facecolor=faces, edgecolor=front.color, label=front.name, zorder=3)
    for surface in chart.surfaces:
        width, style = (2.6 if surface.bold else 1.7), _LINES[surface.dash]
        if surface.stairs:
            line = zip(*surface.stairs, strict=True)
            axes.plot(*line, color=surface.color, lw=width, ls=style, label=surface.name, zorder=4)
        elif surface.places:
            xs, ys = zip(*surface.places, strict=True)
            style_of_mark: dict[str, Any] = {"marker": "D", "facecolor": "none", "edgecolor": surface.color}
            axes.scatter(xs, ys, s=26, ls=style, label=surface.name, zorder=4, **style_of_mark)

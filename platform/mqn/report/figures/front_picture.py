"""Pictures of fronts, for papers and slides."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from mqn.look.canvas import add_legend, open_figure, save_figure
from mqn.look.palette import FRONT, INK, LIMIT, PAPER
from mqn.quantities import quantity
from mqn.report.figures.labels import place_labels
from mqn.report.front.charts import TRIAL, FrontChart, Mark, Symbol, axis_title, by_steadiness, front_charts
from mqn.report.front.front import Front

_MARKERS: dict[Symbol, dict[str, Any]] = {
    "x": {"marker": "X", "s": 34},
    "circle": {"s": 24},
    "diamond": {"marker": "D", "s": 22},
}


def write_front_png(front: Front, path: Path) -> None:
    """Draw a front: its staircase with labels and ranges, all other trials faint, constraints as dashed lines.

    All constraints stand below the title, also those on figures that are no axis. A mark is hollow if a figure on the
    chart comes from a disturbed measurement. Raises `UsageError` if the file cannot be written.
    """
    charts = front_charts(front)
    where = f" on {front.device}" if front.device else ""
    figure, drawn = open_figure(
        f"{front.study}: {front.caption}{where}",
        note="; ".join(filter(None, (front.limits, *front.reading))),
        size=(8.4 if len(charts) == 1 else 6.4 * len(charts), 5.4),
        columns=len(charts),
    )
    for axes, chart in zip(drawn, charts, strict=True):
        _draw_front(axes, chart)
    add_legend(figure, columns=3 if len(charts) == 1 else 6)
    figure.canvas.draw()
    figure.set_layout_engine("none")  # Labels are placed in pixels; the axes must not move any more.
    for axes, chart in zip(drawn, charts, strict=True):
        texts = [(mark.x, mark.y, mark.names) for mark in chart.best]
        place_labels(axes, texts, _occupied(axes, chart), INK)
    save_figure(figure, path)


def _draw_front(axes: Axes, chart: FrontChart) -> None:
    axes.set_xlabel(axis_title(chart.x))
    axes.set_ylabel(axis_title(chart.y))
    for name, axis in ((chart.x, axes.xaxis), (chart.y, axes.yaxis)):
        if name == TRIAL:
            axis.set_major_locator(MaxNLocator(integer=True))
        elif quantity(name).paper_digits == 0:  # Bytes, parameters, operations: millions.
            axis.set_major_formatter(EngFormatter(sep=""))
    for name, marks, symbol, color in chart.others:
        _scatter(axes, marks, name, color=color, zorder=2, **_MARKERS[symbol])
    if chart.stairs:
        axes.plot(*zip(*chart.stairs, strict=True), color=FRONT, lw=1.6, alpha=0.85, zorder=3)
    for (x, y), (right, top) in chart.ranges:
        style: dict[str, Any] = {"color": INK, "lw": 1.2, "alpha": 0.8, "marker": "|" if y == top else "_", "ms": 8}
        axes.plot((x, right), (y, top), **style, zorder=5, label=chart.range_name)
    name, marks, symbol, color = chart.front
    _scatter(axes, marks, name, color=color, zorder=4, **{**_MARKERS[symbol], "s": 46})
    axes.margins(x=0.08, y=0.14)
    axes.autoscale_view()
    if chart.stairs:  # Labels stand to the left of a front that climbs to the right.
        left, right = axes.get_xlim()
        axes.set_xlim(left - 0.14 * (right - left), right)
    for limit in chart.limits:
        draw = axes.axvline if limit.side == "x" else axes.axhline
        draw(limit.value, color=LIMIT, lw=1.1, ls=(0, (5, 3)), zorder=1, label=limit.text)


def _occupied(axes: Axes, chart: FrontChart) -> list[tuple[float, float]]:
    """What labels keep clear of: every trial, and points along the staircase, the ranges and the limits."""
    marks = [(mark.x, mark.y) for mark in (*chart.best, *chart.beaten, *chart.infeasible, *chart.held)]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    lines = [*itertools.pairwise(chart.stairs), *chart.ranges]
    for limit in chart.limits:
        vertical = limit.side == "x"
        ends = ((limit.value, bottom), (limit.value, top)) if vertical else ((left, limit.value), (right, limit.value))
        lines.append(ends)
    steps = [i / 50 for i in range(51)]
    return marks + [(a + t * (c - a), b + t * (d - b)) for (a, b), (c, d) in lines for t in steps]


def _scatter(axes: Axes, marks: Sequence[Mark], label: str, *, color: str, **style: Any) -> None:
    """Draw marks of one kind, hollow those with a figure of a disturbed measurement."""
    for name, some, hollow in by_steadiness(label, marks, lambda mark: mark.hollow):
        look: dict[str, Any] = {"facecolor": PAPER if hollow else color, "edgecolor": color, "lw": 1.5 if hollow else 0}
        axes.scatter([mark.x for mark in some], [mark.y for mark in some], label=name, **look, **style)

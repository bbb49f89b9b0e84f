"""Pictures of fronts, for papers and slides."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, MaxNLocator

from mqn.quantities import quantity
from mqn.report.canvas import add_legend, open_figure, save_figure
from mqn.report.charts import TRIAL, FrontChart, Mark, axis_title, front_charts
from mqn.report.front import Front
from mqn.report.labels import place_labels
from mqn.report.palette import (
    ACCENT,
    BEATEN,
    BEST,
    FAINT,
    HELD,
    INFEASIBLE,
    INK,
    LIMIT,
    MUTED,
    OVERLAPPING,
    PAPER,
    RANGE,
    UNSTEADY,
)


def write_front_png(front: Front, path: Path) -> None:
    """Draw a front: all trials faint, the front as a staircase with labels and ranges, constraints as dashed lines.

    Constraints are written below the title too, for those on figures that are no axis. Marks are hollow where a figure
    on the chart is of a disturbed measurement, whatever the mark stands for.

    Args:
        front: the front.
        path: the .png file to write.

    Raises:
        UsageError: the file cannot be written.
    """
    charts = front_charts(front)
    where = f" on {front.device}" if front.device else ""
    figure, drawn = open_figure(
        f"{front.study}: {front.caption}{where}",
        note=front.limits,
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
    _scatter(axes, chart.infeasible, INFEASIBLE, color=FAINT, marker="X", s=34, zorder=2)
    _scatter(axes, chart.beaten, BEATEN, color=FAINT, s=24, zorder=2)
    _scatter(axes, chart.held, HELD, color=MUTED, marker="D", s=22, zorder=2)
    if chart.stairs:
        axes.plot(*zip(*chart.stairs, strict=True), color=ACCENT, lw=1.6, alpha=0.85, zorder=3)
    _bars(axes, chart.best)
    _scatter(axes, chart.best, BEST, color=ACCENT, s=46, zorder=4)
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
    lines = list(itertools.pairwise(chart.stairs))
    lines += [((m.x_range.low, m.y), (m.x_range.high, m.y)) for m in chart.best if m.x_range]
    lines += [((m.x, m.y_range.low), (m.x, m.y_range.high)) for m in chart.best if m.y_range]
    for limit in chart.limits:
        vertical = limit.side == "x"
        ends = ((limit.value, bottom), (limit.value, top)) if vertical else ((left, limit.value), (right, limit.value))
        lines.append(ends)
    steps = [i / 50 for i in range(51)]
    return marks + [(a + t * (c - a), b + t * (d - b)) for (a, b), (c, d) in lines for t in steps]


def _scatter(axes: Axes, marks: Sequence[Mark], label: str, *, color: str, **style: Any) -> None:
    """Draw marks of one kind, hollow those with a figure of a disturbed measurement."""
    for hollow, name in ((False, label), (True, f"{label}, {UNSTEADY}")):
        some = [mark for mark in marks if mark.hollow == hollow]
        look: dict[str, Any] = (
            {"facecolor": PAPER, "edgecolor": color, "lw": 1.5} if hollow else {"color": color, "lw": 0}
        )
        if some:
            axes.scatter([mark.x for mark in some], [mark.y for mark in some], label=name, **look, **style)


def _bars(axes: Axes, marks: Sequence[Mark]) -> None:
    """Draw the ranges of the front's latencies, and say in the legend what `≈` in a label means."""
    name = OVERLAPPING if any(mark.same for mark in marks) else RANGE
    style: dict[str, Any] = {"fmt": "none", "ecolor": INK, "elinewidth": 1.2, "capsize": 4, "alpha": 0.8, "zorder": 5}
    for marked, across in (([m for m in marks if m.x_range], True), ([m for m in marks if m.y_range], False)):
        if marked:
            ends = [mark.x_range if across else mark.y_range for mark in marked]
            at = [mark.x if across else mark.y for mark in marked]
            below = [value - end.low for value, end in zip(at, ends, strict=True) if end]
            above = [end.high - value for value, end in zip(at, ends, strict=True) if end]
            errors: dict[str, Any] = {"xerr" if across else "yerr": (below, above)}
            axes.errorbar([m.x for m in marked], [m.y for m in marked], **errors, label=name, **style)

"""Panels with one mark for each trial: fronts and scatters."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from mqn.look.palette import BEST, FRONT, GATED, INK, LIMIT, MUTED, RANGE
from mqn.quantities import find_quantity
from mqn.records import TrialRecord
from mqn.report.front.charts import FrontChart, Mark, axis_title, by_steadiness, front_charts
from mqn.report.front.points import is_disturbed
from mqn.report.pages.axes import colors, dress, hover, trial_name
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.view import View

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_MANY = 1000
"""Of more trials that are not on the front, hovering tells name and place alone."""


def draw_front(view: View, panel: Panel) -> Figure:
    """Draw the front's charts; hovering over a trial shows its candidate."""
    from plotly.subplots import make_subplots

    assert view.front is not None
    charts = front_charts(view.front)
    figure = make_subplots(rows=1, cols=len(charts), horizontal_spacing=0.08)
    for column, chart in enumerate(charts, start=1):
        _draw_chart(figure, view, panel, chart, column)
    return dress(figure, panel)


def draw_scatter(view: View, panel: Panel) -> Figure:
    """Draw a figure over any other figure or candidate's field."""
    from plotly.graph_objects import Figure

    assert panel.x is not None and panel.y is not None  # noqa: PT018
    axes = (panel.x, panel.y)
    records = [r for r in view.complete if all(view.value(r, axis) is not None for axis in axes)]
    figure = Figure()

    def disturbed(record: TrialRecord) -> bool:
        return any(is_disturbed(record, axis, view.device) for axis in axes)

    for field, group, color in _by_field(view, panel, records):
        for name, some, hollow in by_steadiness(field, group, disturbed):
            points = [(view.value(r, panel.x), view.value(r, panel.y), hover(r), r.number) for r in some]
            _add(figure.add_scatter, name, points, color=color, symbol="circle-open" if hollow else "circle")
    figure.update_xaxes(title=axis_title(panel.x) if find_quantity(panel.x) else panel.x)
    figure.update_yaxes(title=axis_title(panel.y))
    return dress(figure, panel, legend=len(figure.data) > 1 or panel.color is not None)


def _draw_chart(figure: Figure, view: View, panel: Panel, chart: FrontChart, column: int) -> None:
    place = {"row": 1, "col": column}
    add = partial(figure.add_scatter, **place)
    first = column == 1
    brief = _say_briefly if sum(len(marks) for _, marks, *_ in chart.others) > _MANY else _say
    for name, marks, symbol, color in chart.others:
        _add_marks(add, name, marks, say=brief, color=color, symbol=symbol, size=7, legend=first)
    if chart.stairs:
        xs, ys = zip(*chart.stairs, strict=True)
        add(x=xs, y=ys, mode="lines", line={"color": FRONT, "width": 2}, hoverinfo="skip", showlegend=False)
    by_record = {mark.point.record.number: mark for mark in chart.best}
    for name, records, color in _by_field(view, panel, [mark.point.record for mark in chart.best]):
        own = [by_record[record.number] for record in records]
        _add_marks(add, name, own, color=color, symbol=chart.front[2], size=11, legend=first)
    _add_ranges(add, chart, legend=first)
    _add_gated(add, view, chart, legend=first)
    for limit in chart.limits:
        draw = figure.add_vline if limit.side == "x" else figure.add_hline
        note = {"text": html.escape(limit.text), "font": {"color": LIMIT, "size": 11}}
        draw(limit.value, line={"color": LIMIT, "width": 1, "dash": "dash"}, annotation=note, **place)
    figure.update_xaxes(title=axis_title(chart.x), **place)
    figure.update_yaxes(title=axis_title(chart.y), **place)


def _add_ranges(add: Callable[..., Any], chart: FrontChart, *, legend: bool) -> None:
    """Draw the ranges of the front's figures, one trace for all, and `≈` where trials are not told apart."""
    style: dict[str, Any] = {"hoverinfo": "skip", "legendgroup": RANGE}
    if chart.ranges:
        ends = [(*ends, (None, None)) for ends in chart.ranges]
        symbols = ["line-ns" if low[1] == high[1] else "line-ew" for low, high in chart.ranges for _ in range(3)]
        add(
            x=[x for line in ends for x, _ in line],
            y=[y for line in ends for _, y in line],
            mode="lines+markers",
            line={"color": INK, "width": 1.4},
            marker={"symbol": symbols, "size": 9, "line": {"color": INK, "width": 1.4}},
            name=chart.range_name,
            showlegend=legend,
            **style,
        )
    same = [mark for mark in chart.best if mark.same]
    if same:
        add(
            x=[mark.x for mark in same],
            y=[mark.y for mark in same],
            mode="text",
            text=["&nbsp;<br>≈"] * len(same),  # A line lower, off the trial's own mark.
            textposition="bottom center",
            textfont={"size": 15, "color": INK},
            showlegend=False,
            **style,
        )


def _add_gated(add: Callable[..., Any], view: View, chart: FrontChart, *, legend: bool) -> None:
    """Draw what was gated as ticks below all other marks: its cost is known, and it has no accuracy."""
    assert view.front is not None
    heights = [mark.y for marks in (chart.best, chart.beaten, chart.infeasible, chart.held) for mark in marks]
    floor = min(heights) - 0.06 * ((max(heights) - min(heights)) or 1.0)
    known = [(record.figure(chart.x, view.device), record) for record in view.front.gated if find_quantity(chart.x)]
    points = [(x, floor, hover(record), record.number) for x, record in known if x is not None]
    if points:
        _add(add, GATED, points, color=MUTED, symbol="line-ns-open", size=9, legend=legend)


def _say(mark: Mark) -> str:
    return hover(mark.point.record, mark.same, mark.point.confirmed_by)


def _say_briefly(mark: Mark) -> str:
    """Of thousands of trials, all that is known would be megabytes."""
    return f"<b>{trial_name(mark.point.record)}</b><br>{mark.x:.5g}, {mark.y:.5g}"


def _add_marks(
    add: Callable[..., Any],
    name: str,
    marks: Iterable[Mark],
    *,
    say: Callable[[Mark], str] = _say,
    symbol: str,
    **style: Any,
) -> None:
    for words, some, hollow in by_steadiness(name, marks, lambda mark: mark.hollow):
        points = [(mark.x, mark.y, say(mark), mark.point.record.number) for mark in some]
        _add(add, words, points, symbol=f"{symbol}-open" if hollow else symbol, **style)


def _add(
    add: Callable[..., Any],
    name: str,
    points: Sequence[tuple[Any, Any, str, int]],
    *,
    color: str,
    symbol: str,
    size: int = 9,
    legend: bool = True,
) -> None:
    """Add points, each with what it says on hovering, and its trial's number for who clicks on it."""
    xs, ys, texts, numbers = zip(*points, strict=True)
    add(
        x=xs,
        y=ys,
        text=texts,
        customdata=numbers,
        mode="markers",
        name=html.escape(name),
        legendgroup=name,
        showlegend=legend,
        marker={"color": color, "symbol": symbol, "size": size, "line": {"width": 1.6, "color": color}},
        hovertemplate="%{text}<extra></extra>",
    )


def _by_field(view: View, panel: Panel, records: Sequence[TrialRecord]) -> list[tuple[str, list[TrialRecord], str]]:
    """Groups of trials by the candidate's field that a panel colours by: name, trials, colour."""
    if panel.color is None:
        return [(BEST, list(records), FRONT)]
    field = panel.color
    # Of all trials, not of these alone: a colour means the same in every panel of a page.
    values = sorted({str(view.flat(record)[field]) for record in view.records})
    return [
        (value, [record for record in records if str(view.flat(record)[field]) == value], color)
        for value, color in zip(values, colors(), strict=False)
    ]

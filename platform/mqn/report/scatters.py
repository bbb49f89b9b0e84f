"""Panels with one mark a trial: fronts and scatters."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mqn.quantities import find_quantity
from mqn.records import TrialRecord
from mqn.report.board import Panel
from mqn.report.charts import FrontChart, Mark, axis_title, front_charts
from mqn.report.dressing import colors, dress, hover
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
    RANGE,
    UNSTEADY,
)
from mqn.report.points import is_disturbed
from mqn.report.view import View

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def draw_front(view: View, panel: Panel) -> Figure:
    """The front over its objectives, a chart a pair of them, every trial with its candidate on hovering."""
    from plotly.subplots import make_subplots

    assert view.front is not None
    charts = front_charts(view.front)
    figure = make_subplots(rows=1, cols=len(charts), horizontal_spacing=0.08)
    for column, chart in enumerate(charts, start=1):
        _draw_chart(figure, view, panel, chart, column)
    return dress(figure, panel)


def draw_scatter(view: View, panel: Panel) -> Figure:
    """Any figure over any other figure or candidate's field."""
    from plotly.graph_objects import Figure

    assert panel.x is not None and panel.y is not None  # noqa: PT018
    x, y = panel.x, panel.y
    records = [r for r in view.complete if view.value(r, x) is not None and view.value(r, y) is not None]
    figure = Figure()
    for name, group, color in _by_field(view, panel, records):
        for hollow in (False, True):
            some = [r for r in group if any(is_disturbed(r, axis, view.device) for axis in (x, y)) == hollow]
            xs, ys = [view.value(r, x) for r in some], [view.value(r, y) for r in some]
            symbol, title = ("circle-open", f"{name}, {UNSTEADY}") if hollow else ("circle", name)
            _add(figure, some, xs, ys, title, color=color, symbol=symbol)
    figure.update_xaxes(title=axis_title(x) if find_quantity(x) else x)
    figure.update_yaxes(title=axis_title(y))
    return dress(figure, panel, legend=len(figure.data) > 1 or panel.color is not None)


def _draw_chart(figure: Figure, view: View, panel: Panel, chart: FrontChart, column: int) -> None:
    place = {"row": 1, "col": column}
    first = column == 1
    others = (
        (INFEASIBLE, chart.infeasible, "x", FAINT),
        (BEATEN, chart.beaten, "circle", FAINT),
        (HELD, chart.held, "diamond", MUTED),
    )
    for name, marks, symbol, color in others:
        _add_by_steadiness(figure, marks, name, place, color=color, symbol=symbol, size=7, legend=first)
    if chart.stairs:
        xs, ys = zip(*chart.stairs, strict=True)
        line = {"color": ACCENT, "width": 2}
        figure.add_scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", showlegend=False, **place)
    by_record = {mark.point.record.number: mark for mark in chart.best}
    groups = _by_field(view, panel, [mark.point.record for mark in chart.best])
    for name, records, color in groups:
        grouped = [by_record[record.number] for record in records]
        _add_by_steadiness(figure, grouped, name, place, color=color, symbol="circle", size=11, legend=first)
    _add_ranges(figure, chart.best, place, legend=first)
    for limit in chart.limits:
        draw = figure.add_vline if limit.side == "x" else figure.add_hline
        note = {"text": html.escape(limit.text), "font": {"color": LIMIT, "size": 11}}
        draw(limit.value, line={"color": LIMIT, "width": 1, "dash": "dash"}, annotation=note, **place)
    figure.update_xaxes(title=axis_title(chart.x), **place)
    figure.update_yaxes(title=axis_title(chart.y), **place)


def _add_ranges(figure: Figure, marks: Sequence[Mark], place: dict[str, int], *, legend: bool) -> None:
    """Draw the ranges of the front's latencies, one trace for all, and say what `≈` means where it stands."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for mark in marks:
        if mark.x_range is not None:
            xs += [mark.x_range.low, mark.x_range.high, None]
            ys += [mark.y, mark.y, None]
        if mark.y_range is not None:
            xs += [mark.x, mark.x, None]
            ys += [mark.y_range.low, mark.y_range.high, None]
    same = [mark for mark in marks if mark.same]
    if xs:
        figure.add_scatter(
            x=xs,
            y=ys,
            mode="lines+markers",
            line={"color": INK, "width": 1.4},
            marker={"symbol": "line-ns", "size": 9, "line": {"color": INK, "width": 1.4}},
            hoverinfo="skip",
            name=OVERLAPPING if same else RANGE,
            legendgroup=RANGE,
            showlegend=legend,
            **place,
        )
    if same:
        figure.add_scatter(
            x=[mark.x for mark in same],
            y=[mark.y for mark in same],
            mode="text",
            text=["&nbsp;<br>≈"] * len(same),  # A line lower, off the trial's own mark.
            textposition="bottom center",
            textfont={"size": 15, "color": INK},
            hoverinfo="skip",
            legendgroup=RANGE,
            showlegend=False,
            **place,
        )


def _add_by_steadiness(
    figure: Figure, marks: Sequence[Mark], name: str, place: dict[str, int], *, symbol: str, **style: Any
) -> None:
    """Add marks of one kind, hollow those with a figure of a disturbed measurement on these axes."""
    _add_marks(figure, [mark for mark in marks if not mark.hollow], name, place, symbol=symbol, **style)
    unsteady = [mark for mark in marks if mark.hollow]
    _add_marks(figure, unsteady, f"{name}, {UNSTEADY}", place, symbol=f"{symbol}-open", **style)


def _add_marks(
    figure: Figure, marks: Sequence[Mark], name: str, place: dict[str, int], *, legend: bool, **style: Any
) -> None:
    records = [mark.point.record for mark in marks]
    same = {mark.point.record.number: mark.same for mark in marks}
    xs, ys = [mark.x for mark in marks], [mark.y for mark in marks]
    _add(figure, records, xs, ys, name, place=place, legend=legend, same=same, **style)


def _add(
    figure: Figure,
    records: Sequence[TrialRecord],
    x: Sequence[Any],
    y: Sequence[Any],
    name: str,
    *,
    color: str,
    symbol: str = "circle",
    size: int = 9,
    place: dict[str, int] | None = None,
    legend: bool = True,
    same: Mapping[int, Sequence[int]] | None = None,
) -> None:
    if not records:
        return
    figure.add_scatter(
        x=x,
        y=y,
        mode="markers",
        name=html.escape(name),
        legendgroup=name,
        showlegend=legend,
        marker={
            "color": color,
            "symbol": symbol,
            "size": size,
            "line": {"width": 1.6, "color": color},
        },
        text=[hover(record, (same or {}).get(record.number, ())) for record in records],
        hovertemplate="%{text}<extra></extra>",
        **(place or {}),
    )


def _by_field(view: View, panel: Panel, records: Sequence[TrialRecord]) -> list[tuple[str, list[TrialRecord], str]]:
    """Groups of trials by the candidate's field that a panel colours by: name, trials, colour."""
    if panel.color is None:
        return [(BEST, list(records), ACCENT)]
    field = panel.color
    # Of all trials, not of these alone: a colour means the same in every panel of a page.
    values = sorted({str(record.candidate.flat()[field]) for record in view.records})
    return [
        (value, [record for record in records if str(record.candidate.flat()[field]) == value], color)
        for value, color in zip(values, colors(), strict=False)
    ]

"""A page of several studies' fronts, laid over each other."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.look import charts, page
from mqn.look.blocks import Cell, Fold, Row, Section, Table, Text, Tiles
from mqn.look.palette import GRID, MUTED
from mqn.quantities import quantity
from mqn.report.front.charts import axis_title
from mqn.report.front.overlay import Overlay
from mqn.report.front.overlay_charts import FrontLine, OverlayChart, SurfaceLine, overlay_charts
from mqn.report.front.words import SIMULATED
from mqn.report.pages.axes import hover

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def write_overlay_page(found: Overlay, path: Path) -> None:
    """Write a page of several fronts, about 5 MB, because it contains the plotting library.

    Raises:
        UsageError: the file cannot be written.
    """
    page.write_page(path, render_overlay(found))


def render_overlay(found: Overlay) -> str:
    """Lay several fronts out on a page: their chart, their hypervolumes, and the members of all."""
    device = f"figures of device {found.device}" if found.device else "figures of each trial's first device"
    mark = [Text(SIMULATED)] if any(one.simulated for one in found.fronts) else []
    tiles = Tiles(
        tuple((text, f"hypervolume of {one.study}") for one, text in zip(found.fronts, found.volume_texts, strict=True))
    )
    notes = [Text(f"hypervolumes from {found.reference_text}"), *map(Text, found.notes)]
    drawn = charts.chart(draw_overlay(found), "overlay")
    sections = [
        Section(title="Pareto fronts", blocks=(*notes, drawn)),
        Section(title="Members of the fronts", blocks=(_members(found),)),
    ]
    if found.surfaces:
        sections.append(
            Section(
                title="What so many of the studies attain",
                blocks=(_volumes(found), Fold("Their corners", (_surfaces(found),))),
            )
        )
    return page.render(found.title, [*mark, Text(device), tiles], sections)


def draw_overlay(found: Overlay, height: int = 520) -> Figure:
    """Draw the charts of several fronts side by side; `height` in pixels. Hovering over a mark shows its trial."""
    from plotly.subplots import make_subplots

    laid = overlay_charts(found)
    figure = make_subplots(rows=1, cols=len(laid), horizontal_spacing=0.08)
    for column, chart in enumerate(laid, start=1):
        _draw_chart(figure, chart, column)
    charts.dress(figure, height=height, margin={"l": 64, "r": 20, "t": 12, "b": 52})
    figure.update_layout(showlegend=True, legend={"y": -0.2, "x": 0}, hovermode="closest")
    figure.update_xaxes(gridcolor=GRID, zeroline=False, tickfont={"color": MUTED}, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True)
    return figure


def _draw_chart(figure: Figure, chart: OverlayChart, column: int) -> None:
    place: dict[str, Any] = {"row": 1, "col": column}
    for front in chart.fronts:
        _draw_front(figure, front, faint=bool(chart.surfaces), place=place)
    for surface in chart.surfaces:
        _draw_surface(figure, surface, place)
    figure.update_xaxes(title=axis_title(chart.x), **place)
    figure.update_yaxes(title=axis_title(chart.y), **place)


def _draw_front(figure: Figure, front: FrontLine, *, faint: bool, place: dict[str, Any]) -> None:
    shared: dict[str, Any] = {"legendgroup": front.name, **place}
    if front.stairs:
        xs, ys = zip(*front.stairs, strict=True)
        line = {"color": front.color, "width": 1.5}
        opacity = 0.45 if faint else 1.0
        figure.add_scatter(
            x=xs, y=ys, mode="lines", line=line, opacity=opacity, hoverinfo="skip", showlegend=False, **shared
        )
    figure.add_scatter(
        x=[x for x, _ in front.places],
        y=[y for _, y in front.places],
        text=[f"{html.escape(point.record.study)}<br>{hover(point.record)}" for point in front.points],
        mode="markers",
        name=html.escape(front.name),
        showlegend=place["col"] == 1,
        marker={
            "color": front.color,
            "symbol": ["circle-open" if hollow else "circle" for hollow in front.hollow],
            "size": 9,
            "line": {"width": 1.6, "color": front.color},
        },
        hovertemplate="%{text}<extra></extra>",
        **shared,
    )


def _draw_surface(figure: Figure, surface: SurfaceLine, place: dict[str, Any]) -> None:
    shown = surface.stairs or surface.places
    if shown:
        xs, ys = zip(*shown, strict=True)
        figure.add_scatter(
            x=xs,
            y=ys,
            mode="lines" if surface.stairs else "markers",
            line={"color": surface.color, "width": 3 if surface.bold else 2, "dash": surface.dash},
            marker={"color": surface.color, "symbol": "diamond-open", "size": 8},
            name=html.escape(surface.name),
            legendgroup=surface.name,
            showlegend=place["col"] == 1,
            hoverinfo="skip",
            **place,
        )


def _members(found: Overlay) -> Table:
    rows = [
        Row(
            cells=(
                Cell(text=one.study),
                Cell(text=str(point.record.number), value=point.record.number, kind="number"),
                Cell(text=point.record.label),
                *(_figure(axis.metric, value) for axis, value in zip(found.axes, point.values, strict=True)),
                Cell(text=", ".join(sorted(set(point.record.verdicts.values())))),
            )
        )
        for one in found.fronts
        for point in one.points
    ]
    head = (
        Cell(text="study"),
        Cell(text="#", kind="number"),
        Cell(text="candidate"),
        *_heads(found),
        Cell(text="verdict"),
    )
    return Table(head=head, rows=tuple(rows), sortable=True)


def _volumes(found: Overlay) -> Table:
    rows = [
        Row(
            cells=(
                Cell(text=one.words),
                Cell(text=str(len(one.points)), value=len(one.points), kind="number"),
                Cell(text=found.volume_text(one.volume), value=one.volume, kind="number"),
            )
        )
        for one in found.surfaces
    ]
    head = (Cell(text="surface"), Cell(text="corners", kind="number"), Cell(text="hypervolume", kind="number"))
    return Table(head=head, rows=tuple(rows))


def _surfaces(found: Overlay) -> Table:
    rows = [
        Row(
            cells=(
                Cell(text=surface.words),
                *(_figure(axis.metric, value) for axis, value in zip(found.axes, point, strict=True)),
            )
        )
        for surface in found.surfaces
        for point in surface.points
    ]
    return Table(head=(Cell(text="surface"), *_heads(found)), rows=tuple(rows), sortable=True)


def _heads(found: Overlay) -> list[Cell]:
    return [Cell(text=axis_title(axis.metric), kind="number") for axis in found.axes]


def _figure(metric: str, value: float) -> Cell:
    return Cell(text=quantity(metric).table_text(value), value=value, kind="number")

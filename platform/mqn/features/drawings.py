"""Figures 3 and 5 of the paper as charts of a page: maps whose values can be read, pictures, PMFs, gates."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mqn.features.captions import FILE, FLOAT
from mqn.features.cells import Cell, Functions, Gates, Map, Picture, Words, attention_rows, quantized_rows
from mqn.features.views import AttentionView, QuantizedView
from mqn.look.charts import dress
from mqn.look.encoding import encode
from mqn.look.palette import ACCENT, FAINT, GRID, MUTED, SERIES

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

WIDTH = 1180
"""Pixels that captions need beside each other; a narrower page scrolls."""

_FOOT = 30  # Pixels that ticks take below a row.
_AXIS: dict[str, Any] = {
    "visible": True,
    "gridcolor": GRID,
    "zeroline": False,
    "tickfont": {"color": MUTED, "size": 10},
}
_BUTTONS, _LINE, _LARGEST_ROW = 24, 17, 280


def draw_attention(view: AttentionView) -> Figure:
    """Draw a Figure 3."""
    return _draw(attention_rows(view))


def draw_quantized(view: QuantizedView, place: int) -> Figure:
    """Draw one picture of a Figure 5, without its figures in words: these stand beside it on the page."""
    return _draw([[cell for cell in row if not isinstance(cell, Words)] for row in quantized_rows(view, place)])


def _draw(rows: Sequence[Sequence[Cell]]) -> Figure:
    figure = _grid([_title(cell) for row in rows for cell in row], len(rows), len(rows[0]))
    for row, cells in enumerate(rows, start=1):
        for column, cell in enumerate(cells, start=1):
            if isinstance(cell, Picture):
                _add_picture(figure, cell, row, column)
            elif isinstance(cell, Map):
                _add_map(figure, cell, row, column)
            elif isinstance(cell, Functions):
                _add_functions(figure, cell, row, column)
            elif isinstance(cell, Gates):
                _add_gates(figure, cell, row, column)
    return figure


def _title(cell: Cell) -> str:
    lines = [html.escape(line) for line in cell.caption]
    if isinstance(cell, Picture) and len(lines) == 2:
        lines[0] = f"<b>{lines[0]}</b>"
    return "<br>".join(lines)


def _grid(titles: list[str], rows: int, columns: int) -> Figure:
    """Cells with a small title each, without axes until something needs them."""
    from plotly.subplots import make_subplots

    head = _LINE * (1 + max(title.count("<br>") for title in titles)) + 8
    row = min(_LARGEST_ROW, WIDTH // columns)
    inside = rows * row + (rows - 1) * (head + _FOOT)
    figure = make_subplots(
        rows, columns, subplot_titles=titles, horizontal_spacing=0.018, vertical_spacing=(head + _FOOT) / inside
    )
    figure.update_annotations(font={"size": 11, "color": MUTED})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    margin = {"l": 8, "r": 40, "t": _BUTTONS + head, "b": 2 * _FOOT}
    dress(figure, height=inside + _BUTTONS + head + 2 * _FOOT, margin=margin, size=11)
    place = {"y": 0, "yref": "container", "yanchor": "bottom", "x": 1, "xanchor": "right"}
    figure.update_layout(legend=place, bargap=0.2)
    return figure


def _add_picture(figure: Figure, cell: Picture, row: int, column: int) -> None:
    """A PNG inside the page."""
    from plotly.graph_objects import Image

    source = f"data:image/png;base64,{base64.b64encode(encode(cell.image, '.png')).decode()}"
    figure.add_trace(Image(source=source, hoverinfo="skip"), row, column)


def _add_map(figure: Figure, cell: Map, row: int, column: int) -> None:
    """The value below the pointer is told."""
    from plotly.graph_objects import Heatmap

    trace = Heatmap(
        z=np.asarray(cell.values, np.float32),
        colorscale=cell.colors,
        zmin=cell.limits[0],
        zmax=cell.limits[1],
        showscale=False,
        hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
    )
    figure.add_trace(trace, row, column)
    across = next(figure.select_xaxes(row=row, col=column)).plotly_name.replace("axis", "")
    square = {"scaleanchor": across, "constrain": "domain", "autorange": "reversed"}
    figure.update_yaxes(**square, row=row, col=column)
    figure.update_xaxes(constrain="domain", row=row, col=column)


def _add_functions(figure: Figure, cell: Functions, row: int, column: int) -> None:
    """Both functions as stairs on a logarithmic scale: most features are 0, or near it."""
    from plotly.graph_objects import Scatter

    pmf = cell.pmf
    edges = np.repeat(pmf.edges, 2)[1:-1]
    for name, shares, style in (
        (FLOAT, pmf.expected, {"fill": "tozeroy", "line": {"color": ACCENT, "width": 0}}),
        (FILE, pmf.found, {"line": {"color": SERIES[1], "width": 1.4}}),
    ):
        trace = Scatter(
            x=edges,
            y=np.repeat(shares, 2),
            mode="lines",
            name=name,
            legendgroup=name,
            showlegend=cell.named,
            hovertemplate="%{x:.3g}: %{y:.3g}<extra>" + name + "</extra>",
            **style,
        )
        figure.add_trace(trace, row, column)
    least = min(share for share in (*pmf.expected, *pmf.found) if share)
    figure.update_xaxes(**_AXIS, row=row, col=column)
    bounds = [np.log10(least / 2), 0.3]
    powers: dict[str, Any] = {"type": "log", "dtick": 1, "exponentformat": "power", "range": bounds, "side": "right"}
    figure.update_yaxes(**_AXIS, **powers, row=row, col=column)


def _add_gates(figure: Figure, cell: Gates, row: int, column: int) -> None:
    from plotly.graph_objects import Bar

    channels = list(range(len(cell.values)))
    trace = Bar(
        x=cell.values,
        y=channels,
        orientation="h",
        marker={"color": [ACCENT if channel in cell.chosen else FAINT for channel in channels]},
        showlegend=False,
        hovertemplate="channel %{y}: %{x:.3f}<extra></extra>",
    )
    figure.add_trace(trace, row, column)
    figure.update_xaxes(**_AXIS, range=[0, 1], row=row, col=column)
    figure.update_yaxes(**_AXIS, autorange="reversed", side="right", row=row, col=column)

"""Figures of features for a page: maps whose values can be read, pictures, PMFs, gates."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

import numpy as np

from mqn.export.feature_figures import Pmf
from mqn.export.feature_views import AttendedFigures, AttentionView, QuantizedView
from mqn.hdr.tonemap import mulaw
from mqn.report.feature_words import FILE, FLOAT, channel_words, difference_words, gate_words, range_words, shortened
from mqn.report.map_colors import DIFFERENCE_COLORS, GATE_COLORS, MAP_COLORS, color_limits, difference_limits
from mqn.report.palette import ACCENT, FAINT, GRID, INK, MUTED, PAPER, SERIES

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


def draw_quantized(view: QuantizedView, place: int) -> Figure:
    """One picture of a Figure 5: the predictions in the first row, a chosen channel in each further one.

    Args:
        view: what was found.
        place: of the picture.
    """
    maps, pmfs, chosen = view.maps[place], view.figures.pictures[place].pmfs, view.figures.chosen
    apart = np.abs(mulaw(maps.light_found) - mulaw(maps.light)).max(axis=2)
    titles = ["input", f"prediction, {FLOAT}", f"prediction, {FILE}", difference_words(apart, "|difference| as seen")]
    for line, channel in enumerate(chosen):
        expected, found = maps.expected[line], maps.found[line]
        titles += [
            f"channel {channel}, float: {range_words(expected)}",
            f"quantized: {range_words(found)}",
            difference_words(np.abs(found - expected)),
            "PMF: share of pixels by value",
        ]
    figure = _grid(titles, rows=1 + len(chosen), columns=4)
    for column, image in enumerate((maps.ldr, mulaw(maps.light), mulaw(maps.light_found)), start=1):
        _add_picture(figure, image, 1, column)
    _add_map(figure, apart, 1, 4, DIFFERENCE_COLORS, difference_limits(apart))
    for line in range(len(chosen)):
        expected, found = maps.expected[line], maps.found[line]
        limits, difference = color_limits(expected, found), np.abs(found - expected)
        _add_map(figure, expected, line + 2, 1, MAP_COLORS, limits)
        _add_map(figure, found, line + 2, 2, MAP_COLORS, limits)
        _add_map(figure, difference, line + 2, 3, DIFFERENCE_COLORS, difference_limits(difference))
        _add_pmf(figure, pmfs[line], line + 2, 4, named=line == 0)
    return figure


def draw_attention(view: AttentionView) -> Figure:
    """A Figure 3: a network a row, with its prediction, its chosen channels, and its gates where it has any."""
    models = view.figures.models
    shown = max(len(model.chosen) for model in models)
    columns = 3 + shown
    titles = []
    for row, (model, maps) in enumerate(zip(models, view.maps, strict=True)):
        titles += ["input" if row == 0 else "", f"<b>{model.attention}</b><br>{_own(model)}"]
        titles += [
            f"{channel_words(model, channel)}<br>{range_words(values)}"
            for channel, values in zip(model.chosen, maps.features, strict=True)
        ]
        titles += [""] * (shown - len(model.chosen)) + [gate_words(maps.gates).replace(": ", "<br>")]
    figure = _grid(titles, rows=len(models), columns=columns)
    _add_picture(figure, view.ldr, 1, 1)
    for row, (model, maps) in enumerate(zip(models, view.maps, strict=True), start=1):
        _add_picture(figure, mulaw(maps.light), row, 2)
        for column, values in enumerate(maps.features, start=3):
            _add_map(figure, values, row, column, MAP_COLORS, color_limits(values))
        if maps.gates is not None and maps.gates.shape[1:] != (1, 1):
            gate = maps.gates.mean(axis=0)
            _add_map(figure, gate, row, columns, GATE_COLORS, color_limits(gate))
        elif maps.gates is not None:
            _add_bars(figure, maps.gates[:, 0, 0], model.chosen, row, columns)
    return figure


def _own(model: AttendedFigures) -> str:
    """The model's name, where it is not that of its attention once more."""
    return "" if model.model == model.attention else html.escape(shortened(model.model))


def _grid(titles: list[str], rows: int, columns: int) -> Figure:
    """Cells with a small title each, without axes until something needs them."""
    from plotly.subplots import make_subplots

    head = _LINE * (1 + max(title.count("<br>") for title in titles)) + 8
    row = min(_LARGEST_ROW, WIDTH // columns)
    inside = rows * row + (rows - 1) * (head + _FOOT)
    figure = make_subplots(
        rows,
        columns,
        subplot_titles=titles,
        horizontal_spacing=0.018,
        vertical_spacing=(head + _FOOT) / inside,
    )
    figure.update_annotations(font={"size": 11, "color": MUTED})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_layout(
        template="none",
        height=inside + _BUTTONS + head + 2 * _FOOT,
        margin={"l": 8, "r": 40, "t": _BUTTONS + head, "b": 2 * _FOOT},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        font={"family": "system-ui, 'Segoe UI', Roboto, sans-serif", "color": INK, "size": 11},
        hoverlabel={"bgcolor": PAPER, "bordercolor": FAINT, "font": {"color": INK}, "align": "left"},
        legend={
            "orientation": "h",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "x": 1,
            "xanchor": "right",
            "font": {"color": MUTED},
        },
        bargap=0.2,
    )
    return figure


def _add_picture(figure: Figure, image: Any, row: int, column: int) -> None:
    """Display-referred values (H, W, 3) in [0, 1], as a PNG inside the page."""
    import cv2
    from plotly.graph_objects import Image

    codes = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    done, content = cv2.imencode(".png", codes[..., ::-1])
    assert done, "PNG takes every array of bytes"
    source = f"data:image/png;base64,{base64.b64encode(content.tobytes()).decode()}"
    figure.add_trace(Image(source=source, hoverinfo="skip"), row, column)


def _add_map(
    figure: Figure, values: np.ndarray, row: int, column: int, colors: str, limits: tuple[float, float]
) -> None:
    """(H, W), the darkest and the brightest colour at `limits`; the value below the pointer is told."""
    from plotly.graph_objects import Heatmap

    trace = Heatmap(
        z=np.asarray(values, np.float32),
        colorscale=colors,
        zmin=limits[0],
        zmax=limits[1],
        showscale=False,
        hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
    )
    figure.add_trace(trace, row, column)
    across = next(figure.select_xaxes(row=row, col=column))
    figure.update_yaxes(
        autorange="reversed",
        scaleanchor=across.plotly_name.replace("axis", ""),
        constrain="domain",
        row=row,
        col=column,
    )
    figure.update_xaxes(constrain="domain", row=row, col=column)


def _add_pmf(figure: Figure, pmf: Pmf, row: int, column: int, *, named: bool) -> None:
    """Both functions as stairs on a logarithmic scale: most features are 0, or near it."""
    from plotly.graph_objects import Scatter

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
            showlegend=named,
            hovertemplate="%{x:.3g}: %{y:.3g}<extra>" + name + "</extra>",
            **style,
        )
        figure.add_trace(trace, row, column)
    least = min(share for share in (*pmf.expected, *pmf.found) if share)
    figure.update_xaxes(**_AXIS, row=row, col=column)
    bounds = [np.log10(least / 2), 0.3]
    powers: dict[str, Any] = {"type": "log", "dtick": 1, "exponentformat": "power", "range": bounds, "side": "right"}
    figure.update_yaxes(**_AXIS, **powers, row=row, col=column)


def _add_bars(figure: Figure, gates: np.ndarray, chosen: tuple[int, ...], row: int, column: int) -> None:
    """A bar a channel, those that are shown in colour."""
    from plotly.graph_objects import Bar

    channels = list(range(len(gates)))
    trace = Bar(
        x=gates,
        y=channels,
        orientation="h",
        marker={"color": [ACCENT if channel in chosen else FAINT for channel in channels]},
        showlegend=False,
        hovertemplate="channel %{y}: %{x:.3f}<extra></extra>",
    )
    figure.add_trace(trace, row, column)
    figure.update_xaxes(**_AXIS, range=[0, 1], row=row, col=column)
    figure.update_yaxes(**_AXIS, autorange="reversed", side="right", row=row, col=column)

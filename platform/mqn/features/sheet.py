"""Figures 3 and 5 of the paper as PNG: rows of cells, laid out in inches so that square pictures fill them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from mqn.features.captions import FILE, FLOAT, attention_note, attention_title, quantized_note, quantized_title
from mqn.features.cells import Cell, Functions, Gates, Map, Picture, Words, attention_rows, quantized_rows
from mqn.features.views import AttentionView, QuantizedView
from mqn.look.canvas import DPI, save_figure
from mqn.look.palette import ACCENT, FAINT, GRID, INK, MUTED, PAPER, SERIES

_CAPTION_SIZE, _TICK_SIZE = 7.0, 6.5
_MARGIN, _GAP, _CAPTION, _HEAD, _CELL, _FOOT = 0.16, 0.14, 0.24, 0.72, 1.9, 0.14
_TICKS = 0.09  # of a cell, for what an axis writes beside it
_NUMBERED = 16


def write_attention_png(view: AttentionView, path: Path) -> None:
    """Draw a Figure 3. Raises `UsageError` if the file cannot be written."""
    rows = attention_rows(view)
    _write(path, attention_title(view.figures), attention_note(view.figures), rows, [1.0] * len(rows[0]))


def write_quantized_png(view: QuantizedView, path: Path) -> None:
    """Draw a Figure 5, one picture below the other. Raises `UsageError` if the file cannot be written."""
    rows = [row for place in range(len(view.maps)) for row in quantized_rows(view, place)]
    _write(path, quantized_title(view.figures), quantized_note(view.figures), rows, (1.0, 1.0, 1.0, 1.0, 1.6))


def _write(path: Path, title: str, note: str, rows: Sequence[Sequence[Cell]], columns: Sequence[float]) -> None:
    """Lay out and draw; a column of width 1 is as wide as a row is high."""
    width = _CELL * sum(columns) + _GAP * (len(columns) - 1) + 2 * _MARGIN
    height = _HEAD + len(rows) * (_CELL + _CAPTION) + _MARGIN + _FOOT
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    place: dict[str, Any] = {"x": _MARGIN / width, "ha": "left", "va": "top", "parse_math": False}
    figure.text(y=1 - 0.12 / height, s=title, fontsize=11.5, color=INK, fontweight="bold", **place)
    figure.text(y=1 - 0.38 / height, s=note, fontsize=8.5, color=MUTED, **place)
    grid = GridSpec(
        len(rows),
        len(columns),
        figure,
        left=_MARGIN / width,
        right=1 - _MARGIN / width,
        top=1 - (_HEAD + _CAPTION) / height,
        bottom=(_MARGIN + _FOOT) / height,
        wspace=_GAP / (_CELL * sum(columns) / len(columns)),
        hspace=_CAPTION / _CELL,
        width_ratios=list(columns),
    )
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            axes = figure.add_subplot(grid[row, column])
            axes.set(facecolor=PAPER, xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            _draw(axes, cell)
    save_figure(figure, path)


def _draw(axes: Axes, cell: Cell) -> None:
    if isinstance(cell, Picture):
        axes.imshow(np.clip(cell.image, 0, 1), interpolation="nearest")
    elif isinstance(cell, Map):
        axes.imshow(cell.values, cmap=cell.colors, vmin=cell.limits[0], vmax=cell.limits[1], interpolation="nearest")
    elif isinstance(cell, Functions):
        _draw_functions(axes, cell)
    elif isinstance(cell, Gates):
        _draw_gates(axes, cell)
    else:
        _write_words(axes, cell)
    style: dict[str, Any] = {"pad": 3, "fontsize": _CAPTION_SIZE, "parse_math": False}
    if isinstance(cell, Picture) and len(cell.caption) == 2:
        strong, own = cell.caption
        axes.set_title(strong, loc="left", color=INK, fontweight="bold", **style)
        axes.set_title(own, loc="right", color=MUTED, **style)
    else:
        axes.set_title(": ".join(cell.caption), loc="left", color=MUTED, **style)


def _write_words(axes: Axes, cell: Words) -> None:
    if not cell.rows:
        return
    axes.text(0.02, 0.94, cell.heading, transform=axes.transAxes, va="top", fontsize=9, color=INK, fontweight="bold")
    style: dict[str, Any] = {"transform": axes.transAxes, "va": "top", "fontsize": _CAPTION_SIZE, "linespacing": 1.7}
    inches = axes.get_window_extent().width / DPI
    names, values = zip(*cell.rows, strict=True)
    axes.text(0.02, 0.8, "\n".join(names), color=MUTED, **style)
    axes.text(1.05 / inches, 0.8, "\n".join(values), color=INK, **style)


def _draw_functions(axes: Axes, cell: Functions) -> None:
    """Both functions, on a logarithmic scale: most features are 0, or near it."""
    pmf = cell.pmf
    axes.stairs(pmf.expected, pmf.edges, fill=True, color=ACCENT, alpha=0.35, label=FLOAT)
    axes.stairs(pmf.found, pmf.edges, color=SERIES[1], lw=1.1, label=FILE)
    axes.set_yscale("log")
    axes.set_ylim(0.5 * min(share for share in (*pmf.expected, *pmf.found) if share), 2.0)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5))
    _show_ticks(axes)
    if cell.named:
        axes.legend(loc="upper right", frameon=False, fontsize=_TICK_SIZE, labelcolor=INK)


def _draw_gates(axes: Axes, cell: Gates) -> None:
    channels = np.arange(len(cell.values))
    axes.barh(channels, cell.values, height=0.8, color=[ACCENT if k in cell.chosen else FAINT for k in channels])
    axes.set_ylim(len(channels) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1])
    axes.set_yticks([k for k in channels if k in cell.chosen or len(channels) <= _NUMBERED])
    _show_ticks(axes)


def _show_ticks(axes: Axes) -> None:
    """Leave room for an axis' words within its cell."""
    axes.tick_params(colors=MUTED, length=0, labelsize=_TICK_SIZE, pad=2)
    axes.grid(color=GRID, lw=0.6)
    axes.set_axisbelow(True)
    at = axes.get_position()
    left, below = _TICKS * at.width, _TICKS * at.height
    axes.set_position((at.x0 + left, at.y0 + below, at.width - 1.5 * left, at.height - below))

"""The paper's Figure 5 as PNG: features float and quantized, their difference, their PMFs, and the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from mqn.export.feature_figures import FeatureFigures, Pmf
from mqn.export.feature_views import PictureFigures, QuantizedMaps, QuantizedView
from mqn.hdr.tonemap import mulaw
from mqn.report.canvas import save_figure
from mqn.report.feature_words import (
    FILE,
    FLOAT,
    difference_words,
    figure_rows,
    quantized_note,
    quantized_title,
    range_words,
    shortened,
)
from mqn.report.map_colors import DIFFERENCE_COLORS, MAP_COLORS, color_limits, difference_limits
from mqn.report.map_sheet import (
    CAPTION_SIZE,
    Sheet,
    caption_above,
    show_light,
    show_map,
    show_picture,
)
from mqn.report.palette import ACCENT, GRID, INK, MUTED, SERIES

_COLUMNS = (1.0, 1.0, 1.0, 1.0, 0.1, 1.5)
_FIGURES, _FLOAT, _FILE, _DIFFERENCE, _PMF = 0, 1, 2, 3, 5
_FOOT = 0.14


def write_quantized_png(view: QuantizedView, path: Path) -> None:
    """Draw a picture after the other: the predictions in one row, the chosen channels in a row each.

    Args:
        view: what was found.
        path: the .png file to write.

    Raises:
        UsageError: the file cannot be written.
    """
    figures = view.figures
    block = 1 + len(figures.chosen)
    sheet = Sheet(
        quantized_title(figures), quantized_note(figures), rows=block * len(view.maps), columns=_COLUMNS, foot=_FOOT
    )
    for place, (found, maps) in enumerate(zip(figures.pictures, view.maps, strict=True)):
        row = place * block
        _draw_predictions(sheet, row, found, maps)
        for line, channel in enumerate(figures.chosen):
            row += 1
            _write_figures(sheet.cell(row, _FIGURES), f"channel {channel}", found.channels[channel])
            _draw_channel(sheet, row, maps.expected[line], maps.found[line])
            _draw_pmf(sheet.cell(row, _PMF), found.pmfs[line], named=line == 0)
    save_figure(sheet.figure, path)


def _draw_predictions(sheet: Sheet, row: int, found: PictureFigures, maps: QuantizedMaps) -> None:
    show_picture(sheet.cell(row, _FIGURES), maps.ldr, f"input: {shortened(found.picture)}")
    show_light(sheet.cell(row, _FLOAT), maps.light, f"prediction, {FLOAT}")
    show_light(sheet.cell(row, _FILE), maps.light_found, f"prediction, {FILE}")
    apart = np.abs(mulaw(maps.light_found) - mulaw(maps.light)).max(axis=2)
    caption = difference_words(apart, "|difference| as seen")
    show_map(sheet.cell(row, _DIFFERENCE), apart, caption, difference_limits(apart), DIFFERENCE_COLORS)
    _write_figures(sheet.cell(row, _PMF), "all channels", found.all)


def _draw_channel(sheet: Sheet, row: int, expected: np.ndarray, found: np.ndarray) -> None:
    limits = color_limits(expected, found)
    show_map(sheet.cell(row, _FLOAT), expected, f"float, {range_words(expected)}", limits, MAP_COLORS)
    show_map(sheet.cell(row, _FILE), found, f"quantized, {range_words(found)}", limits, MAP_COLORS)
    apart = np.abs(found - expected)
    show_map(sheet.cell(row, _DIFFERENCE), apart, difference_words(apart), difference_limits(apart), DIFFERENCE_COLORS)


def _write_figures(axes: Axes, heading: str, figures: FeatureFigures) -> None:
    axes.text(0.02, 0.94, heading, transform=axes.transAxes, va="top", fontsize=9, color=INK, fontweight="bold")
    names, values = zip(*figure_rows(figures), strict=True)
    style: dict[str, Any] = {"transform": axes.transAxes, "va": "top", "fontsize": CAPTION_SIZE, "linespacing": 1.7}
    inches = axes.get_window_extent().width / axes.figure.dpi
    axes.text(0.02, 0.8, "\n".join(names), color=MUTED, **style)
    axes.text(1.05 / inches, 0.8, "\n".join(values), color=INK, **style)


def _draw_pmf(axes: Axes, pmf: Pmf, *, named: bool) -> None:
    """Both functions, on a logarithmic scale: most features are 0, or near it."""
    axes.stairs(pmf.expected, pmf.edges, fill=True, color=ACCENT, alpha=0.35, label=FLOAT)
    axes.stairs(pmf.found, pmf.edges, color=SERIES[1], lw=1.1, label=FILE)
    axes.set_yscale("log")
    axes.set_ylim(0.5 * min(share for share in (*pmf.expected, *pmf.found) if share), 2.0)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(colors=MUTED, length=0, labelsize=6.5, pad=2)
    axes.grid(color=GRID, lw=0.6)
    axes.set_axisbelow(True)
    below = axes.get_position()
    axes.set_position((below.x0, below.y0 + 0.1 * below.height, below.width, 0.9 * below.height))  # Room for the ticks.
    if named:
        axes.legend(loc="upper right", frameon=False, fontsize=6.5, labelcolor=INK)
    caption_above(axes, "PMF: share of pixels by value")

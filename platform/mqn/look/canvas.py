"""PNG pictures: an empty figure, its legend, the file."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mqn.errors import UsageError
from mqn.look.palette import GRID, INK, MUTED, PAPER

DPI = 160
NOTE_LETTERS_AN_INCH = 14
_LEGEND_LETTERS_AN_INCH = 16
_MARK_LETTERS = 7  # of the mark before a legend's entry, and the space around it


def open_figure(
    title: str, *, note: str = "", size: tuple[float, float] = (8.4, 4.6), columns: int = 1
) -> tuple[Figure, list[Axes]]:
    """Begin a picture with `columns` charts side by side, a title, and a note below. `size` is in inches.

    Returns:
        The figure, and its charts from left to right.
    """
    figure = Figure(figsize=size, dpi=DPI, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.012, ha="left", fontsize=11.5, color=INK, fontweight="bold", parse_math=False)
    charts = list(figure.subplots(1, columns, squeeze=False)[0])
    if note:
        wrapped = textwrap.fill(note, int(NOTE_LETTERS_AN_INCH * size[0] / columns))
        charts[0].set_title(wrapped, loc="left", fontsize=8.5, color=MUTED, parse_math=False)
    for axes in charts:
        axes.set_facecolor(PAPER)
        axes.grid(color=GRID, lw=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(colors=MUTED, length=0, labelsize=9)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure, charts


@contextlib.contextmanager
def picture(path: Path, title: str, *, legend: int, **layout: Any) -> Iterator[list[Axes]]:
    """Draw a picture in the block; at the block's end the legend is added and the file written.

    Args:
        path: the .png file.
        title: its heading.
        legend: columns of the legend.
        layout: further arguments of `open_figure`.

    Yields:
        The charts, from left to right.

    Raises:
        UsageError: the file cannot be written.
    """
    figure, charts = open_figure(title, **layout)
    yield charts
    add_legend(figure, columns=legend)
    save_figure(figure, path)


def add_legend(figure: Figure, *, columns: int) -> None:
    """Put one legend for all charts below them, in so many columns at most; equal names stand there once."""
    entries = {
        text: handle for axes in figure.axes for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    columns = _columns_that_fit(list(map(len, entries)), columns, int(_LEGEND_LETTERS_AN_INCH * figure.get_figwidth()))
    figure.legend(
        entries.values(),
        entries,
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize=8.5,
        labelcolor=MUTED,
    )


def _columns_that_fit(lengths: list[int], most: int, letters: int) -> int:
    """How many columns a legend has within a width; entries of these lengths fill one column after the other."""
    for columns in range(most, 1, -1):
        filled = [column for column in np.array_split(lengths, columns) if len(column)]
        if sum(int(column.max()) + _MARK_LETTERS for column in filled) <= letters:
            return columns
    return 1


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture; raises `UsageError` if that fails."""
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error

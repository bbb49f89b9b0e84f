"""The look that all PNG pictures share: an empty figure, its legend, the file."""

from __future__ import annotations

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mqn.errors import UsageError
from mqn.report.palette import GRID, INK, MUTED, PAPER

DPI = 160
_LETTERS_AN_INCH = 14  # of a note


def open_figure(
    title: str, *, note: str = "", size: tuple[float, float] = (8.4, 4.6), columns: int = 1
) -> tuple[Figure, list[Axes]]:
    """Begin a picture.

    Args:
        title: its heading.
        note: a line below it.
        size: in inches.
        columns: charts side by side.

    Returns:
        The figure, and its charts from left to right.
    """
    figure = Figure(figsize=size, dpi=DPI, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.012, ha="left", fontsize=11.5, color=INK, fontweight="bold", parse_math=False)
    charts = list(figure.subplots(1, columns, squeeze=False)[0])
    if note:
        wrapped = textwrap.fill(note, int(_LETTERS_AN_INCH * size[0] / columns))
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


def add_legend(figure: Figure, *, columns: int) -> None:
    """Put one legend for all charts below them; what several charts call alike stands there once."""
    entries = {
        text: handle for axes in figure.axes for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        entries.values(),
        entries,
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize=8.5,
        labelcolor=MUTED,
    )


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        figure.savefig(path, format="png")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error

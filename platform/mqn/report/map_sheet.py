"""A sheet of pictures and feature maps in rows and columns, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from mqn.hdr.tonemap import mulaw
from mqn.report.canvas import DPI
from mqn.report.palette import INK, MUTED, PAPER

CAPTION_SIZE = 7.0

_MARGIN, _GAP, _CAPTION, _HEAD, _CELL = 0.16, 0.14, 0.24, 0.72, 1.9


class Sheet:
    """An empty sheet; its cells are laid out in inches, so that square pictures fill them.

    Attributes:
        figure: what is drawn on.
    """

    def __init__(self, title: str, note: str, rows: int, columns: Sequence[float], foot: float = 0.0) -> None:
        """Lay it out.

        Args:
            title: its heading.
            note: a line below it.
            rows: how many, each as high as a cell of width 1.
            columns: widths; 1 is a square cell.
            foot: inches below the last row, for what an axis writes there.
        """
        width = _CELL * sum(columns) + _GAP * (len(columns) - 1) + 2 * _MARGIN
        row = _CELL + _CAPTION
        height = _HEAD + rows * row + _MARGIN + foot
        self.figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
        FigureCanvasAgg(self.figure)
        place: dict[str, Any] = {"x": _MARGIN / width, "ha": "left", "va": "top", "parse_math": False}
        self.figure.text(y=1 - 0.12 / height, s=title, fontsize=11.5, color=INK, fontweight="bold", **place)
        self.figure.text(y=1 - 0.38 / height, s=note, fontsize=8.5, color=MUTED, **place)
        self._grid = GridSpec(
            rows,
            len(columns),
            self.figure,
            left=_MARGIN / width,
            right=1 - _MARGIN / width,
            top=1 - (_HEAD + _CAPTION) / height,
            bottom=(_MARGIN + foot) / height,
            wspace=_GAP / (_CELL * sum(columns) / len(columns)),
            hspace=_CAPTION / _CELL,
            width_ratios=list(columns),
        )

    def cell(self, row: int, column: int) -> Axes:
        """An empty cell, without ticks and frame."""
        axes = self.figure.add_subplot(self._grid[row, column])
        axes.set_facecolor(PAPER)
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes


def show_picture(axes: Axes, image: np.ndarray, caption: str) -> None:
    """Draw display-referred values (H, W, 3) in [0, 1]."""
    axes.imshow(np.clip(image, 0, 1), interpolation="nearest")
    caption_above(axes, caption)


def show_light(axes: Axes, light: np.ndarray, caption: str) -> None:
    """Draw linear light (H, W, 3), 1.0 = the picture's scale, through the mu-law."""
    show_picture(axes, np.asarray(mulaw(light)), caption)


def show_map(axes: Axes, values: np.ndarray, caption: str, limits: tuple[float, float], colors: str) -> None:
    """Draw (H, W) in colours, the darkest and the brightest at `limits`."""
    axes.imshow(values, cmap=colors, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    caption_above(axes, caption)


def caption_above(axes: Axes, caption: str, *, strong: bool = False, side: Literal["left", "right"] = "left") -> None:
    """A small line above a cell; what stands at its right is written beside what stands at its left."""
    color, weight = (INK, "bold") if strong else (MUTED, "normal")
    style: dict[str, Any] = {"fontsize": CAPTION_SIZE, "color": color, "fontweight": weight, "parse_math": False}
    axes.set_title(caption, loc=side, pad=3, **style)

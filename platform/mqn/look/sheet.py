"""A sheet of pictures and lines of text, laid out in inches from its upper left corner, as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mqn.look.canvas import DPI, save_figure
from mqn.look.palette import PAPER


class Sheet:
    """An empty sheet of `width` x `height` inches."""

    def __init__(self, width: float, height: float) -> None:
        """Make it."""
        self._figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
        FigureCanvasAgg(self._figure)
        self._width, self._height = width, height

    def write(self, left: float, top: float, text: str, **style: Any) -> None:
        """Write below a place; `style` is matplotlib's."""
        self._figure.text(left / self._width, 1 - top / self._height, text, va="top", parse_math=False, **style)

    def show(self, left: float, top: float, width: float, height: float, image: np.ndarray) -> Axes:
        """Show a picture, (H, W, 3) in [0, 1], stretched to a rectangle; gives what can be drawn on in its pixels."""
        at = (left / self._width, 1 - (top + height) / self._height, width / self._width, height / self._height)
        axes = self._figure.add_axes(at)
        axes.set_axis_off()
        axes.imshow(np.clip(image, 0, 1), interpolation="antialiased", aspect="auto")
        return axes

    def save(self, path: Path) -> None:
        """Write the PNG file. Raises `UsageError` if it cannot be written."""
        save_figure(self._figure, path)

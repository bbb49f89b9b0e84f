"""A gallery as PNG, laid out in inches: for each picture a row of wholes, below them crops and maps."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from mqn.look.palette import INK, MUTED
from mqn.look.sheet import Sheet
from mqn.scoring.gallery.drawing import NOTE, crop, difference_map, framed, region_words, regions
from mqn.scoring.gallery.views import Column, View

_CELL, _GAP, _MARGIN = 2.4, 0.08, 0.16
_CROP = (_CELL - _GAP) / 2
_TITLE, _LINE, _CAPTION, _BETWEEN = 0.34, 0.15, 0.22, 0.2
_LETTERS_AN_INCH = 15


def write_gallery_png(views: Sequence[View], path: Path, title: str) -> None:
    """Draw a Figure 6. Raises `UsageError` if the file cannot be written."""
    columns = len(views[0].columns)
    width = columns * _CELL + (columns - 1) * _GAP + 2 * _MARGIN
    note = textwrap.wrap(NOTE, int(_LETTERS_AN_INCH * (width - 2 * _MARGIN)))
    head = _MARGIN + _TITLE + len(note) * _LINE + _BETWEEN
    sheet = Sheet(width, head + sum(_height(view) + _BETWEEN for view in views) + _MARGIN)
    sheet.write(_MARGIN, _MARGIN, title, fontsize=11.5, color=INK, fontweight="bold")
    sheet.write(_MARGIN, _MARGIN + _TITLE, "\n".join(note), fontsize=8.5, color=MUTED, linespacing=1.25)
    top = head
    for view in views:
        for place, column in enumerate(view.columns):
            _draw(sheet, view, column, _MARGIN + place * (_CELL + _GAP), top)
        top += _height(view) + _BETWEEN
    sheet.save(path)


def _height(view: View) -> float:
    return 2 * _CAPTION + _whole(view) + sum(_GAP + height for height in _small_rows(view))


def _whole(view: View) -> float:
    height, width = view.columns[0].image.shape[:2]
    return _CELL * height / width


def _small_rows(view: View) -> list[float]:
    """Heights of the rows below a whole, two pictures a row: crops, and behind them the map."""
    heights = [_CROP] * len(regions(view)) + [_CROP * _whole(view) / _CELL]
    return [max(heights[place : place + 2]) for place in range(0, len(heights), 2)]


def _draw(sheet: Sheet, view: View, column: Column, left: float, top: float) -> None:
    """One column of a picture, from top to bottom."""
    if column is view.columns[0]:
        about = f"{view.name} ({view.condition}): {region_words(view)}"
        sheet.write(left, top, about, fontsize=8.5, color=MUTED)
    top += _CAPTION
    sheet.write(left, top, column.name, fontsize=8.5, color=INK, fontweight="bold")
    if column.quality is not None:
        sheet.write(left + _CELL, top, f"Q {column.quality:.1f}", fontsize=8.5, color=INK, ha="right")
    top += _CAPTION
    sheet.show(left, top, _CELL, _whole(view), framed(view, column.image))
    top += _whole(view) + _GAP
    small = [(crop(column.image, region, color), _CROP) for region, color in regions(view)]
    if column.differences is not None:
        small.append((difference_map(column.differences), _CROP * _whole(view) / _CELL))
    for place, (image, height) in enumerate(small):
        below = sum(row + _GAP for row in _small_rows(view)[: place // 2])
        sheet.show(left + place % 2 * (_CROP + _GAP), top + below, _CROP, height, image)

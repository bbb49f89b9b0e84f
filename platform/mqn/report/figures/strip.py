"""Pictures of several methods beside each other, whole and cropped, as PNG and as sections of a page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle

from mqn.look import blocks
from mqn.look.canvas import NOTE_LETTERS_AN_INCH
from mqn.look.encoding import encode, fit
from mqn.look.palette import INK, MUTED, SERIES
from mqn.look.sheet import Sheet
from mqn.report.figures.crops import Crop

_CELL, _GAP, _MARGIN = 2.3, 0.08, 0.16
_TITLE, _NOTE_LINE, _HEAD, _NAME, _CAPTION, _BELOW = 0.36, 0.155, 0.24, 0.2, 0.2, 0.14
_FRAME = SERIES[1]
_JPEG_SIDE = 420
_CARD = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One picture by every method: a row of whole pictures, and below it a row of crops.

    Attributes:
        name: what is seen.
        images: one a column, (H, W, 3), display-referred, in [0, 1], all of one size.
        captions: a line below each whole picture; may be empty.
        crop: what is shown larger; a frame marks it in the whole pictures.
    """

    name: str
    images: tuple[np.ndarray, ...]
    captions: tuple[str, ...]
    crop: Crop

    @property
    def crop_words(self) -> str:
        """Where the crop lies."""
        return f"crop of {self.crop.size} x {self.crop.size} pixels at {self.crop.x}, {self.crop.y}"


def write_strips(path: Path, title: str, note: str, columns: Sequence[str], strips: Sequence[Strip]) -> None:
    """Draw strips one below the other.

    Args:
        path: the .png file.
        title: its heading.
        note: what a reader must know, below the heading.
        columns: names of the columns.
        strips: with an image for each column.

    Raises:
        UsageError: the file cannot be written.
    """
    width = len(columns) * _CELL + (len(columns) - 1) * _GAP + 2 * _MARGIN
    lines = textwrap.wrap(note, int(NOTE_LETTERS_AN_INCH * width))
    tall = [_CELL * strip.images[0].shape[0] / strip.images[0].shape[1] for strip in strips]
    head = _TITLE + _NOTE_LINE * len(lines) + _HEAD
    height = head + sum(_NAME + whole + _CAPTION + _CELL + _BELOW for whole in tall) + _MARGIN
    sheet = Sheet(width, height)
    sheet.write(_MARGIN, 0.12, title, fontsize=11.5, color=INK, fontweight="bold")
    sheet.write(_MARGIN, _TITLE, "\n".join(lines), fontsize=8.5, color=MUTED)
    places = [_MARGIN + column * (_CELL + _GAP) for column in range(len(columns))]
    for x, column in zip(places, columns, strict=True):
        sheet.write(x, head - 0.19, column, fontsize=9.5, color=INK, fontweight="bold")
    down = head
    for strip, whole in zip(strips, tall, strict=True):
        sheet.write(_MARGIN, down + 0.04, f"{strip.name}, {strip.crop_words}", fontsize=7.5, color=MUTED)
        below = down + _NAME + whole + _CAPTION
        for x, image, caption in zip(places, strip.images, strip.captions, strict=True):
            corner = (strip.crop.x - 0.5, strip.crop.y - 0.5)
            frame = Rectangle(corner, strip.crop.size, strip.crop.size, fill=False, edgecolor=_FRAME, lw=1.4)
            sheet.show(x, down + _NAME, _CELL, whole, image).add_patch(frame)
            sheet.write(x, down + _NAME + whole + 0.03, caption, fontsize=8.5, color=INK)
            sheet.show(x, below, _CELL, _CELL, strip.crop.of(image))
        down = below + _CELL + _BELOW
    sheet.save(path)


def strip_sections(columns: Sequence[str], strips: Sequence[Strip]) -> list[blocks.Section]:
    """The same as sections of a page, one a strip. Arguments are those of `write_strips`."""
    return [
        blocks.Section(
            title=strip.name,
            blocks=(
                blocks.Cards(
                    width=_CARD,
                    cards=(
                        _card(
                            columns,
                            [_framed(image, strip.crop) for image in strip.images],
                            strip.captions,
                            "whole picture",
                        ),
                        _card(columns, [strip.crop.of(image) for image in strip.images], None, strip.crop_words),
                    ),
                ),
            ),
        )
        for strip in strips
    ]


def _card(
    columns: Sequence[str], images: Sequence[np.ndarray], captions: Sequence[str] | None, name: str
) -> blocks.Card:
    told = [": ".join(filter(None, pair)) for pair in zip(columns, captions or [""] * len(columns), strict=True)]
    pictures = (
        blocks.Picture(encode(fit(image, _JPEG_SIDE)), words) for image, words in zip(images, told, strict=True)
    )
    return blocks.Card(pictures=tuple(pictures), name=name)


def _framed(image: np.ndarray, crop: Crop) -> np.ndarray:
    """A copy that fits a page, with a line of two pixels around a crop."""
    import cv2
    from matplotlib.colors import to_rgb

    shown = np.ascontiguousarray(fit(np.clip(image, 0, 1), _JPEG_SIDE))
    factor = shown.shape[1] / image.shape[1]
    left, top, right, bottom = (round(factor * end) for end in (crop.x, crop.y, crop.x + crop.size, crop.y + crop.size))
    return np.asarray(cv2.rectangle(shown, (left, top), (right, bottom), to_rgb(_FRAME), 2))

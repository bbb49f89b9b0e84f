"""A gallery as an HTML page: a section for each picture, a card for the wholes, the crops, and the maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mqn.look.blocks import Card, Cards, Links, Picture, Scale, Section, Text
from mqn.look.encoding import encode
from mqn.look.page import render, write_page
from mqn.scoring.gallery.drawing import BRIGHTEST, NOTE, OVER, crop, difference_map, framed, region_words, regions
from mqn.scoring.gallery.views import Column, View

_ONE_A_ROW = 1000  # Pixels; two cards beside each other would need twice that.


def write_gallery_page(views: Sequence[View], path: Path, title: str) -> None:
    """Write the page, with all its pictures in it. Raises `UsageError` if the file cannot be written."""
    anchors = [f"p{place}" for place in range(len(views))]
    intro = (
        Text(NOTE),
        Scale("Visible differences: 1, just noticeable", f"{BRIGHTEST:g} or more"),
        Links(tuple((anchor, view.name) for anchor, view in zip(anchors, views, strict=True))),
    )
    sections = [_section(view, anchor) for view, anchor in zip(views, anchors, strict=True)]
    write_page(path, render(title, intro, sections))


def _section(view: View, anchor: str) -> Section:
    wholes = [(column, framed(view, column.image)) for column in view.columns]
    cards = [_card("the whole", wholes)]
    for region, color in regions(view):
        words = "over-exposed" if color == OVER else "under-exposed"
        crops = [(column, crop(column.image, region, color)) for column in view.columns]
        cards.append(_card(f"where the input is {words}", crops))
    # Input and truth once more, so that the maps stand below their networks.
    maps = [(c, c.image if c.differences is None else difference_map(c.differences)) for c in view.columns]
    cards.append(_card("visible differences from the truth", maps))
    blocks = (Text(f"{view.condition}: {region_words(view)}"), Cards(cards=tuple(cards), width=_ONE_A_ROW))
    return Section(title=view.name, blocks=blocks, anchor=anchor)


def _card(name: str, images: Sequence[tuple[Column, np.ndarray]]) -> Card:
    return Card(name=name, pictures=tuple(Picture(encode(image), _caption(column)) for column, image in images))


def _caption(column: Column) -> str:
    return column.name if column.quality is None else f"{column.name}: Q {column.quality:.1f}"

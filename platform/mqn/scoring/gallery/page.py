"""A gallery as an HTML page: a section for each picture, a card for each way to see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mqn.look.blocks import Card, Cards, Links, Picture, Scale, Section, Text
from mqn.look.encoding import encode
from mqn.look.page import render, write_page
from mqn.scoring.gallery.drawing import BRIGHTEST, NOTE, OVER, crop, difference_map, framed, region_words, regions
from mqn.scoring.gallery.views import Column, View


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
    words = region_words(view)
    cards = tuple(
        Card(
            pictures=tuple(_pictures(view, column)),
            name=column.name,
            lead="" if column.quality is None else f"Q {column.quality:.1f}",
        )
        for column in view.columns
    )
    blocks = (Text(f"{view.condition}: {words}"), Cards(cards=cards))
    return Section(title=view.name, blocks=blocks, anchor=anchor)


def _pictures(view: View, column: Column) -> Iterator[Picture]:
    yield Picture(encode(framed(view, column.image)), "whole")
    for region, color in regions(view):
        words = "over-exposed" if color == OVER else "under-exposed"
        yield Picture(encode(crop(column.image, region, color)), words)
    if column.differences is not None:
        yield Picture(encode(difference_map(column.differences)), "visible differences")

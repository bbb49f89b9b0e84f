"""A dataset's contact sheet as a page: figures, pictures, and files that were left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mqn.data.inspection.sheet import NOTE, Group, Tile
from mqn.data.inspection.summary import SplitSummary, Summary
from mqn.errors import PictureError
from mqn.hdr.decoding.notes import grouped
from mqn.look.blocks import Bars, Block, Card, Cards, Cell, Facts, Picture, Row, Section, Table, Text
from mqn.look.encoding import encode
from mqn.look.page import render, write_page

_TITLES = ("", "pictures", "sources", "log10 dynamic range, least / median / most", "operators shown", "camera inputs")


def write(path: Path, groups: Sequence[Group], summary: Summary) -> None:
    """Write a page with the groups from top to bottom; raises `PictureError` if it cannot be written."""
    origin = Facts((("folder", str(summary.folder)), ("made from", summary.made_from), ("hash", summary.hash)))
    sections = [
        Section(title="Splits", blocks=tuple(_figures(summary))),
        *(
            Section(
                title=f"{name}: decades of dynamic range",
                blocks=(Bars(tuple(split.dynamic_range_counts.items())),),
                wide=False,
            )
            for name, split in summary.splits.items()
            if split.dynamic_range_counts
        ),
        *(Section(title=group.title, blocks=(_cards(group),)) for group in groups),
        _left_out(summary),
    ]
    write_page(path, render(summary.folder.name, [origin], sections), PictureError)


def _figures(summary: Summary) -> Iterator[Block]:
    rows = tuple(Row(cells=tuple(_cells(name, split))) for name, split in summary.splits.items())
    yield Table(head=tuple(Cell(text=title) for title in _TITLES), rows=rows)
    if summary.damaged:
        yield Text(f"damaged: {', '.join(summary.damaged)}", tone="bad")
    if summary.beside_manifest:
        yield Text(f"HDR files that do not stand in the folder's manifest: {summary.beside_manifest}")
    if summary.negative_values:
        count = sum(summary.negative_values.values())
        yield Text(f"Values that were negative and are 0: {count}, in pictures: {len(summary.negative_values)}")
    yield Text(NOTE)
    yield from (Text(line) for line in grouped(summary.notes))


def _cells(name: str, split: SplitSummary) -> Iterator[Cell]:
    ranges = " / ".join(f"{value:.2f}" for value in split.dynamic_range_log10) or "unknown"
    counts = (_counts(split.operators), _counts(split.camera_inputs))
    yield from (Cell(text=text) for text in (name, str(split.pictures), str(split.sources), ranges, *counts))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _cards(group: Group) -> Cards:
    width = max((sum(image.shape[1] for image in tile.images) for tile in group.tiles), default=0)
    return Cards(cards=tuple(map(_card, group.tiles)), width=width)


def _card(tile: Tile) -> Card:
    return Card(pictures=tuple(Picture(encode(image)) for image in tile.images), name=tile.caption)


def _left_out(summary: Summary) -> Section:
    if not summary.skipped:
        return Section(title="Nothing was left out", blocks=())
    rows = tuple(
        Row(cells=(Cell(text=name), Cell(text=reason, kind="long"))) for name, reason in summary.skipped.items()
    )
    table = Table(head=(Cell(text="file"), Cell(text="reason")), rows=rows)
    return Section(title=f"{len(summary.skipped)} files were left out", blocks=(table,))

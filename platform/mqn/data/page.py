"""Contact sheets as one HTML file: the figures of a dataset, its pictures, what was left out. Needs nothing else."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mqn.data.sheet import Section, Tile, encode_jpeg
from mqn.hdr.notes import grouped
from mqn.page_policy import policy

if TYPE_CHECKING:
    from mqn.data.inspect import SplitSummary, Summary

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bar: #4a7fb5; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1240px; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem } h2 { font-size: 1.05rem; margin: 2rem 0 .6rem }
code { font-size: .85em; overflow-wrap: anywhere } .warning { color: #b3261e }
table { border-collapse: collapse } th, td { text-align: left; padding: .25rem 1.2rem .25rem 0; vertical-align: top }
th { font-weight: 600 } tr + tr { border-top: 1px solid var(--line) }
.bars { display: grid; grid-template-columns: 5rem 1fr 4rem; gap: .2rem .6rem; max-width: 34rem; align-items: center }
.bars i { background: var(--bar); height: .8rem; border-radius: 2px }
.tiles { display: flex; flex-wrap: wrap; gap: 14px } figure { margin: 0 }
figure div { display: flex; gap: 2px } img { display: block; border-radius: 2px }
figcaption { font-size: .78rem; opacity: .8; overflow-wrap: anywhere; margin-top: .2rem }
"""


def write(path: Path, sections: Sequence[Section], summary: Summary) -> None:
    """Write a page.

    Args:
        path: an .html file in an existing folder.
        sections: of pictures, from top to bottom.
        summary: the figures over them.

    Raises:
        OSError: it cannot be written.
    """
    place = html.escape(str(summary.folder))
    body = [
        f"<h1>{html.escape(summary.folder.name)}</h1>",
        f"<p><code>{place}</code><br>made from <code>{html.escape(summary.made_from)}</code>"
        f"<br>hash <code>{summary.hash}</code></p>",
        _figures(summary),
        *(_distribution(name, split) for name, split in summary.splits.items() if split.dynamic_range_counts),
        *map(_section, sections),
        _left_out(summary),
    ]
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{policy()}'
        f"<title>{html.escape(summary.folder.name)}</title>"
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>{"".join(body)}</html>\n'
    )
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


def _figures(summary: Summary) -> str:
    rows = []
    for name, split in summary.splits.items():
        ranges = " / ".join(f"{value:.2f}" for value in split.dynamic_range_log10) or "unknown"
        cells = [
            str(split.pictures),
            str(split.sources),
            ranges,
            _counts(split.operators),
            _counts(split.camera_inputs),
        ]
        rows.append(f"<tr><th>{name}</th>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}</tr>")
    titles = (
        "",
        "pictures",
        "sources",
        "log10 dynamic range, least / median / most",
        "operators shown",
        "camera inputs",
    )
    notes = []
    if summary.damaged:
        notes.append(f'<p class="warning">damaged: {html.escape(", ".join(summary.damaged))}</p>')
    if summary.beside_manifest:
        notes.append(f"<p>HDR files that do not stand in the folder's manifest: {summary.beside_manifest}</p>")
    if summary.negative_values:
        count = sum(summary.negative_values.values())
        notes.append(
            f"<p>Values that were negative and are 0: {count}, in pictures: {len(summary.negative_values)}</p>"
        )
    notes += [f"<p>{html.escape(line)}</p>" for line in grouped(summary.notes)]
    head = "".join(f"<th>{title}</th>" for title in titles)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>{''.join(notes)}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _distribution(name: str, split: SplitSummary) -> str:
    most = max(split.dynamic_range_counts.values())
    bars = "".join(
        f'<span>{html.escape(label)}</span><i style="width:{100 * count / most:.1f}%"></i><span>{count}</span>'
        for label, count in split.dynamic_range_counts.items()
    )
    return f'<h2>{name}: decades of dynamic range</h2><div class="bars">{bars}</div>'


def _section(section: Section) -> str:
    return f'<h2>{html.escape(section.title)}</h2><div class="tiles">{"".join(map(_tile, section.tiles))}</div>'


def _tile(tile: Tile) -> str:
    width = sum(image.shape[1] + 2 for image in tile.images)
    images = "".join(
        f'<img src="{_jpeg(image)}" width="{image.shape[1]}" height="{image.shape[0]}" alt="">' for image in tile.images
    )
    caption = html.escape(tile.caption)
    return f'<figure style="width:{width}px"><div>{images}</div><figcaption>{caption}</figcaption></figure>'


def _jpeg(image: np.ndarray) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(image)).decode()}"


def _left_out(summary: Summary) -> str:
    if not summary.skipped:
        return "<h2>Nothing was left out</h2>"
    rows = "".join(
        f"<tr><td><code>{html.escape(name)}</code></td><td>{html.escape(reason)}</td></tr>"
        for name, reason in summary.skipped.items()
    )
    return f"<h2>{len(summary.skipped)} files were left out</h2><table>{rows}</table>"

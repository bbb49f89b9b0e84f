"""A look at a dataset: counts, dynamic range, and a contact sheet of what a network would be given and asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mqn.data.catalogue import SPLITS
from mqn.data.dataset import Dataset
from mqn.data.pairs import EvaluationPicture, evaluation_pictures
from mqn.hdr.files import write_png
from mqn.hdr.tonemap import mulaw

TILE = 160
CAPTION = 16
SHOWN = 24
"""Pairs of a split that the contact sheet has room for."""

COLUMNS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSummary:
    """One split in figures.

    Attributes:
        pictures: how many.
        sources: how many.
        dynamic_range_log10: least, median and greatest log10 of a picture's 99.9 % point over its 0.1 % point, out of
            those whose 0.1 % point is above 0; empty if there are none.
        operators: how many of its evaluation pictures each LDR operator made.
    """

    pictures: int
    sources: int
    dynamic_range_log10: tuple[float, ...]
    operators: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A dataset in figures.

    Attributes:
        folder: where it lies.
        hash: its content hash.
        made_from: the folder it was prepared from.
        splits: by name.
        skipped: files that could not be used, to the reason.
        beside_manifest: pictures taken that do not stand in the folder's manifest.csv.
        damaged: pictures whose stored pixels are not those that were written.
    """

    folder: Path
    hash: str
    made_from: str
    splits: dict[str, SplitSummary]
    skipped: dict[str, str]
    beside_manifest: int
    damaged: tuple[str, ...]


def inspect(dataset: Dataset, output: Path | str) -> Summary:
    """Sum a dataset up, check its pixels against their hashes, and draw a contact sheet.

    The sheet shows, split by split, pairs spread evenly over the split's names: the LDR picture to the left, the truth
    under the mu-law operator to its right, the name below.

    Args:
        dataset: to look at.
        output: a .png file to write.

    Returns:
        The figures.

    Raises:
        PictureError: the sheet cannot be written.
    """
    summaries: dict[str, SplitSummary] = {}
    sheets = []
    for split in SPLITS:
        entries, pictures = dataset.entries(split), evaluation_pictures(dataset, TILE, split)
        ranges = [entry.dynamic_range_log10 for entry in entries if entry.dynamic_range_log10 is not None]
        summaries[split] = SplitSummary(
            pictures=len(entries),
            sources=len({entry.source for entry in entries}),
            dynamic_range_log10=tuple(round(float(value), 3) for value in np.percentile(ranges, (0, 50, 100)))
            if ranges
            else (),
            operators=dict(sorted(Counter(picture.operator for picture in pictures).items())),
        )
        sheets.append(_sheet(split, pictures))
    write_png(output, np.concatenate(sheets))
    catalogue = dataset.catalogue
    return Summary(
        folder=dataset.folder,
        hash=dataset.hash,
        made_from=catalogue.made_from,
        splits=summaries,
        skipped=catalogue.skipped,
        beside_manifest=catalogue.beside_manifest,
        damaged=tuple(dataset.damaged()),
    )


def _sheet(split: str, pictures: list[EvaluationPicture]) -> np.ndarray:
    chosen = [pictures[i] for i in np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).round().astype(int)]
    shown = f"{split}: {len(chosen)} of {len(pictures)} pictures; left LDR, right truth (mu-law)"
    rows = [_caption(shown, 2 * TILE * COLUMNS, brightness=1.0)]
    for begin in range(0, len(chosen), COLUMNS):
        row = [_tile(picture) for picture in chosen[begin : begin + COLUMNS]]
        blank = np.zeros((TILE + CAPTION, 2 * TILE, 3), np.float32)
        rows.append(np.concatenate(row + [blank] * (COLUMNS - len(row)), axis=1))
    return np.concatenate(rows)


def _tile(picture: EvaluationPicture) -> np.ndarray:
    pair = np.concatenate([picture.ldr, mulaw(picture.truth)], axis=1)
    return np.concatenate([pair, _caption(f"{picture.name} ({picture.operator})", 2 * TILE, brightness=0.7)])


def _caption(text: str, width: int, *, brightness: float) -> np.ndarray:
    # OpenCV's built-in fonts know ASCII only, and draw on 8 bits.
    printable = text.encode("ascii", "replace").decode()
    strip = np.zeros((CAPTION, width, 3), np.uint8)
    color = (round(255 * brightness),) * 3
    return np.asarray(cv2.putText(strip, printable, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.36, color, 1)) / np.float32(
        255
    )

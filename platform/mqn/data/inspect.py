"""A look at a dataset: counts, dynamic range, and a contact sheet of what a network would be given and asked for."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mqn.data import page, sheet
from mqn.data.catalogue import SPLITS, Split
from mqn.data.dataset import Dataset
from mqn.data.pairs import EvaluationPicture, camera_pictures, evaluation_pictures
from mqn.data.sheet import TILE, Section, Tile
from mqn.errors import PictureError
from mqn.hdr.tonemap import mulaw

SHOWN = 18
"""Pictures of a split that a contact sheet has room for, and camera inputs likewise."""

_WRITERS = {
    ".jpg": sheet.write, ".jpeg": sheet.write, ".png": sheet.write, ".html": page.write, ".htm": page.write,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSummary:
    """One split in figures.

    Attributes:
        pictures: how many.
        sources: how many.
        dynamic_range_log10: least, median and greatest log10 of a picture's 99.9 % point over its 0.1 % point, out of
            those whose 0.1 % point is above 0; empty if there are none.
        dynamic_range_counts: how many pictures have so many decades: `1 to 2`; `unknown` where the 0.1 % point is 0.
        operators: how many of the pictures on the sheet each LDR operator made.
        camera_inputs: how many of the camera's own pictures there are, by label.
    """

    pictures: int
    sources: int
    dynamic_range_log10: tuple[float, ...]
    dynamic_range_counts: dict[str, int]
    operators: dict[str, int]
    camera_inputs: dict[str, int]


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
        negative_values: picture to how many values of it were below 0 and are 0 now.
        notes: file to what was converted, cropped or chosen in reading it.
        damaged: pictures and inputs whose stored pixels are not those that were written.
    """

    folder: Path
    hash: str
    made_from: str
    splits: dict[str, SplitSummary]
    skipped: dict[str, str]
    beside_manifest: int
    negative_values: dict[str, int]
    notes: dict[str, tuple[str, ...]]
    damaged: tuple[str, ...]


def inspect(dataset: Dataset, output: Path | str) -> Summary:
    """Sum a dataset up, check its pixels against their hashes, and draw a contact sheet.

    The sheet shows, split by split, pictures spread evenly over the split's names: the LDR picture that an operator
    makes of each, the one that the virtual camera makes, and the truth under the mu-law operator; then camera inputs,
    each beside its truth.

    Args:
        dataset: to look at.
        output: a .jpg, .jpeg or .png file to write, or .html: one file with everything in it, figures too.

    Returns:
        The figures.

    Raises:
        PictureError: another suffix, or the sheet cannot be written.
    """
    output = Path(output)
    write = _WRITERS.get(output.suffix.lower())
    if write is None:
        raise PictureError(f"{output}: a contact sheet is {', '.join(_WRITERS)} by its suffix")
    summaries: dict[str, SplitSummary] = {}
    sections: list[Section] = []
    for split in SPLITS:
        synthetic = _synthetic(dataset, split)
        summaries[split] = _summarize(dataset, split, [operator for _, operator in synthetic])
        total = dataset.count(split)
        title = f"{split}: {len(synthetic)} of {total} pictures; LDR by an operator, LDR by the virtual camera, truth"
        sections.append(Section(title=title, tiles=tuple(tile for tile, _ in synthetic)))
        camera = _camera(dataset, split)
        if camera:
            title = f"{split}: {len(camera)} of {len(dataset.inputs(split))} camera inputs, each beside its truth"
            sections.append(Section(title=title, tiles=camera))
    catalogue = dataset.catalogue
    summary = Summary(
        folder=dataset.folder,
        hash=dataset.hash,
        made_from=catalogue.made_from,
        splits=summaries,
        skipped=catalogue.skipped,
        beside_manifest=catalogue.beside_manifest,
        negative_values=catalogue.negative_values,
        notes=catalogue.notes,
        damaged=tuple(dataset.damaged()),
    )
    try:
        write(output, sections, summary)
    except OSError as error:
        raise PictureError(f"{output}: cannot be written: {error.strerror or error}") from error
    return summary


def _summarize(dataset: Dataset, split: Split, operators: Sequence[str]) -> SplitSummary:
    entries = dataset.entries(split)
    known = sorted(entry.dynamic_range_log10 for entry in entries if entry.dynamic_range_log10 is not None)
    decades = Counter(math.floor(value) for value in known)
    span = range(min(decades), max(decades) + 1) if decades else range(0)
    counts = {f"{low} to {low + 1}": decades[low] for low in span}
    unknown = len(entries) - len(known)
    return SplitSummary(
        pictures=len(entries),
        sources=len({entry.source for entry in entries}),
        dynamic_range_log10=tuple(round(float(value), 3) for value in np.percentile(known, (0, 50, 100)))
        if known
        else (),
        dynamic_range_counts=counts | ({"unknown": unknown} if unknown else {}),
        operators=dict(sorted(Counter(operators).items())),
        camera_inputs=dict(sorted(Counter(entry.label for entry in dataset.inputs(split)).items())),
    )


def _synthetic(dataset: Dataset, split: Split) -> list[tuple[Tile, str]]:
    """Tiles of a split's pictures, and the operator of each."""
    shown = dataset.reduced_to([dataset.names(split)[index] for index in _spread(dataset.count(split))])
    by_operator = evaluation_pictures(shown, TILE, split)
    by_camera = evaluation_pictures(shown, TILE, split, inputs="virtual")
    return [
        (Tile(caption=f"{one.name} ({one.operator})", images=(one.ldr, other.ldr, mulaw(one.truth))), one.operator)
        for one, other in zip(by_operator, by_camera, strict=True)
    ]


def _camera(dataset: Dataset, split: Split) -> tuple[Tile, ...]:
    pictures = camera_pictures(dataset, split)
    return tuple(_camera_tile(pictures[index]) for index in _spread(len(pictures)))


def _camera_tile(picture: EvaluationPicture) -> Tile:
    height, width = picture.ldr.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    squares = (image[top : top + side, left : left + side] for image in (picture.ldr, mulaw(picture.truth)))
    images = tuple(np.asarray(cv2.resize(square, (TILE, TILE), interpolation=cv2.INTER_AREA)) for square in squares)
    return Tile(caption=f"{picture.name} ({picture.operator})", images=images)


def _spread(count: int) -> list[int]:
    """Indices spread evenly over so many, the first and the last among them."""
    places = np.linspace(0, count - 1, min(SHOWN, count)).round().astype(int)
    return [int(place) for place, _ in itertools.groupby(places)]

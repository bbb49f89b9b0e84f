"""Inspects a dataset: counts, dynamic range, and a contact sheet of inputs and truths."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mqn.data.dataset import Dataset
from mqn.data.inspection import page, sheet
from mqn.data.inspection.sheet import TILE, Group, Tile
from mqn.data.inspection.summary import SplitSummary, Summary
from mqn.data.pairs.evaluation import EvaluationPicture, camera_pictures, evaluation_pictures
from mqn.data.storage.catalogue import SPLITS, Split
from mqn.errors import PictureError
from mqn.hdr.beside import exposure_beside, shown_beside

SHOWN = 18
"""Most pictures of a split on a contact sheet, and most camera inputs."""

_WRITERS = {
    ".jpg": sheet.write, ".jpeg": sheet.write, ".png": sheet.write, ".html": page.write, ".htm": page.write,
}  # fmt: skip


def inspect(dataset: Dataset, output: Path | str) -> Summary:
    """Summarise a dataset, check its pixels against their hashes, and draw a contact sheet.

    The sheet shows pictures of each split, spread evenly over their names. Each picture has three tiles: the LDR
    picture that an operator makes of it, the one that the virtual camera makes, and the truth, as bright as the first
    (`mqn.hdr.beside`). Camera inputs follow, each beside its truth.

    Args:
        dataset: the dataset to inspect.
        output: the .jpg, .jpeg, .png or .html file to write; a page shows the figures too.

    Raises:
        PictureError: another suffix, or the sheet cannot be written.
    """
    output = Path(output)
    write = _WRITERS.get(output.suffix.lower())
    if write is None:
        raise PictureError(f"{output}: a contact sheet is {', '.join(_WRITERS)} by its suffix")
    summaries: dict[str, SplitSummary] = {}
    groups: list[Group] = []
    for split in SPLITS:
        synthetic = _synthetic(dataset, split)
        summaries[split] = _summarize(dataset, split, [operator for _, operator in synthetic])
        total = dataset.count(split)
        title = f"{split}: {len(synthetic)} of {total} pictures; LDR by an operator, LDR by the virtual camera, truth"
        groups.append(Group(title=title, tiles=tuple(tile for tile, _ in synthetic)))
        camera = _camera(dataset, split)
        if camera:
            title = f"{split}: {len(camera)} of {len(dataset.inputs(split))} camera inputs, each beside its truth"
            groups.append(Group(title=title, tiles=camera))
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
    write(output, groups, summary)
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
        (
            Tile(caption=f"{one.name} ({one.operator})", images=(one.ldr, other.ldr, _truth(one.ldr, one.truth))),
            one.operator,
        )
        for one, other in zip(by_operator, by_camera, strict=True)
    ]


def _camera(dataset: Dataset, split: Split) -> tuple[Tile, ...]:
    pictures = camera_pictures(dataset, split)
    return tuple(_camera_tile(pictures[index]) for index in _spread(len(pictures)))


def _camera_tile(picture: EvaluationPicture) -> Tile:
    height, width = picture.ldr.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    shown = (picture.ldr, _truth(picture.ldr, picture.truth))
    squares = (image[top : top + side, left : left + side] for image in shown)
    images = tuple(np.asarray(cv2.resize(square, (TILE, TILE), interpolation=cv2.INTER_AREA)) for square in squares)
    return Tile(caption=f"{picture.name} ({picture.operator})", images=images)


def _truth(ldr: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return shown_beside(truth, exposure_beside(ldr, truth))


def _spread(count: int) -> list[int]:
    """Indices spread evenly from the first to the last."""
    places = np.linspace(0, count - 1, min(SHOWN, count)).round().astype(int)
    return [int(place) for place, _ in itertools.groupby(places)]

"""What became of a preparation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from mqn.data.storage.catalogue import SPLITS, Catalogue


class Skipped(NamedTuple):
    """A file that could not be used."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a preparation came to.

    Attributes:
        folder, hash: where the dataset lies, and its content hash.
        counts, inputs, sources: split to pictures, to the camera's own pictures of them, and to sources.
        skipped: every file that could not be used, with the reason.
        beside_manifest: pictures taken that do not stand in the folder's manifest.csv.
        negative_values: values below 0 that are 0 now, in all pictures together.
        notes: file to what was converted, cropped or chosen in reading it.
    """

    folder: str
    hash: str
    counts: dict[str, int]
    inputs: dict[str, int]
    sources: dict[str, int]
    skipped: tuple[Skipped, ...]
    beside_manifest: int
    negative_values: int
    notes: dict[str, tuple[str, ...]]


def report_of(place: str, catalogue: Catalogue) -> Report:
    """What a written dataset says of its preparation."""
    return Report(
        folder=place,
        hash=catalogue.hash,
        counts={split: sum(entry.split == split for entry in catalogue.pictures) for split in SPLITS},
        inputs={split: sum(entry.split == split for entry in catalogue.inputs) for split in SPLITS},
        sources={split: len({e.source for e in catalogue.pictures if e.split == split}) for split in SPLITS},
        skipped=tuple(Skipped(file, reason) for file, reason in sorted(catalogue.skipped.items())),
        beside_manifest=catalogue.beside_manifest,
        negative_values=sum(catalogue.negative_values.values()),
        notes=catalogue.notes,
    )

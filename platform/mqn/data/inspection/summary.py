"""A dataset in figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSummary:
    """One split in figures.

    Attributes:
        pictures, sources: how many.
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
        skipped: file that could not be used to the reason.
        beside_manifest: how many pictures are not listed in the folder's manifest.csv.
        negative_values: picture to how many of its values were negative and were set to 0.
        notes: file to what was converted, cropped or chosen in reading it.
        damaged: pictures and inputs whose stored pixels have changed.
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

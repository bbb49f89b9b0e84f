"""The record of a prepared dataset: what `dataset.json` holds, beside one blob of pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mqn.parsing import content_hash

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")
Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with how many pictures are done, how many there are, and what is being worked on."""

FORMAT = 1
CATALOGUE = "dataset.json"
PICTURES = "pictures.npy"
"""One array of float16 values, picture after picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One picture of a dataset.

    Attributes:
        name: its path in the folder it came from, with `/`.
        source: what it shows: pictures of one place, or views of one panorama, share it and never the split's border.
        split: `train` or `val`.
        height: pixels, as stored.
        width: pixels, as stored.
        offset: of its first value in the blob, in values.
        scale: a power of 2; a value of the file (after downscaling) is the stored one times this.
        dynamic_range_log10: log10 of the 99.9 % point over the 0.1 % point of its luminance; None where the latter
            is 0, which is no measurement but a camera's or a merger's black.
        file_sha256: of the file; empty for procedural scenes.
        sha256: of the stored values.
    """

    name: str
    source: str
    split: Split
    height: int
    width: int
    offset: int
    scale: float
    dynamic_range_log10: float | None
    file_sha256: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What `dataset.json` holds.

    Attributes:
        format: of the files; `FORMAT`.
        made_from: the folder, or `procedural scenes`.
        side: pixels that the shorter side was brought down to.
        hash: of names, sources, splits and stored values, wherever the dataset lies.
        pictures: sorted by name.
        skipped: files that could not be used, to the reason.
        beside_manifest: how many pictures lie in the folder without standing in its manifest.csv; they are taken up.
        negative_values: picture name to how many values of it were below 0 and are 0 now.
    """

    format: int
    made_from: str
    side: int
    hash: str
    pictures: tuple[Entry, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    beside_manifest: int = 0
    negative_values: dict[str, int] = field(default_factory=dict)


def hash_entries(pictures: Iterable[Entry]) -> str:
    """The content hash of a dataset: the same pictures in the same splits have the same, wherever they lie."""
    return content_hash([(entry.name, entry.source, entry.split, entry.sha256) for entry in pictures])

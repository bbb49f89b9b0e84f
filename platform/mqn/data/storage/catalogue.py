"""The record of a prepared dataset: what `dataset.json` holds, beside the blobs of pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mqn.parsing import content_hash

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")
Progress: TypeAlias = Callable[[int, int, str], None]
"""Called with how many pictures are done, how many there are, and what was done last (nothing yet: empty)."""

FORMAT = 2
CATALOGUE = "dataset.json"
PICTURES = "pictures.npy"
"""One array of float16 values, picture after picture."""
INPUTS = "inputs.npy"
"""One array of 8-bit code values, camera input after camera input; absent where a dataset has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One picture of a dataset.

    Attributes:
        name: its path in the folder it came from, with `/`.
        source: what it shows: pictures of one place, or views of one panorama, share it and never the split's border.
        split: `train` or `val`.
        height, width: pixels, as stored.
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
class InputEntry:
    """A camera's own 8-bit picture of what one of the dataset's pictures shows.

    Attributes:
        name: its path in the folder it came from, with `/`.
        picture: the name of the picture that is its truth.
        label: what stands behind `__` in the name of its file (`ev0`, `under`, `over`, ...), else `camera`.
        split, source: the picture's.
        height, width: pixels, the picture's.
        offset: of its first value in the blob of inputs, in values.
        file_sha256: of the file.
        sha256: of the stored code values.
    """

    name: str
    picture: str
    label: str
    split: Split
    source: str
    height: int
    width: int
    offset: int
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
        inputs: the camera's own pictures of them, in the order of the pictures and, within one, of its manifest.
        skipped: files that could not be used, to the reason.
        beside_manifest: how many pictures lie in the folder without standing in its manifest.csv; they are taken up.
        negative_values: picture name to how many values of it were below 0 and are 0 now.
        notes: file to what was converted, cropped or chosen in reading it; inputs too.
        published: the public dataset's name in `mqn data list`, where `mqn data fetch` brought the folder.
    """

    format: int
    made_from: str
    side: int
    hash: str
    pictures: tuple[Entry, ...]
    inputs: tuple[InputEntry, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    beside_manifest: int = 0
    negative_values: dict[str, int] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    published: str = ""


def hash_entries(pictures: Iterable[Entry], inputs: Iterable[InputEntry]) -> str:
    """The content hash of a dataset: the same pictures in the same splits have the same, wherever they lie."""
    return content_hash(
        {
            "pictures": [(entry.name, entry.source, entry.split, entry.sha256) for entry in pictures],
            "inputs": [(entry.name, entry.picture, entry.label, entry.sha256) for entry in inputs],
        }
    )

"""The pictures that methods are judged on: a record that every process opens for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mqn.errors import EmptyDatasetError
from mqn.parsing import content_hash

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.data.pairs.evaluation import EvaluationPicture
    from mqn.data.storage.catalogue import Split

Inputs = Literal["operators", "virtual", "camera"]
INPUTS: tuple[Inputs, ...] = ("operators", "virtual", "camera")
SIZE = 256
"""Default side of the pictures, in pixels."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a picture before it is decoded: name, source (what it was cut from), and size in pixels."""

    name: str
    source: str
    height: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSet:
    """A fixed set of LDR and HDR pairs.

    Attributes:
        dataset: a prepared dataset's folder.
        hash: the dataset's hash.
        split: `train` or `val`.
        inputs: what made the LDR pictures: the paper's `operators`, the `virtual` camera, or the `camera` that the HDR
            pictures come from.
        size: side in pixels of the squares; None for `camera`, whose pictures keep the size that they are stored in.
    """

    dataset: Path
    hash: str
    split: Split = "val"
    inputs: Inputs = "operators"
    size: int | None = SIZE

    @property
    def key(self) -> str:
        """Identify the set independently of where its dataset lies: 16 hexadecimal digits."""
        return content_hash([self.hash, self.split, self.inputs, self.size])[:16]

    def open(self) -> Callable[[int], EvaluationPicture]:
        """Return a function that makes the pair of an index; raises `DataError` if the dataset is damaged."""
        from mqn.data.pairs.evaluation import camera_pictures, evaluation_picture

        dataset, inputs = self._opened(), self.inputs
        if inputs == "camera":
            return camera_pictures(dataset, self.split).__getitem__
        return lambda index: evaluation_picture(dataset, index, self.size or SIZE, self.split, inputs)

    def listing(self) -> list[Listed]:
        """List the pictures without decoding them.

        Raises:
            EmptyDatasetError: the set is empty; says what to do.
            DataError: the dataset is damaged.
        """
        dataset = self._opened()
        if self.inputs == "camera":
            pictures = [Listed(e.name, e.source, e.height, e.width) for e in dataset.inputs(self.split)]
            advice = "prepare one whose manifest.csv has a column `ldr`, or use --inputs operators"
        else:
            side = self.size or SIZE
            pictures = [Listed(e.name, e.source, side, side) for e in dataset.entries(self.split)]
            advice = "choose another --split"
        if not pictures:
            raise EmptyDatasetError(
                f"no {self.inputs} pictures in the split {self.split!r} of {self.dataset}; {advice}"
            )
        return pictures

    def _opened(self) -> Dataset:
        from mqn.data.dataset import Dataset

        return Dataset.open(self.dataset)

"""Which pictures are judged upon: a record that every process opens for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mqn.errors import EmptyDatasetError
from mqn.parsing import content_hash

if TYPE_CHECKING:
    from mqn.data.catalogue import Split
    from mqn.data.dataset import Dataset
    from mqn.data.pairs import EvaluationPicture

Inputs = Literal["operators", "virtual", "camera"]
INPUTS: tuple[Inputs, ...] = ("operators", "virtual", "camera")
SIZE = 256
"""Side in pixels of the pictures where nothing else says it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What is known of a picture before it is decoded.

    Attributes:
        name: its own; predictions are named after it.
        source: what it shows.
        height: pixels.
        width: pixels.
    """

    name: str
    source: str
    height: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSet:
    """A fixed set of pairs.

    Attributes:
        dataset: a prepared dataset's folder.
        hash: the dataset's.
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
        """Names the set, wherever its dataset lies: 16 hexadecimal digits."""
        return content_hash([self.hash, self.split, self.inputs, self.size])[:16]

    def open(self) -> Callable[[int], EvaluationPicture]:
        """A function from an index to its pair, which is made when it is asked for.

        Raises:
            DataError: the dataset is damaged.
        """
        from mqn.data.pairs import camera_pictures, evaluation_picture

        dataset, inputs = self._opened(), self.inputs
        if inputs == "camera":
            return camera_pictures(dataset, self.split).__getitem__
        return lambda index: evaluation_picture(dataset, index, self.size or SIZE, self.split, inputs)

    def listing(self) -> list[Listed]:
        """What the set holds, without decoding anything.

        Raises:
            EmptyDatasetError: nothing; says what else there is.
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

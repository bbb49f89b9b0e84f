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
Part = Literal["train", "val", "all"]
PARTS: tuple[Part, ...] = ("train", "val", "all")
"""Which pictures of a dataset: one side of its split, or both, as of a test set that nothing was trained on."""
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
        split: `train`, `val`, or `all` for both.
        inputs: what made the LDR pictures: the paper's `operators`, the `virtual` camera, or the `camera` that the HDR
            pictures come from.
        size: side in pixels of the squares; None for `camera`, whose pictures keep the size that they are stored in.
        limit: only so many of the pictures, spread evenly over them; None: all.
    """

    dataset: Path
    hash: str
    split: Part = "val"
    inputs: Inputs = "operators"
    size: int | None = SIZE
    limit: int | None = None

    @property
    def key(self) -> str:
        """Identify the set independently of where its dataset lies: 16 hexadecimal digits.

        Its `limit` does not count: what was judged of a part is found again for the whole.
        """
        return content_hash([self.hash, self.split, self.inputs, self.size])[:16]

    def open(self) -> Callable[[int], EvaluationPicture]:
        """Return a function that makes the pair of an index; raises `DataError` if the dataset is damaged."""
        from mqn.data.pairs.evaluation import camera_pictures, evaluation_picture

        dataset, inputs = self._opened(), self.inputs
        places = self._places(dataset)
        if inputs == "camera":
            camera = {split: camera_pictures(dataset, split) for split in self._splits}
            return lambda index: camera[places[index][0]][places[index][1]]

        def make(index: int) -> EvaluationPicture:
            split, place = places[index]
            return evaluation_picture(dataset, place, self.size or SIZE, split, inputs)

        return make

    def listing(self) -> list[Listed]:
        """List the pictures without decoding them.

        Raises:
            EmptyDatasetError: the set is empty; says what to do.
            DataError: the dataset is damaged.
        """
        dataset, side = self._opened(), self.size or SIZE
        places = self._places(dataset)
        if self.inputs == "camera":
            inputs = [dataset.inputs(split)[place] for split, place in places]
            pictures = [Listed(e.name, e.source, e.height, e.width) for e in inputs]
            advice = "prepare one whose manifest.csv has a column `ldr`, or use --inputs operators"
        else:
            entries = [dataset.entries(split)[place] for split, place in places]
            pictures = [Listed(e.name, e.source, side, side) for e in entries]
            advice = "choose another --split"
        if not pictures:
            raise EmptyDatasetError(
                f"no {self.inputs} pictures in the split {self.split!r} of {self.dataset}; {advice}"
            )
        return pictures

    @property
    def _splits(self) -> tuple[Split, ...]:
        return ("val", "train") if self.split == "all" else (self.split,)

    def _places(self, dataset: Dataset) -> list[tuple[Split, int]]:
        """Where each picture stands: its split, and its index there."""
        import numpy as np

        listed = dataset.inputs if self.inputs == "camera" else dataset.entries
        places = [(split, index) for split in self._splits for index in range(len(listed(split)))]
        if self.limit is None or self.limit >= len(places):
            return places
        return [places[index] for index in np.linspace(0, len(places) - 1, self.limit).round().astype(int)]

    def _opened(self) -> Dataset:
        from mqn.data.dataset import Dataset

        return Dataset.open(self.dataset)

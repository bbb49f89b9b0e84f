"""Fixed LDR-HDR pairs to judge networks by: functions of the pictures' names alone, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np

from mqn.data.dataset import Dataset
from mqn.data.pairs.crops import centre_crop, seeded
from mqn.data.pairs.synthesis import make_ldr
from mqn.data.pairs.virtual_camera import photograph
from mqn.data.storage.catalogue import Split
from mqn.hdr.codec import picture_scale

_STREAM = 3  # Training draws from the streams 1 and 2 of its seed.

SyntheticInputs = Literal["operators", "virtual"]
"""What makes the LDR pictures that networks are judged by: the paper's operators, or the virtual camera."""

Inputs = Literal["operators", "virtual", "camera"]
"""The same, or the camera's own pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPicture:
    """A fixed pair to judge a network by.

    Attributes:
        name: the picture's, in its dataset.
        source: what it shows; confidence intervals are drawn over sources.
        ldr: (S, S, 3) float32, display-referred code values k / 255.
        truth: (S, S, 3) float32, linear BT.709, 1.0 = its own 99.9 % point; not clipped above.
        operator: what made `ldr`: one of `mqn.data.pairs.synthesis.OPERATORS`, or the virtual camera's name.
    """

    name: str
    source: str
    ldr: np.ndarray
    truth: np.ndarray
    operator: str


def inputs_of(share: float) -> SyntheticInputs:
    """Say which kind of inputs a network knows best; it is judged by these, and shown with these.

    `share`, 0 to 1, is the part of its training inputs that the virtual camera made. From one half on they decide.
    """
    return "virtual" if share >= 0.5 else "operators"


def judged_pictures(dataset: Dataset, size: int, split: Split, inputs: Inputs) -> Sequence[EvaluationPicture]:
    """The fixed pairs of a split that a network is judged by.

    LDR pictures that are made have `size` pixels a side; the camera's own keep their size.
    """
    if inputs == "camera":
        return camera_pictures(dataset, split)
    return evaluation_pictures(dataset, size, split, inputs)


def evaluation_pictures(
    dataset: Dataset, size: int, split: Split = "val", inputs: SyntheticInputs = "operators"
) -> list[EvaluationPicture]:
    """The fixed pairs of a split: the centre square of each picture, by an operator that its name decides.

    Args:
        dataset: where from.
        size: S, pixels of a side.
        split: `val`, or `train` to see how much was learnt by heart.
        inputs: what makes the LDR pictures. The virtual camera uses its parametric curves here, whatever was trained
            with, so that figures of different trainings can be compared.

    Returns:
        One pair a picture, in the dataset's order; the same in every run and on every machine.
    """
    return [evaluation_picture(dataset, index, size, split, inputs) for index in range(dataset.count(split))]


def evaluation_picture(
    dataset: Dataset, index: int, size: int, split: Split = "val", inputs: SyntheticInputs = "operators"
) -> EvaluationPicture:
    """One picture of `evaluation_pictures`."""
    entry = dataset.entries(split)[index]
    crop = centre_crop(dataset.picture(split, index), size)
    name_seed = int.from_bytes(hashlib.sha256(entry.name.encode(errors="surrogateescape")).digest()[:8])
    make = photograph if inputs == "virtual" else make_ldr
    ldr, operator = make(crop, seeded(name_seed, _STREAM))
    truth = crop / np.float32(picture_scale(crop))
    return EvaluationPicture(name=entry.name, source=entry.source, ldr=ldr, truth=truth, operator=operator)


def camera_pictures(dataset: Dataset, split: Split = "val") -> Sequence[EvaluationPicture]:
    """The pairs of a split that a camera made itself: its own 8-bit picture, and the HDR that was merged of its stack.

    There is one pair for each camera input, in the dataset's order. It is decoded when it is asked for. `ldr` and
    `truth` are (H, W, 3), as large as they are stored. `name` is the input's; `operator` is `camera:` and its label
    (`camera:over`).
    """
    return _CameraPictures(dataset, split)


class _CameraPictures(Sequence[EvaluationPicture]):
    def __init__(self, dataset: Dataset, split: Split) -> None:
        self._dataset = dataset
        self._split = split
        self._truths = {name: index for index, name in enumerate(dataset.names(split))}

    def __len__(self) -> int:
        return len(self._dataset.inputs(self._split))

    @overload
    def __getitem__(self, index: int) -> EvaluationPicture: ...
    @overload
    def __getitem__(self, index: slice) -> list[EvaluationPicture]: ...
    def __getitem__(self, index: int | slice) -> EvaluationPicture | list[EvaluationPicture]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        entry = self._dataset.inputs(self._split)[index]
        truth = np.asarray(self._dataset.picture(self._split, self._truths[entry.picture]), np.float32)
        pixels = self._dataset.input_pixels(self._split, index)
        return EvaluationPicture(
            name=entry.name,
            source=entry.source,
            ldr=pixels.astype(np.float32) / np.float32(255),
            truth=truth / np.float32(picture_scale(truth)),
            operator=f"camera:{entry.label}",
        )

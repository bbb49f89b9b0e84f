"""LDR-HDR pairs: random ones to train on, fixed ones to judge by, all of them functions of names and seeds alone.

Scale: a pair's truth is divided by its own `mqn.hdr.codec.picture_scale`, so that 1.0 is the crop's 99.9 % point.
Black crops, which have no scale, are drawn again, up to `REDRAWS` times; after that the crop is taken around the
picture's brightest pixel. An evaluation's centre crop that is black moves there at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, overload

import cv2
import numpy as np

from mqn.data.catalogue import Split
from mqn.data.dataset import Dataset
from mqn.data.representative import representative
from mqn.data.response import Response
from mqn.data.synthesis import make_ldr
from mqn.data.virtual_camera import photograph
from mqn.errors import DataError
from mqn.hdr.codec import picture_scale

SMALLEST_CROP = 0.5
"""Of a picture's shorter side; the largest is the whole of it."""

REDRAWS = 8
_PREVIEWS, _PREVIEW = 64, 32  # Calibration pictures are chosen among this many, looked at in this size.
_PAIR, _ORDER, _EVALUATION = 1, 2, 3

SyntheticInputs = Literal["operators", "virtual"]


def inputs_of(share: float) -> SyntheticInputs:
    """The kind of inputs that a network knows best, and is judged by and shown with.

    Args:
        share: of its training inputs that the virtual camera made, 0 to 1; from one half on they decide.
    """
    return "virtual" if share >= 0.5 else "operators"


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
        operator: what made `ldr`: one of `mqn.data.synthesis.OPERATORS`, or `mqn.data.virtual_camera.OPERATOR`.
    """

    name: str
    source: str
    ldr: np.ndarray
    truth: np.ndarray
    operator: str


class TrainingPairs:
    """Random crops of the training pictures with LDR pictures made of them, the same again for the same seed.

    A pair depends on (seed, picture, epoch) and on nothing else: neither on the batch it is in nor on what was drawn
    before, so that a training that was resumed sees what it would have seen.
    """

    def __init__(
        self,
        dataset: Dataset,
        size: int,
        seed: int,
        *,
        virtual_camera: float = 0.0,
        curves: tuple[Response, ...] = (),
    ) -> None:
        """Look at a dataset's training pictures.

        Args:
            dataset: where from.
            size: S, pixels of a pair's side.
            seed: of crops, flips, operators and order; not negative.
            virtual_camera: the share of pairs whose LDR picture the virtual camera makes, 0 to 1; the others are made
                by the paper's operators.
            curves: measured response curves for the virtual camera; none: its parametric family.
        """
        self._dataset = dataset
        self._size = size
        self._seed = seed
        self._virtual_camera = virtual_camera
        self._curves = curves

    def __len__(self) -> int:
        return self._dataset.count("train")

    def order(self, epoch: int) -> np.ndarray:
        """A permutation of the pictures' indices, another one every epoch."""
        return _generator(self._seed, _ORDER, epoch).permutation(len(self))

    def pair(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray, str]:
        """One pair.

        The crop is a square of 50 to 100 % of the picture's shorter side, uniformly, brought to (S, S) and mirrored
        left to right half of the time. (Not upside down: skies are up, and the network may know.)

        Args:
            epoch: from 0.
            index: of the picture, below `len(self)`.

        Returns:
            LDR (S, S, 3) float32 code values k / 255; truth (S, S, 3) float32, linear BT.709, 1.0 = the crop's own
            99.9 % point, clipped to [0, 1]; the operator's name.
        """
        picture = self._dataset.picture("train", index)
        generator = _generator(self._seed, _PAIR, index, epoch)
        crop = _random_crop(picture, self._size, generator)
        if generator.random() < 0.5:
            crop = crop[:, ::-1]
        crop = np.ascontiguousarray(crop)
        if generator.random() < self._virtual_camera:
            ldr, operator = photograph(crop, generator, self._curves)
        else:
            ldr, operator = make_ldr(crop, generator)
        truth = np.minimum(crop / np.float32(picture_scale(crop)), np.float32(1))
        return ldr, truth, operator

    def batch(self, epoch: int, indices: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pairs of some pictures, channels first.

        Args:
            epoch: from 0.
            indices: B of them, for example a slice of `order(epoch)`.

        Returns:
            LDR (B, 3, S, S) float32 in [0, 1] and truth (B, 3, S, S) float32 in [0, 1], as of `pair`.
        """
        shape = (len(indices), 3, self._size, self._size)
        ldr, truth = np.empty(shape, np.float32), np.empty(shape, np.float32)
        for place, index in enumerate(indices):
            pair = self.pair(epoch, int(index))
            ldr[place], truth[place] = pair[0].transpose(2, 0, 1), pair[1].transpose(2, 0, 1)
        return ldr, truth


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
    """One of `evaluation_pictures`, for those who do not need them all.

    Args:
        dataset: where from.
        index: of the picture, below `dataset.count(split)`.
        size: as of `evaluation_pictures`.
        split: as of `evaluation_pictures`.
        inputs: as of `evaluation_pictures`.
    """
    entry = dataset.entries(split)[index]
    crop = _centre_crop(dataset.picture(split, index), size)
    name_seed = int.from_bytes(hashlib.sha256(entry.name.encode(errors="surrogateescape")).digest()[:8])
    make = photograph if inputs == "virtual" else make_ldr
    ldr, operator = make(crop, _generator(name_seed, _EVALUATION))
    truth = crop / np.float32(picture_scale(crop))
    return EvaluationPicture(name=entry.name, source=entry.source, ldr=ldr, truth=truth, operator=operator)


def calibration_inputs(
    dataset: Dataset,
    size: int,
    count: int,
    seed: int = 0,
    *,
    virtual_camera: float = 0.0,
    curves: tuple[Response, ...] = (),
) -> np.ndarray:
    """LDR inputs as trainings see them, to fix a quantized network's ranges by: dark and bright, of many sources.

    Args:
        dataset: where from; its training split only.
        size: S, pixels of a side.
        count: N; where there are fewer pictures, they come again with other crops.
        seed: which pictures and crops.
        virtual_camera: as of `TrainingPairs`.
        curves: as of `TrainingPairs`.

    Returns:
        (N, S, S, 3) float32 code values k / 255. A smaller N gives the first of them.

    Raises:
        DataError: `count` is below 1.
    """
    if count < 1:
        raise DataError(f"{count} calibration pictures were asked for; at least 1 is needed")
    pairs, previews = (
        TrainingPairs(dataset, side, seed, virtual_camera=virtual_camera, curves=curves) for side in (size, _PREVIEW)
    )
    epochs = -(-max(count, _PREVIEWS) // len(pairs))
    drawn = [(epoch, int(index)) for epoch in range(epochs) for index in pairs.order(epoch)][: max(count, _PREVIEWS)]
    looks = [previews.pair(epoch, index)[0] for epoch, index in drawn]
    # A picture that is the same all over tells nothing: only where there is no other.
    telling = [place for place, look in enumerate(looks) if look.min() < look.max()]
    places = telling if len(telling) >= count else range(len(drawn))
    brightness = [float(looks[place].mean()) for place in places]
    sources = [dataset.sources("train")[drawn[place][1]] for place in places]
    return np.stack([pairs.pair(*drawn[places[one]])[0] for one in representative(brightness, sources, count)])


def _random_crop(picture: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    height, width = picture.shape[:2]
    short = min(height, width)
    for _ in range(REDRAWS):
        side = int(generator.integers(max(round(short * SMALLEST_CROP), 1), short, endpoint=True))
        top, left = generator.integers(height - side, endpoint=True), generator.integers(width - side, endpoint=True)
        crop = _cut(picture, int(top), int(left), side, size)
        if crop.any():
            return crop
    return _bright_crop(picture, size)


def _centre_crop(picture: np.ndarray, size: int) -> np.ndarray:
    height, width = picture.shape[:2]
    side = min(height, width)
    crop = _cut(picture, (height - side) // 2, (width - side) // 2, side, size)
    return crop if crop.any() else _bright_crop(picture, size)


def _bright_crop(picture: np.ndarray, size: int) -> np.ndarray:
    """A square of half the shorter side around the brightest pixel, as near as the border allows."""
    height, width = picture.shape[:2]
    side = max(round(min(height, width) * SMALLEST_CROP), 1)
    row, column = np.unravel_index(int(picture.max(axis=2).argmax()), (height, width))
    top, left = np.clip([row - side // 2, column - side // 2], 0, [height - side, width - side])
    return _cut(picture, int(top), int(left), side, size)


def _cut(picture: np.ndarray, top: int, left: int, side: int, size: int) -> np.ndarray:
    crop = np.asarray(picture[top : top + side, left : left + side], np.float32)
    # Areas average what is shrunk; what is enlarged they would only repeat.
    method = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (size, size), interpolation=method))


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(key[0], spawn_key=key[1:]))


def camera_pictures(dataset: Dataset, split: Split = "val") -> Sequence[EvaluationPicture]:
    """The pairs of a split that a camera made itself: its own 8-bit picture, and the HDR that was merged of its stack.

    Args:
        dataset: where from.
        split: `val`, or `train` to see how much was learnt by heart.

    Returns:
        One pair a camera input, in the dataset's order, decoded when it is asked for: `ldr` and `truth` (H, W, 3) as
        large as they are stored; `name` is the input's, `operator` is `camera:` and its label (`camera:over`).
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


def judged_pictures(dataset: Dataset, size: int, split: Split, inputs: Inputs) -> Sequence[EvaluationPicture]:
    """The fixed pairs of a split that a network is judged by.

    Args:
        dataset: where from.
        size: S, pixels of a side where the LDR pictures are made; the camera's own keep their size.
        split: `val`, or `train` to see how much was learnt by heart.
        inputs: what the LDR pictures are.
    """
    if inputs == "camera":
        return camera_pictures(dataset, split)
    return evaluation_pictures(dataset, size, split, inputs)

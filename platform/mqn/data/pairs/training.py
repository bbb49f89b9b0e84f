"""Random LDR-HDR pairs to train on: functions of seed, picture and epoch alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mqn.data.dataset import Dataset
from mqn.data.pairs.crops import random_crop, seeded
from mqn.data.pairs.response import Response
from mqn.data.pairs.synthesis import make_ldr
from mqn.data.pairs.virtual_camera import photograph
from mqn.hdr.codec import picture_scale

_PAIR, _ORDER = 1, 2  # Streams of a seed; judging uses the third.


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
            virtual_camera: the share of pairs, 0 to 1, whose LDR picture the virtual camera makes. The paper's
                operators make the others.
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
        return seeded(self._seed, _ORDER, epoch).permutation(len(self))

    def pair(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray, str]:
        """One pair, of `epoch` from 0 and the picture of an `index` below `len(self)`.

        The crop is a square of 50 to 100 % of the picture's shorter side, uniformly, brought to (S, S) and mirrored
        left to right half of the time. (Not upside down: skies are up, and the network may know.)

        Returns:
            LDR (S, S, 3) float32 code values k / 255; truth (S, S, 3) float32, linear BT.709, 1.0 = the crop's own 99.9
                %
            point, clipped to [0, 1]; the operator's name.
        """
        picture = self._dataset.picture("train", index)
        generator = seeded(self._seed, _PAIR, index, epoch)
        crop = random_crop(picture, self._size, generator)
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
        """Make the pairs of B pictures, as `pair` does, channels first.

        Returns:
            LDR and truth, (B, 3, S, S) float32 in [0, 1] each.
        """
        shape = (len(indices), 3, self._size, self._size)
        ldr, truth = np.empty(shape, np.float32), np.empty(shape, np.float32)
        for place, index in enumerate(indices):
            pair = self.pair(epoch, int(index))
            ldr[place], truth[place] = pair[0].transpose(2, 0, 1), pair[1].transpose(2, 0, 1)
        return ldr, truth

"""How well a network does on the validation split, cheaply enough for every epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import nn

from mqn.hdr.codec import decode, encode, in_scale
from mqn.metrics.tonemapped import psnr
from mqn.train.arithmetic import Arithmetic
from mqn.train.losses import TrainingLoss

# For a picture that is met exactly: an infinite PSNR would make the mean infinite.
EXACT_DECIBELS = 100.0


class Picture(Protocol):
    """What validation wants of `mqn.data.pairs.evaluation.EvaluationPicture`."""

    @property
    def ldr(self) -> np.ndarray:
        """(S, S, 3) float32 in [0, 1]."""

    @property
    def truth(self) -> np.ndarray:
        """(S, S, 3) float32, linear light, 1.0 = the picture's scale."""


@torch.no_grad()
def validate(
    model: nn.Module, loss: TrainingLoss, pictures: Sequence[Picture], codec: str, arithmetic: Arithmetic
) -> tuple[float, float]:
    """Judge a network as it would be exported: in eval mode, float32.

    Args:
        model: is left in eval mode.
        loss: of the training.
        pictures: at least one.
        codec: of the training.
        arithmetic: says where to compute.

    Returns:
        The mean loss and the mean PSNR-TM in dB, both over pictures.
    """
    model.eval()
    losses, decibels = [], []
    for picture in pictures:
        ldr = arithmetic.place(_batch(picture.ldr))
        output = model(ldr)
        truth = encode(arithmetic.place(_batch(picture.truth)), codec, ldr)
        losses.append(float(loss(output, truth, ldr)["loss"]))
        light = decode(output[0].permute(1, 2, 0).cpu().numpy(), codec, picture.ldr)
        decibels.append(min(psnr(in_scale(light, codec), picture.truth), EXACT_DECIBELS))
    return float(np.mean(losses)), float(np.mean(decibels))


def _batch(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(picture, np.float32)).permute(2, 0, 1).unsqueeze(0)

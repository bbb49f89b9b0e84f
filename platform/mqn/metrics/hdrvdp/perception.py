"""From light to the visual system's response: optics, receptors, adaptation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mqn.metrics.hdrvdp.optics import scatter
from mqn.metrics.hdrvdp.receptors import absorb, respond


@dataclass(frozen=True, slots=True, kw_only=True)
class Percept:
    """A picture as the eye sends it on.

    Attributes:
        response: (H, W) float64, just noticeable differences, about zero.
        adaptation: (H, W) float64, the light that each place is adapted to, cd/m2.
    """

    response: Tensor
    adaptation: Tensor


def perceive(image: np.ndarray, pixels_per_degree: float, device: torch.device) -> Percept:
    """See a picture: (H, W, 3) or (H, W), cd/m2, checked."""
    colour = image.ndim == 3
    planes = np.moveaxis(image, -1, 0) if colour else image[None]
    channels = (scatter(upload(plane, device), pixels_per_degree) for plane in planes)
    long, middle, rods = absorb(channels, colour=colour)
    response = respond(long, middle, rods)
    return Percept(response=response, adaptation=long.add_(middle))


def upload(plane: np.ndarray, device: torch.device) -> Tensor:
    """A plane of a picture, (H, W) of any real dtype, as float64 on a device."""
    return torch.from_numpy(np.array(plane, np.float64)).to(device)

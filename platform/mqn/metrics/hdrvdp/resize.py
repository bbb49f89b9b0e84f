"""Bicubic resizing as MATLAB's `imresize` does it, on which the figures depend."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

_BLOCK = 64


def resize(planes: Tensor, height: int, width: int) -> Tensor:
    """Resize (..., H, W) float64 by bicubic interpolation (Keys 1981, a = -1/2), mirrored at the borders.

    The kernel is widened where planes shrink. Planes that have the size already are returned themselves.
    """
    if planes.shape[-2] != height:
        blocks = _blocks(planes.shape[-2], height, planes.device)
        planes = torch.cat([weights @ planes[..., first:end, :] for first, end, weights in blocks], dim=-2)
    if planes.shape[-1] != width:
        blocks = _blocks(planes.shape[-1], width, planes.device)
        planes = torch.cat([planes[..., first:end] @ weights.T for first, end, weights in blocks], dim=-1)
    return planes


@lru_cache(maxsize=128)
def _blocks(inputs: int, outputs: int, device: torch.device) -> tuple[tuple[int, int, Tensor], ...]:
    """The matrix of one axis, cut into bands of rows without the columns that are zero in them."""
    matrix = _matrix(inputs, outputs)
    blocks = []
    for begin in range(0, outputs, _BLOCK):
        rows = matrix[begin : begin + _BLOCK]
        used = np.flatnonzero(rows.any(0))
        first, end = int(used[0]), int(used[-1]) + 1
        blocks.append((first, end, torch.from_numpy(rows[:, first:end].copy()).to(device)))
    return tuple(blocks)


def _matrix(inputs: int, outputs: int) -> np.ndarray:
    """Weights of every input in every output: (outputs, inputs)."""
    scale = outputs / inputs
    shrink = min(scale, 1.0)
    support = 4 / shrink
    # Centres of the outputs on the axis of the inputs, where input i is at i.
    centres = (np.arange(outputs) + 0.5) / scale - 0.5
    first = np.floor(centres - support / 2)
    indices = first[:, None] + np.arange(math.ceil(support) + 2)
    weights = _cubic(shrink * (centres[:, None] - indices))
    weights /= weights.sum(1, keepdims=True)
    mirrored = np.concatenate([np.arange(inputs), np.arange(inputs)[::-1]])
    matrix = np.zeros((outputs, inputs))
    np.add.at(matrix, (np.arange(outputs)[:, None], mirrored[np.mod(indices, 2 * inputs).astype(int)]), weights)
    return matrix


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))

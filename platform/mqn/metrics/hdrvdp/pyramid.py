"""The steerable pyramid: a picture's bands, each of one scale and orientation, a level at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mqn.metrics.hdrvdp import taps

# Outputs of a row that one product of matrices yields together.
_BLOCK = 16

# Inputs that are laid out for it at a time, 16 MB of them.
_UNFOLDED = 1 << 21


def levels(height: int, width: int) -> int:
    """How many levels of oriented bands a picture has.

    0 where a side is below 17; one more with every doubling of the shorter side: 4 at 256, 6 at 1080.
    """
    count, side = 0, min(height, width)
    while side >= taps.LARGEST:
        count, side = count + 1, side // 2
    return count


def decompose(image: Tensor) -> Iterator[Tensor]:
    """Take a picture apart, from the finest band to the coarsest.

    Correlation with the taps of `mqn.metrics.hdrvdp.taps`, the picture mirrored about the pixels of its border; of a
    level's rows and columns the next one keeps the first, the third and so on.

    Args:
        image: (H, W) float64, at least 17 x 17.

    Yields:
        The high-pass band (1, H, W); each level's oriented bands (4, h, w), halved from level to level (an odd side
        rounded up); the low-pass rest (1, h, w).
    """
    yield correlate(image, taps.high)
    remaining = levels(*image.shape)
    image = correlate(image, taps.low)[0]
    for _ in range(remaining):
        yield correlate(image, taps.oriented)
        image = correlate(image, taps.halving, stride=2)[0]
    yield image[None]


def correlate(image: Tensor, filters: Callable[[], np.ndarray], stride: int = 1) -> Tensor:
    """Correlate a picture, (H, W), with square filters. The picture is mirrored about its border.

    `filters` returns (K, n, n), or (n, n) for K = 1, always the same; n is odd. Both sides are above half of n. A
    `stride` of 2 takes every second row and column, from the first. The result is (K, ceil(H/stride), ceil(W/stride)).
    """
    # Sixteen outputs of a row are the product of the inputs under them with a matrix. `conv2d` would, for float64,
    # unfold the picture into a copy for each tap.
    matrix = _matrix(filters, stride, image.device)
    size, span, _ = matrix.shape
    rows, columns = (-(-side // stride) for side in image.shape)
    blocks = -(-columns // _BLOCK)
    margin = size // 2
    beyond = max(0, (blocks - 1) * _BLOCK * stride + span - image.shape[1] - 2 * margin)
    padded = F.pad(F.pad(image[None], (margin,) * 4, mode="reflect"), (0, beyond))[0]
    # (rows, blocks, size, span), a view: every block of outputs with the inputs under it.
    under = padded.unfold(0, size, stride).unfold(1, span, _BLOCK * stride)
    result = image.new_empty(matrix.shape[-1] // _BLOCK, rows, blocks, _BLOCK)
    step = max(1, _UNFOLDED // (blocks * size * span))
    for begin in range(0, rows, step):
        part = under[begin : begin + step]
        products = part.reshape(-1, size * span) @ matrix.view(size * span, -1)
        result[:, begin : begin + step] = products.view(len(part), blocks, -1, _BLOCK).permute(2, 0, 1, 3)
    return result.view(-1, rows, blocks * _BLOCK)[..., :columns]


@cache
def _matrix(filters: Callable[[], np.ndarray], stride: int, device: torch.device) -> Tensor:
    """The filters as matrices from a block's inputs, a row of them each, to its outputs: (n, inputs, K * block)."""
    values = filters()
    values = values.reshape(-1, *values.shape[-2:])
    count, size, _ = values.shape
    matrices = np.zeros((size, (_BLOCK - 1) * stride + size, count, _BLOCK))
    for output in range(_BLOCK):
        matrices[:, output * stride : output * stride + size, :, output] = values.transpose(1, 2, 0)
    return torch.from_numpy(matrices.reshape(size, -1, count * _BLOCK)).to(device)

"""The steerable pyramid: a picture's bands, each of one scale and orientation, a level at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mqn.metrics.hdrvdp import taps

ORIENTATIONS = 4

SMALLEST = 17
"""Rows and columns that a level needs: those of the filter that stands before the next."""

# What a convolution may unfold at a time, in values: it stays in the processor's cache.
_UNFOLDED = 1 << 19


def levels(height: int, width: int) -> int:
    """How many levels of oriented bands a picture has.

    Args:
        height: its rows.
        width: its columns.

    Returns:
        0 where a side is below 17; one more with every doubling of the shorter side: 4 at 256, 6 at 1080.
    """
    count, side = 0, min(height, width)
    while side >= SMALLEST:
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
    yield correlate(image, _filters(taps.high, image.device))
    remaining = levels(*image.shape)
    image = correlate(image, _filters(taps.low, image.device))[0]
    for _ in range(remaining):
        yield correlate(image, _filters(taps.oriented, image.device))
        image = correlate(image, _filters(taps.halving, image.device), stride=2)[0]
    yield image[None]


def correlate(image: Tensor, filters: Tensor, stride: int = 1) -> Tensor:
    """Correlate with square filters, a few rows at a time, the picture mirrored about the pixels of its border.

    Args:
        image: (H, W), both sides above half a filter's.
        filters: (K, n, n), n odd.
        stride: 2 takes every second row and column, from the first.

    Returns:
        (K, ceil(H / stride), ceil(W / stride)).
    """
    height, width = image.shape
    size = filters.shape[-1]
    margin = size // 2
    padded = F.pad(image[None, None], (margin, margin, margin, margin), mode="reflect")
    rows, columns = -(-height // stride), -(-width // stride)
    # One convolution of everything would unfold the picture into size ** 2 copies: gigabytes.
    step = max(1, _UNFOLDED // (size**2 * columns))
    result = image.new_empty(len(filters), rows, columns)
    for begin in range(0, rows, step):
        end = min(begin + step, rows)
        band = padded[:, :, begin * stride : (end - 1) * stride + size]
        result[:, begin:end] = F.conv2d(band, filters[:, None], stride=stride)[0]
    return result


@cache
def _filters(read: Callable[[], np.ndarray], device: torch.device) -> Tensor:
    values = read()
    return torch.from_numpy(values.reshape(-1, *values.shape[-2:]).copy()).to(device)

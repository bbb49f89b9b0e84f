"""Tables over even decades of light, read linearly between their entries."""

from __future__ import annotations

import torch
from torch import Tensor

LOWEST, HIGHEST = -5.0, 5.0
"""Decimal logarithms of a table's first and last light."""


def interpolate(decades: Tensor, table: Tensor) -> Tensor:
    """Read a table linearly between its entries.

    Args:
        decades: float64 of any shape, decimal logarithms of light; beyond the table's ends the ends count.
        table: (K,) float64, over even steps from 1e-5 to 1e5.

    Returns:
        The shape of `decades`.
    """
    position = decades.clamp(LOWEST, HIGHEST).sub_(LOWEST).mul_((len(table) - 1) / (HIGHEST - LOWEST))
    index = position.to(torch.int64).clamp_(max=len(table) - 2)
    fraction = position.sub_(index)
    value = table[index]
    return value.addcmul_(fraction, table[index.add_(1)] - value)

"""Tables over even decades of light, read linearly between their entries."""

from __future__ import annotations

import torch
from torch import Tensor

LOWEST, HIGHEST = -5.0, 5.0
"""Decimal logarithms of a table's first and last light."""


def interpolate(decades: Tensor, table: Tensor) -> Tensor:
    """Read a (K,) table, in even steps from 1e-5 to 1e5, at decimal logarithms. Between its entries it is linear."""
    position = decades.clamp(LOWEST, HIGHEST).sub_(LOWEST).mul_((len(table) - 1) / (HIGHEST - LOWEST))
    index = position.to(torch.int64).clamp_(max=len(table) - 2)
    fraction = position.sub_(index)
    value = table[index]
    return value.addcmul_(fraction, table[index.add_(1)] - value)

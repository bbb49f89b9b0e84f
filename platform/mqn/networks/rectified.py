"""A convolution and its ReLU as one block, whose output can be cut at: in exported files they are one operator."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class RectifiedConv(nn.Conv2d):
    """A convolution and a ReLU, made as the convolution is. Its weights have the convolution's names."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Convolve (N, C, H, W)."""
        return F.relu(super().forward(input))

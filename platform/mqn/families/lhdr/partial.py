"""Partial convolution (Liu et al. 2018, "Image inpainting for irregular holes using partial convolutions", Eq. 1, 2).

A convolution that takes what it sees as far as a mask says it is valid, and makes up for the rest.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_NO_DIVISION_BY_ZERO = 1e-8


class PartialConv(nn.Conv2d):
    """A convolution of stride 1 on features and their mask.

    With m the mask and s its sum in the kernel's window, over all input channels even where the kernel has groups:

        out = (W (m x) 9 C / s + b) u,  new mask u = s clipped to [0, 1]

    Masks are soft here, and may leave [0, 1]: LHDR makes its first by a convolution.
    """

    def __init__(self, channels: int, *, groups: int = 1) -> None:
        """Make a 3x3 convolution from `channels` to as many channels."""
        super().__init__(channels, channels, 3, padding=1, groups=groups)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Convolve.

        Args:
            x: (N, C, H, W).
            mask: (N, C, H, W), or (N, 1, H, W) where all channels have the same.

        Returns:
            The features (N, C, H, W) and their mask (N, 1, H, W).
        """
        ones = torch.ones_like(self.weight[:1, :1]).expand(-1, mask.shape[1], -1, -1)
        window = F.conv2d(mask, ones, padding=1) * (x.shape[1] / mask.shape[1])
        update = window.clamp(0.0, 1.0)
        ratio = 9 * x.shape[1] / (window + _NO_DIVISION_BY_ZERO) * update
        seen = F.conv2d(x * mask, self.weight, padding=1, groups=self.groups)
        assert self.bias is not None
        return (seen * ratio + self.bias[:, None, None]) * update, update

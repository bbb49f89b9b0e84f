"""The U-Net of SingleHDR's first and last step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.networks.vgg_unet import widen

KERNELS = (7, 5, 3, 3, 3)
"""Sides of the kernels that go down, the full scale's first."""

SLOPE = 0.1


class UNet(nn.Module):
    """Five scales: (N, before, H, W) -> (N, 3, H, W). H and W are multiples of 16."""

    def __init__(self, before: int, widths: Sequence[int], width: float) -> None:
        """Make the layers.

        Args:
            before: channels that go in.
            widths: channels of each scale, the full one's first.
            width: multiplies them; rounded to multiples of 8.
        """
        super().__init__()
        channels = [widen(count, width) for count in widths]
        self.encoder = nn.ModuleList(
            nn.Sequential(_leaky(into, out, kernel), _leaky(out, out, kernel))
            for (into, out), kernel in zip(pairwise([before, *channels]), KERNELS, strict=True)
        )
        self.decoder = nn.ModuleList(Up(coarse, fine) for fine, coarse in reversed(list(pairwise(channels))))
        self.last = nn.Conv2d(channels[0], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Go down to the coarsest scale and up again."""
        skips = [self.encoder[0](x)]
        for block in self.encoder[1:]:
            skips.append(block(F.avg_pool2d(skips[-1], 2)))
        features = skips.pop()
        for up in self.decoder:
            features = up(features, skips.pop())
        last: Tensor = self.last(features)
        return last


class Up(nn.Module):
    """One step up: twice the resolution, then a skip."""

    def __init__(self, before: int, after: int) -> None:
        """Make the layers; the skip has `after` channels."""
        super().__init__()
        self.narrow = _leaky(before, after, 3)
        self.fuse = _leaky(2 * after, after, 3)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Decode (N, before, H, W) and a skip (N, after, 2 H, 2 W) to the skip's shape."""
        finer = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        fused: Tensor = self.fuse(torch.cat((self.narrow(finer), skip), 1))
        return fused


def _leaky(before: int, after: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.LeakyReLU(SLOPE))

"""VGG16's first three blocks, whose pooled features the feature reconstruction loss compares (section 3.3)."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

# Convolutions of the blocks: output channels, how many.
BLOCKS = ((64, 2), (128, 2), (256, 3))

_IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)


class VGG16(nn.Module):
    """Fixed feature extractor: no parameter wants a gradient, though its input may.

    x: (N, 3, H, W) RGB in [0, 1], H and W multiples of 8 -> for each of `pools` in ascending order the output of that
    block's pooling: (N, 64, H/2, W/2), (N, 128, H/4, W/4), (N, 256, H/8, W/8).
    """

    mean: Tensor

    def __init__(self, pools: Collection[int] = (1, 2, 3)) -> None:
        """Make the layers that the pools need.

        Args:
            pools: some of 1, 2, 3.
        """
        super().__init__()
        self.pools = tuple(sorted(set(pools)))
        self.blocks = nn.ModuleList()
        channels = 3
        for out, count in BLOCKS[: max(self.pools)]:
            layers: list[nn.Module] = []
            for _ in range(count):
                layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
                channels = out
            self.blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN_BGR).view(1, 3, 1, 1))
        self.requires_grad_(requires_grad=False)

    def convolutions(self) -> list[nn.Conv2d]:
        """The convolutions in order."""
        return [module for module in self.modules() if isinstance(module, nn.Conv2d)]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Extract features."""
        x = x.flip(1) * 255.0 - self.mean
        features = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in self.pools:
                features.append(x)
        return features

"""FHDR (Khan et al. 2019, "FHDR: HDR image reconstruction from a single LDR image using feedback network").

`feb1` and `feb2` extract features. The feedback block runs over them several times, with the same weights: what it and
its dense blocks gave the last time goes in beside the features. `hrb1` and `hrb2` make a picture of what it gives. The
names are those of the authors' weights.

With 64 features it has 571,267 parameters. Two iterations take 69.75 GMAC for 256 x 256. The authors' network takes
72.28: it makes a picture behind every iteration, because its loss is of all of them. Only the last is a result, so the
others are not made here. For the same reason gradients go back through all iterations, which the authors' do not.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.networks.rectified import RectifiedConv

DENSE_BLOCKS = 3
DENSE_LAYERS = 4


class FHDR(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W) in (0, 1), linear. H and W are even.

    Within the network pictures are in [-1, 1]. The first and the last convolution mirror what they see at the border;
    sides are even because a single pixel has nothing to mirror.
    """

    def __init__(self, features: int = 64, iterations: int = 2) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self.iterations = iterations
        self.feb1 = RectifiedConv(3, features, 3, padding=1, padding_mode="reflect")
        self.feb2 = RectifiedConv(features, features, 3, padding=1)
        self.feedback_block = FeedbackBlock(features)
        self.hrb1 = RectifiedConv(features, features, 3, padding=1)
        self.hrb2 = nn.Conv2d(features, 3, 3, padding=1, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct. Nothing is kept from one picture to the next."""
        shallow = self.feb1(x * 2 - 1)
        features = self.feb2(shallow)
        hidden: list[Tensor] = []
        for _ in range(self.iterations):
            hidden = self.feedback_block(features, hidden)
        light: Tensor = torch.tanh(self.hrb2(self.hrb1(hidden[0] + shallow))) * 0.5 + 0.5
        return light


class FeedbackBlock(nn.Module):
    """Dense blocks in a row, between two convolutions; shape kept."""

    def __init__(self, features: int) -> None:
        """Make the layers."""
        super().__init__()
        self.compress_in = nn.Conv2d(2 * features, features, 1)
        for i in range(1, DENSE_BLOCKS + 1):
            self.add_module(f"DRDB{i}", DenseBlock(features))
        self.GFF_3x3 = RectifiedConv(features, features, 3, padding=1)

    def forward(self, x: Tensor, hidden: list[Tensor]) -> list[Tensor]:
        """Run one iteration on (N, features, H, W).

        Args:
            x: the features.
            hidden: what the last iteration returned; empty at the first, where each block gets its own input twice.

        Returns:
            What this block gives, and what each dense block gives.
        """
        result = self.compress_in(torch.cat((x, hidden[0] if hidden else x), 1))
        inner = []
        for i in range(1, DENSE_BLOCKS + 1):
            result = self.get_submodule(f"DRDB{i}")(result, hidden[i] if hidden else result)
            inner.append(result)
        return [self.GFF_3x3(result), *inner]


class DenseBlock(nn.Module):
    """Dilated convolutions, each on all that came before it; shape kept."""

    def __init__(self, features: int) -> None:
        """Make the layers."""
        super().__init__()
        growth = features // 2
        self.compress = nn.Conv2d(2 * features, features, 1)
        self.dense_layers = nn.Sequential(*(DenseLayer(features + i * growth, growth) for i in range(DENSE_LAYERS)))
        self.conv_1x1 = nn.Conv2d(features + DENSE_LAYERS * growth, features, 1, bias=False)

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        """Convolve features beside what the block gave the last time, both (N, features, H, W)."""
        result: Tensor = self.conv_1x1(self.dense_layers(self.compress(torch.cat((x, hidden), 1))))
        return result


class DenseLayer(nn.Module):
    """(N, before, H, W) -> (N, before + growth, H, W): what comes in, and what a dilated convolution makes of it."""

    def __init__(self, before: int, growth: int) -> None:
        """Make the layer."""
        super().__init__()
        self.conv = nn.Conv2d(before, growth, 3, padding=2, dilation=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        return torch.cat((x, F.relu(self.conv(x))), 1)

"""IRNet (Xue et al. 2023, "Lightweight improved residual network for efficient inverse tone mapping").

A 1x1 convolution makes features of every pixel. Residual blocks follow, all at the picture's own resolution. What they
give is put side by side and fused, and a 3x3 convolution makes the picture. The names are those of the authors'
weights, which are not public.

IRNet-2, two blocks of 64 features, has 134,731 parameters, and 8.716 GMAC for 256 x 256. IRNet-1(48), one block of 48
features, has 49,302, and 3.190 GMAC.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

REDUCTION = 16
"""Of the channels within the contrast-aware attention."""

SLOPE = 0.05
"""Of every leaky ReLU."""


class IRNet(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), any numbers. Any height and width.

    The authors' pictures are luma and chroma (YCbCr), their output PQ (HDR10); here the picture is RGB, and the codec
    says what the output stands for.
    """

    def __init__(self, features: int = 64, blocks: int = 2) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self.blocks = blocks
        self.fea_conv = nn.Conv2d(3, features, 1)
        for i in range(1, blocks + 1):
            self.add_module(f"IRB{i}", ImprovedResidualBlock(features))
        self.c = nn.Sequential(nn.Conv2d(blocks * features, features, 1), nn.LeakyReLU(SLOPE))
        self.LR_conv = nn.Conv2d(features, features, 3, padding=1)
        self.upsampler = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct."""
        shallow = self.fea_conv(x)
        features, found = shallow, []
        for i in range(1, self.blocks + 1):
            features = self.get_submodule(f"IRB{i}")(features)
            found.append(features)
        light: Tensor = self.upsampler(self.LR_conv(self.c(torch.cat(found, 1))) + shallow)
        return light


class ImprovedResidualBlock(nn.Module):
    """Half of the channels by one way, half by another, fused, attended and added to what came in; shape kept."""

    def __init__(self, features: int) -> None:
        """Make the layers."""
        super().__init__()
        half = features // 2
        self.distill_1 = DistilledConv(features, half)
        self.mid_1 = nn.Conv2d(half, features, 3, padding=1)
        self.distill_2 = nn.Conv2d(features, half, 1)
        self.conv = nn.Conv2d(features, features, 1)
        self.esa = ContrastAttention(features)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, features, H, W)."""
        first = self.distill_1(x)
        second = self.distill_2(x + self.mid_1(first))
        result: Tensor = x + self.esa(self.conv(torch.cat((first, second), 1)))
        return result


class DistilledConv(nn.Module):
    """(N, features, H, W) -> (N, half, H, W): a 3x3 convolution and its leaky ReLU."""

    def __init__(self, features: int, half: int) -> None:
        """Make the layer."""
        super().__init__()
        self.conv3_1 = nn.Conv2d(features, half, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        return F.leaky_relu(self.conv3_1(x), SLOPE)


class ContrastAttention(nn.Module):
    """Contrast-aware channel attention: each channel times what its mean and standard deviation say; shape kept."""

    def __init__(self, features: int) -> None:
        """Make the layers."""
        super().__init__()
        inner = features // REDUCTION
        self.conv_du = nn.Sequential(
            nn.Conv2d(features, inner, 1), nn.ReLU(), nn.Conv2d(inner, features, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Weigh the channels of (N, features, H, W)."""
        contrast = torch.std(x, (2, 3), correction=0, keepdim=True)
        weights: Tensor = self.conv_du(contrast + x.mean((2, 3), keepdim=True))
        return x * weights

"""A U-Net on VGG16's convolutions that fills in what is over-exposed, as HDRCNN and SingleHDR have it.

The encoder works on code values from 0 to 255. Skips carry them to the decoder as values whose white is 1, turned into
what the decoder works on by a function of the family's. The family also says how the decoder doubles its resolution.

The first convolution takes red, green and blue in this order. VGG16's published kernels have blue first: reversed along
their input channels they are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""VGG16's blocks: channels, and how many convolutions."""

WHITE = 255.0

_MEANS = (123.68, 116.779, 103.939)
_CHANNEL_STEP = 8

Carry = Callable[[Tensor], Tensor]
"""What a skip carries, (N, C, H, W), 1 = white, as the decoder takes it."""

Enlarge = Callable[[int, int], nn.Sequential]
"""Makes layers of a channel count to another, of twice the height and width."""


class Backbone(nn.Module):
    """Encoder and decoder: (N, 3, H, W) in [0, 1] -> features (N, 64 width, H, W). H and W are multiples of 32."""

    means: Tensor

    def __init__(self, width: float, enlarge: Enlarge, carry: Carry) -> None:
        """Make the layers, with random weights.

        The decoder starts by adding what skips carry. The layer behind the encoder starts with smaller weights: its
        batch norm undoes that once it has seen pictures, and until then what the decoder says stays small.

        Args:
            width: multiplies the channels, which are rounded to multiples of 8.
            enlarge: makes the first layers of each step of the decoder.
            carry: what skips do to the encoder's features.
        """
        super().__init__()
        self.register_buffer("means", torch.tensor(_MEANS).view(1, 3, 1, 1), persistent=False)
        widths = [widen(channels, width) for channels, _ in BLOCKS]
        self.encoder = nn.ModuleList(
            _encode(before, after, count, pooled=number > 0)
            for number, ((before, after), (_, count)) in enumerate(zip(pairwise([3, *widths]), BLOCKS, strict=True))
        )
        deepest = widths[-1]
        self.bottleneck = nn.Sequential(
            nn.MaxPool2d(2), convolution(deepest, deepest, 3, share=1 / WHITE), nn.BatchNorm2d(deepest), nn.ReLU()
        )
        self.decoder = nn.ModuleList(
            Stage(enlarge(before, after), after, carry) for before, after in pairwise([deepest, *reversed(widths)])
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute features."""
        features = x * WHITE - self.means
        skips = []
        for block in self.encoder:
            features = block(features)
            skips.append(features)
        features = self.bottleneck(features)
        for stage, skip in zip(self.decoder, reversed(skips), strict=True):
            features = stage(features, skip)
        return features


class Stage(nn.Module):
    """One step of the decoder: twice the resolution, then a skip."""

    def __init__(self, enlarge: nn.Sequential, channels: int, carry: Carry) -> None:
        """Take the layers that enlarge, to `channels`; the skip has as many."""
        super().__init__()
        self.enlarge = enlarge
        self.fuse = _sum(channels)
        self.carry = carry

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Decode (N, C, H, W) and a skip (N, channels, 2 H, 2 W), in code values, to the skip's shape."""
        fused: Tensor = self.fuse(torch.cat((self.enlarge(x), self.carry(skip * (1 / WHITE))), 1))
        return fused


class Head(nn.Module):
    """Features to colours: with the picture (N, 3, H, W) as the last skip, to (N, 3, H, W)."""

    def __init__(self, width: float, carry: Carry, fusion: type[nn.Conv2d] = nn.Conv2d) -> None:
        """Make the layers.

        Args:
            width: that of the `Backbone` whose features it takes.
            carry: likewise.
            fusion: the last layer's kind.
        """
        super().__init__()
        channels = widen(BLOCKS[0][0], width)
        self.colour = nn.Sequential(convolution(channels, 3, 1, share=1 / WHITE), nn.BatchNorm2d(3), nn.ReLU())
        self.fuse = _sum(3, fusion)
        self.carry = carry

    def forward(self, features: Tensor, x: Tensor) -> Tensor:
        """Compute colours, of what the skips carry."""
        colours: Tensor = self.fuse(torch.cat((self.colour(features), self.carry(x)), 1))
        return colours


def over_exposure(x: Tensor, margin: float) -> Tensor:
    """How over-exposed pixels are: (N, 3, H, W) -> (N, 1, H, W), 0 where the brightest channel is `margin` below 1."""
    red, green, blue = x.chunk(3, 1)
    brightest = torch.maximum(torch.maximum(red, green), blue)
    return ((brightest - (1 - margin)) / margin).clamp(0.0, 1.0)


def widen(channels: int, width: float) -> int:
    """So many times as many channels, to the nearest multiple of 8 that is not 0."""
    return max(1, round(channels * width / _CHANNEL_STEP)) * _CHANNEL_STEP


def convolution(before: int, after: int, size: int, *, share: float = 1.0, mirror: bool = False) -> nn.Conv2d:
    """A convolution that keeps the shape, padding with zeros or mirrored, that starts with a share of He's weights."""
    conv = nn.Conv2d(before, after, size, padding=size // 2, padding_mode="reflect" if mirror else "zeros")
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    with torch.no_grad():
        conv.weight *= share
    clear(conv.bias)
    return conv


def clear(bias: Tensor | None) -> None:
    """Set a bias to zero."""
    assert bias is not None
    nn.init.zeros_(bias)


def _encode(before: int, after: int, count: int, *, pooled: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.MaxPool2d(2)] if pooled else []
    for number in range(count):
        layers += [convolution(after if number else before, after, 3), nn.ReLU()]
    return nn.Sequential(*layers)


def _sum(channels: int, kind: type[nn.Conv2d] = nn.Conv2d) -> nn.Conv2d:
    """A 1x1 convolution that starts by adding the first half of what goes in to the second."""
    conv = kind(2 * channels, channels, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.eye(channels).repeat(1, 2)[:, :, None, None])
    clear(conv.bias)
    return conv

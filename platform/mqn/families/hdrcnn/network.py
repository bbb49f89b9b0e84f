"""HDRCNN (Eilertsen et al. 2017, "HDR image reconstruction from a single exposure using deep CNNs", TOG 36(6)).

A U-Net fills in what is over-exposed. Its encoder has the convolutions of VGG16 and works on code values from 0 to 255,
its decoder works on the logarithm of light, and skips carry the one to the other. Pixels that are not over-exposed keep
the picture's own light, its code values squared; close to white the network's light takes over.

The first convolution takes red, green and blue in this order. VGG16's published kernels have blue first: reversed along
their input channels they are the same.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""VGG16's blocks: channels, and how many convolutions."""

WHITE = 255.0
MARGIN = 0.05
"""So far below white the network's light begins to count."""

LEAST = 1 / WHITE
"""Added to light before its logarithm, and taken away behind the exponential."""

_MEANS = (123.68, 116.779, 103.939)
_CHANNEL_STEP = 8


class HDRCNN(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), linear, above -1/255, without an upper end.

    H and W are multiples of 32.
    """

    def __init__(self, width: float = 1.0) -> None:
        """Make the layers, with random weights.

        As in the paper the decoder starts by enlarging bilinearly, and by adding what skips carry. Two layers, behind
        the encoder and behind the decoder, start with smaller weights: their batch norms undo that once they have seen
        pictures, and until then the exponential stays small.

        Args:
            width: multiplies the channels, which are rounded to multiples of 8.
        """
        super().__init__()
        self.backbone = Backbone(width)
        self.head = Head(_widen(BLOCKS[0][0], width))

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct."""
        return blend(x, self.head(self.backbone(x), x))


class Backbone(nn.Module):
    """Encoder and decoder: (N, 3, H, W) in [0, 1] -> features (N, 64 width, H, W), the logarithm of light in spirit."""

    means: Tensor

    def __init__(self, width: float) -> None:
        """Make the layers; `width` as in `HDRCNN`."""
        super().__init__()
        self.register_buffer("means", torch.tensor(_MEANS).view(1, 3, 1, 1), persistent=False)
        widths = [_widen(channels, width) for channels, _ in BLOCKS]
        self.encoder = nn.ModuleList(
            _encode(before, after, count, pooled=number > 0)
            for number, ((before, after), (_, count)) in enumerate(zip(pairwise([3, *widths]), BLOCKS, strict=True))
        )
        deepest = widths[-1]
        self.bottleneck = nn.Sequential(
            nn.MaxPool2d(2), _convolution(deepest, deepest, 3, share=1 / WHITE), nn.BatchNorm2d(deepest), nn.ReLU()
        )
        self.decoder = nn.ModuleList(Stage(before, after) for before, after in pairwise([deepest, *reversed(widths)]))

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

    def __init__(self, before: int, after: int) -> None:
        """Make the layers: from `before` to `after` channels; the skip has as many."""
        super().__init__()
        self.enlarge = nn.Sequential(_enlargement(before, after), nn.BatchNorm2d(after), nn.ReLU())
        self.fuse = _sum(after)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Decode (N, before, H, W) and a skip (N, after, 2 H, 2 W), in code values, to the skip's shape."""
        fused: Tensor = self.fuse(torch.cat((self.enlarge(x), to_logarithm(skip * (1 / WHITE))), 1))
        return fused


class Head(nn.Module):
    """Features to colours: with the picture (N, 3, H, W) as the last skip, to the logarithm of light (N, 3, H, W)."""

    def __init__(self, channels: int) -> None:
        """Make the layers; features have so many channels."""
        super().__init__()
        self.colour = nn.Sequential(_convolution(channels, 3, 1, share=1 / WHITE), nn.BatchNorm2d(3), nn.ReLU())
        self.fuse = _sum(3)

    def forward(self, features: Tensor, x: Tensor) -> Tensor:
        """Compute the logarithm."""
        logarithm: Tensor = self.fuse(torch.cat((self.colour(features), to_logarithm(x)), 1))
        return logarithm


def to_logarithm(code: Tensor) -> Tensor:
    """Code values (not negative, 1 = white) as the logarithm of light, for a display whose gamma is 2."""
    return torch.log(code * code + LEAST)


def blend(x: Tensor, logarithm: Tensor) -> Tensor:
    """The picture's own light, but towards white the network's; both (N, 3, H, W)."""
    red, green, blue = x.chunk(3, 1)
    brightest = torch.maximum(torch.maximum(red, green), blue)
    share = ((brightest - (1 - MARGIN)) / MARGIN).clamp(0.0, 1.0)
    own = x * x
    return own + share * (torch.exp(logarithm) - LEAST - own)


def _widen(channels: int, width: float) -> int:
    return max(1, round(channels * width / _CHANNEL_STEP)) * _CHANNEL_STEP


def _encode(before: int, after: int, count: int, *, pooled: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.MaxPool2d(2)] if pooled else []
    for number in range(count):
        layers += [_convolution(after if number else before, after, 3), nn.ReLU()]
    return nn.Sequential(*layers)


def _convolution(before: int, after: int, size: int, *, share: float = 1.0) -> nn.Conv2d:
    """A convolution that keeps the shape, and starts with a share of He's random weights."""
    conv = nn.Conv2d(before, after, size, padding=size // 2)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    with torch.no_grad():
        conv.weight *= share
    _clear(conv.bias)
    return conv


def _enlargement(before: int, after: int) -> nn.ConvTranspose2d:
    """Twice the height and width; starts bilinear, channel by channel: where fewer go out, the first ones."""
    conv = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
    slope = torch.tensor((0.25, 0.75, 0.75, 0.25))
    with torch.no_grad():
        conv.weight.copy_(torch.eye(before, after)[:, :, None, None] * torch.outer(slope, slope))
    _clear(conv.bias)
    return conv


def _sum(channels: int) -> nn.Conv2d:
    """A 1x1 convolution that starts by adding the first half of what goes in to the second."""
    conv = nn.Conv2d(2 * channels, channels, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.eye(channels).repeat(1, 2)[:, :, None, None])
    _clear(conv.bias)
    return conv


def _clear(bias: Tensor | None) -> None:
    assert bias is not None
    nn.init.zeros_(bias)

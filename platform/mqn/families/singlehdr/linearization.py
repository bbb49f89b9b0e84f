"""SingleHDR's second step: which curve the camera had, seen from the picture, and the picture without it."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.networks.curves import apply_curve
from mqn.networks.vgg_unet import widen

BINS = (4, 8, 16)
"""Intervals of the soft histograms; each has a bin at both ends of every interval."""

STAGES = ((64, 256, 3, 1), (128, 512, 2, 2))
"""Of the residual network: inner channels, outer channels, blocks, stride."""

SAMPLES, CURVES = 1024, 11
_MEAN_GAMMA = 2.2


class Linearization(nn.Module):
    """x: (N, 3, H, W) in [0, 1], as the camera's curve left it -> (N, 3, H, W) in [0, 1], linear light."""

    def __init__(self, width: float) -> None:
        """Make the layers; `width` multiplies the channels of the residual network, in multiples of 8."""
        super().__init__()
        self.features = CurveFeatures()
        stem = widen(64, width)
        # TensorFlow's padding of the authors' convolution and pooling: the greater part below and right.
        self.stem = nn.Sequential(
            nn.ZeroPad2d((2, 3, 2, 3)),
            nn.Conv2d(CurveFeatures.CHANNELS, stem, 7, stride=2),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.MaxPool2d(3, 2),
        )
        blocks: list[nn.Module] = []
        outer = [stem, *(widen(channels, width) for _, channels, _, _ in STAGES)]
        for (before, after), (channels, _, count, stride) in zip(pairwise(outer), STAGES, strict=True):
            inner = widen(channels, width)
            blocks += [Bottleneck(before, inner, after, stride=stride)]
            blocks += [Bottleneck(after, inner, after) for _ in range(count - 1)]
        self.blocks = nn.Sequential(*blocks)
        self.response = Response(outer[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Find the curve, and undo it."""
        seen = self.blocks(self.stem(self.features(x)))
        return apply_curve(x, self.response(seen.mean((2, 3), keepdim=True)))


class CurveFeatures(nn.Module):
    """What shows a camera's curve: (N, 3, H, W) -> (N, 102, H, W), nothing of it learned.

    Three channels are the picture, six its Sobel edges, down and right of every channel. The others are soft
    histograms: how near a value is to each bin, 1 at it and 0 from the next ones on.
    """

    CHANNELS = 3 + 6 + 3 * sum(intervals + 1 for intervals in BINS)

    edges: Tensor
    scales: Tensor
    offsets: Tensor

    def __init__(self) -> None:
        """Make the kernels."""
        super().__init__()
        down = torch.outer(torch.tensor((-1.0, 0.0, 1.0)), torch.tensor((1.0, 2.0, 1.0)))
        sobel = torch.stack((down, down.T))
        edges = torch.einsum("oc,khw->okchw", torch.eye(3), sobel).reshape(6, 3, 3, 3)
        self.register_buffer("edges", edges, persistent=False)
        intervals = torch.tensor([float(count) for count in BINS for _ in range(count + 1)])
        places = torch.tensor([float(place) for count in BINS for place in range(count + 1)])
        scales = torch.einsum("b,oc->boc", intervals, torch.eye(3)).reshape(-1, 3, 1, 1)
        self.register_buffer("scales", scales, persistent=False)
        self.register_buffer("offsets", -places.repeat_interleave(3), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute features."""
        edges = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.edges)
        histograms = F.relu(1 - torch.abs(F.conv2d(x, self.scales, self.offsets)))
        return torch.cat((x, edges, histograms), 1)


class Bottleneck(nn.Module):
    """A residual block of a ResNet of 50 layers: (N, before, H, W) -> (N, after, H / stride, W / stride)."""

    def __init__(self, before: int, inner: int, after: int, *, stride: int = 1) -> None:
        """Make the layers; where the block changes the shape, the residual is projected."""
        super().__init__()
        self.reduce = nn.Sequential(*_norm(before, inner, 1, stride), nn.ReLU())
        self.middle = nn.Sequential(*_norm(inner, inner, 3), nn.ReLU())
        self.expand = nn.Sequential(*_norm(inner, after, 1))
        same = before == after and stride == 1
        self.project = nn.Identity() if same else nn.Sequential(*_norm(before, after, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        return F.relu(self.project(x) + self.expand(self.middle(self.reduce(x))))


class Response(nn.Module):
    """Features of a picture (N, C, 1, 1) -> the inverse of its camera's response curve (N, 1024, 1, 1).

    The curve rises from 0 to 1 and falls nowhere. It is a mean curve and eleven others, each as much as the features
    say, made monotone.

    The authors' curves are those of a model of real cameras (EMoR, Grossberg and Nayar 2004). No licence to ship them
    was found, so they are not here: a file of weights has them as `mean` and `basis`. Until then the mean is a gamma of
    2.2, and the others are sines, of length 1 and at right angles to each other. Their cost is the same.
    """

    mean: Tensor
    basis: Tensor
    ramp: Tensor

    def __init__(self, channels: int) -> None:
        """Make the layer, and curves that are no camera's."""
        super().__init__()
        self.coefficients = nn.Conv2d(channels, CURVES, 1)
        places = torch.linspace(0, 1, SAMPLES, dtype=torch.float64)
        waves = torch.sin(math.pi * places[:, None] * torch.arange(1, CURVES + 1)) * math.sqrt(2 / (SAMPLES - 1))
        self.register_buffer("mean", (places**_MEAN_GAMMA).float())
        self.register_buffer("basis", waves.float())
        self.register_buffer("ramp", torch.arange(float(SAMPLES)).view(1, SAMPLES, 1, 1), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Compute the curve.

        As the authors do, what the steepest fall needs to be flat is added to every step, and the whole is scaled to
        end at 1. Summed up, so much a step is a ramp.
        """
        shares = self.coefficients(features)
        heights = F.conv2d(shares, (self.basis - self.basis[:1])[..., None, None], self.mean - self.mean[:1])
        falls = F.conv2d(shares, -self.basis.diff(dim=0)[..., None, None], -self.mean.diff())
        raised = heights + F.relu(torch.amax(falls, 1, keepdim=True)) * self.ramp
        # It falls nowhere: its end is its largest value.
        return raised / torch.amax(raised, 1, keepdim=True)


def _norm(before: int, after: int, kernel: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(after)

"""TwoStage (A Sharif, Naqvi, Biswas and Kim 2021, CVPR Workshops).

"A two-stage deep network for high dynamic range image reconstruction". `enhance` corrects what exposure and noise did
to the picture, `extend` makes light of its result. Both are alike: a convolution, blocks of a dense and of an attended
path, a 1x1 convolution back to colours, added to what came in.

With 64 features it has 834,476 parameters and 54.63 GMAC at 256 x 256. The published network lists 1.0886 M: a quarter
of a million more belong to layers that no picture goes through, and these do not exist here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROWN = 4
"""Convolutions of a dense block that add channels."""

DENSE_SHARE = 0.8
ATTENTION_SIDE = 7


class TwoStage(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), linear, not negative. Any height and width."""

    def __init__(self, features: int = 64) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self.enhance = Stage(features, blocks=2, strength=0.2)
        self.extend = Stage(features, blocks=1, strength=0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct."""
        light: Tensor = self.extend(self.enhance(x))
        return light


class Stage(nn.Module):
    """Corrects a picture: (N, 3, H, W) -> (N, 3, H, W), not negative."""

    def __init__(self, features: int, *, blocks: int, strength: float) -> None:
        """Make the layers; `strength` is how much a dense block adds to what it sees."""
        super().__init__()
        self.first = nn.Conv2d(3, features, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(features, strength) for _ in range(blocks)))
        self.last = nn.Conv2d(features, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Correct."""
        return F.relu(self.last(self.blocks(self.first(x))) + x)


class Block(nn.Module):
    """A dense path and an attended one, side by side: (N, F, H, W), shape kept."""

    def __init__(self, features: int, strength: float) -> None:
        """Make the layers."""
        super().__init__()
        self.dense = DensePath(features, strength)
        self.attended = AttendedPath(features)

    def forward(self, x: Tensor) -> Tensor:
        """Sum what both say, and the features themselves."""
        result: Tensor = self.dense(x) * DENSE_SHARE + x + self.attended(x)
        return result


class DensePath(nn.Module):
    """A residual dense block: each convolution sees all that was there before it. Shape kept."""

    def __init__(self, features: int, strength: float) -> None:
        """Make the layers."""
        super().__init__()
        growth = features // 2
        self.strength = strength
        self.layers = nn.ModuleList(
            nn.Conv2d(features + i * growth, growth if i < GROWN else features, 3, padding=1) for i in range(GROWN + 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        *inner, last = self.layers
        seen = x
        for convolution in inner:
            seen = torch.cat((seen, F.relu(convolution(seen))), 1)
        result: Tensor = last(seen) * self.strength + x
        return result


class AttendedPath(nn.Module):
    """A convolution, gated pixel by pixel by the mean and the maximum of all features. Shape kept."""

    def __init__(self, features: int) -> None:
        """Make the layers."""
        super().__init__()
        self.convolution = nn.Conv2d(features, features, 3, padding=1)
        self.gate = nn.Conv2d(2, 1, ATTENTION_SIDE, padding=ATTENTION_SIDE // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and gate."""
        summary = torch.cat((x.mean(1, keepdim=True), torch.amax(x, 1, keepdim=True)), 1)
        result: Tensor = self.convolution(x) * torch.sigmoid(self.gate(summary))
        return result

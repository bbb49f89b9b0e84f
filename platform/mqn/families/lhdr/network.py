"""LHDR (Guo and Jiang 2022, "LHDR: HDR reconstruction for legacy content using a lightweight DNN", ACCV).

Two steps. `mlp` corrects every pixel by itself, guided by what a small network says of the whole picture. `msnet` has
a branch of full resolution for detail and a small U-Net at half resolution for what is over-exposed: its encoder's
partial convolutions leave highlights out, its decoder is told by modulation (SFT) where they are. The names are those
of the authors' weights.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.families.lhdr.highlights import BRIGHT, WIDTH, HighlightNet, activate
from mqn.networks.tiles import run_in_tiles

STRIDE = 4
TILE = 256
HALO = 60
"""How far the network sees at most, the summary left aside: 29 pixels of half resolution, through a kernel of 3."""


class LHDR(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), light to the power 0.45, not negative.

    H and W are multiples of 4.
    """

    def __init__(self) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self.mlp = PixelNet()
        self.msnet = MultiScaleNet()

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct at once."""
        return self.reconstruct(x, self.summarize(x))

    def summarize(self, x: Tensor) -> Tensor:
        """What the condition network says of the whole picture, seen at a quarter of its size: (N, 32)."""
        small = F.interpolate(x, scale_factor=1 / STRIDE, mode="bilinear", align_corners=False)
        summary: Tensor = self.mlp.cond_net(small)
        return summary

    def reconstruct(self, x: Tensor, summary: Tensor) -> Tensor:
        """Reconstruct a picture, or a part of one, whose summary is known."""
        bright = ((x - BRIGHT) / (1 - BRIGHT)).clamp(0.0, 1.0)
        corrected = self.mlp(x, summary)
        light: Tensor = self.msnet(corrected, bright)
        return light

    def predict(self, x: Tensor) -> Tensor:
        """Reconstruct one picture of any size in tiles: (1, 3, H, W) in [0, 1] to light to the power 0.45.

        Sides that are no multiples of 4 are filled up by repeating the last row and column, and cut again. The authors'
        script divides each result by its own maximum; that is not done here: where pictures are judged on an absolute
        scale it would move every one by itself.
        """
        height, width = x.shape[-2:]
        filled = F.pad(x, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        summary = self.summarize(filled)
        code = run_in_tiles(lambda part: self.reconstruct(part, summary), filled, tile=TILE, halo=HALO)
        return code[..., :height, :width]


class PixelNet(nn.Module):
    """1x1 convolutions, each modulated by the picture's summary: x (s + 1) + t, leaky ReLU."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        widths = (3, WIDTH, 2 * WIDTH, WIDTH, 3)
        for i, (before, after) in enumerate(pairwise(widths), 1):
            self.add_module(f"conv{i}", nn.Conv2d(before, after, 1))
            self.add_module(f"cond_scale{i}", nn.Linear(WIDTH, after))
            self.add_module(f"cond_shift{i}", nn.Linear(WIDTH, after))
        self.cond_net = SummaryNet()

    def forward(self, x: Tensor, summary: Tensor) -> Tensor:
        """Correct (N, 3, H, W) by a summary (N, 32)."""
        for i in range(1, 5):
            scale = self.get_submodule(f"cond_scale{i}")(summary)[..., None, None]
            shift = self.get_submodule(f"cond_shift{i}")(summary)[..., None, None]
            x = activate(self.get_submodule(f"conv{i}")(x) * (scale + 1) + shift)
        return x


class SummaryNet(nn.Module):
    """A small picture to one vector: (N, 3, h, w) -> (N, 32)."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH // 2, 3, stride=2, padding=1)
        self.conv2 = ManyKernels(WIDTH // 2)
        self.conv3 = nn.Conv2d(WIDTH // 2, WIDTH, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Summarize."""
        for layer in (self.conv1, self.conv2, self.conv3):
            x = activate(layer(x))
        return x.mean((2, 3))


class ManyKernels(nn.Module):
    """A quarter of the channels each through kernels of 1, 3, 5 and 7 pixels."""

    def __init__(self, channels: int) -> None:
        """Make the layers."""
        super().__init__()
        part = channels // 4
        self.conv_group_1 = nn.Conv2d(part, part, 1)
        self.conv_group_2 = nn.Conv2d(part, part, 3, padding=1)
        self.conv_group_3 = nn.Conv2d(part, part, 5, padding=2)
        self.conv_group_4 = nn.Conv2d(part, part, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, shape kept."""
        first, second, third, fourth = x.chunk(4, 1)
        return torch.cat(
            (
                self.conv_group_1(first),
                self.conv_group_2(second),
                self.conv_group_3(third),
                self.conv_group_4(fourth),
            ),
            1,
        )


class MultiScaleNet(nn.Module):
    """The second step, from corrected pixels and the over-exposure map to light to the power 0.45."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.decompose = nn.ModuleDict(
            {
                "conv_h": nn.Conv2d(3, WIDTH, 3, padding=1),
                "conv_l": nn.Conv2d(3, WIDTH, 3, stride=2, padding=1),
            }
        )
        self.local_branch = DenseSum()
        self.conv0 = nn.Conv2d(WIDTH, 3, 3, padding=1)
        self.global_branch = HighlightNet()
        self.upconv0 = nn.Sequential(nn.Conv2d(WIDTH, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor, bright: Tensor) -> Tensor:
        """Reconstruct from (N, 3, H, W) and a map (N, 3, H, W) in [0, 1], 1 = over-exposed."""
        detail = self.local_branch(activate(self.decompose["conv_h"](x)))
        base = self.global_branch(activate(self.decompose["conv_l"](x)), bright)
        return F.relu(activate(self.conv0(detail)) + activate(self.upconv0(base)))


class DenseSum(nn.Module):
    """Five convolutions, each on the sum of everything before it, and a residual."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        for i in range(1, 6):
            self.add_module(f"conv_{i}", nn.Conv2d(WIDTH, WIDTH, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, shape kept."""
        total = x
        for i in range(1, 5):
            total = total + activate(self.get_submodule(f"conv_{i}")(total))
        result: Tensor = self.get_submodule("conv_5")(total) + x
        return result

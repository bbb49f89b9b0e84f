"""Image-adaptive 3D LUT.

Zeng, Cai, Li, Cao and Zhang 2020, IEEE TPAMI, "Learning image-adaptive 3D lookup tables for high performance photo
enhancement in real-time".

A small classifier looks at a copy of the picture of 256 x 256 pixels and weighs a few learned tables of colours. The
picture goes through their weighted sum, pixel by pixel, so that its own resolution costs a look-up and no convolution.

With 3 tables of 33^3 entries it has 593,516 parameters, 270,083 of them the classifier's. It takes 0.0735 GMAC at any
size of picture: 0.0732 in the classifier, the rest in the sum of the tables. The look-up itself is not counted: at each
pixel it reads 8 entries and takes 7 means of two.

The authors retouch photographs: both their pictures are sRGB, and their weights, which lie in two files of other names,
are not taken. Their smoothness and monotonicity losses on the tables are not among the platform's losses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mqn.networks.look_up import look_up

SIDE = 256
"""Of the copy that the classifier looks at, in pixels."""

SLOPE = 0.2
NORM_SPREAD = 0.02
DROPOUT = 0.5


class ImageAdaptiveLUT(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), any numbers. Any height and width."""

    def __init__(self, luts: int = 3, bins: int = 33) -> None:
        """Make the layers: the first table changes no colour, the others are black, the classifier random."""
        super().__init__()
        self.bins = bins
        self.classifier = nn.Sequential(
            nn.Upsample(size=(SIDE, SIDE), mode="bilinear"),
            *_halve(3, 16),
            nn.InstanceNorm2d(16, affine=True),
            *_halve(16, 32),
            nn.InstanceNorm2d(32, affine=True),
            *_halve(32, 64),
            nn.InstanceNorm2d(64, affine=True),
            *_halve(64, 128),
            nn.InstanceNorm2d(128, affine=True),
            *_halve(128, 128),
            nn.Dropout(DROPOUT),
            nn.Conv2d(128, luts, SIDE // 32),
        )
        self.luts = nn.Conv2d(luts, 3 * bins**3, 1, bias=False)
        self._initialize()

    def forward(self, x: Tensor) -> Tensor:
        """Look every pixel up."""
        return look_up(x, self.luts(self.classifier(x)), self.bins)

    @torch.no_grad()
    def _initialize(self) -> None:
        """As the authors do, so that at first the sum of the tables is near the one that changes nothing."""
        for module in self.classifier:
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_normal_(module.weight)
            elif isinstance(module, nn.InstanceNorm2d):
                nn.init.normal_(module.weight, 1.0, NORM_SPREAD)
        last = self.classifier[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.ones_(last.bias)
        nn.init.zeros_(self.luts.weight)
        steps = torch.linspace(0, 1, self.bins)
        blue, green, red = torch.meshgrid(steps, steps, steps, indexing="ij")
        self.luts.weight[:, 0, 0, 0] = torch.stack((red, green, blue), -1).flatten()


def _halve(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, after, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE)

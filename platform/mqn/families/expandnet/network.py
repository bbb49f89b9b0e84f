"""ExpandNet (Marnerides, Bashford-Rogers, Hatchett and Debattista 2018, Computer Graphics Forum 37(2)).

Three branches see the picture: `local_net` its pixels, `mid_net` some distance around them (dilated), `glob_net` the
whole of it, scaled to 256 x 256; `end_net` fuses them pixel by pixel. The names are those of the authors' weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.networks.tiles import run_in_tiles

GLOBAL_SIDE = 256
TILE = 256
HALO = 8
"""How far `mid_net`, four convolutions with dilation 2, sees."""


class ExpandNet(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W) in (0, 1), linear. Any height and width."""

    def __init__(self, features: int = 64) -> None:
        """Make the layers, with random weights; branches have so many channels."""
        super().__init__()
        self.local_net = nn.Sequential(
            _convolve(3, features, 3, padding=1), _convolve(features, 2 * features, 3, padding=1)
        )
        self.mid_net = nn.Sequential(
            _convolve(3, features, 3, padding=2, dilation=2),
            _convolve(features, features, 3, padding=2, dilation=2),
            _convolve(features, features, 3, padding=2, dilation=2),
            nn.Conv2d(features, features, 3, padding=2, dilation=2),
        )
        self.glob_net = nn.Sequential(
            _convolve(3, features, 3, padding=1, stride=2),
            *(_convolve(features, features, 3, padding=1, stride=2) for _ in range(5)),
            nn.Conv2d(features, features, 4),
        )
        self.end_net = nn.Sequential(_convolve(4 * features, features, 1), nn.Conv2d(features, 3, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct at once."""
        return self.fuse(x, self.summarize(x))

    def summarize(self, x: Tensor) -> Tensor:
        """What the global branch says of the whole picture: (N, features, 1, 1)."""
        small = F.interpolate(x, (GLOBAL_SIDE, GLOBAL_SIDE), mode="bilinear", align_corners=False)
        summary: Tensor = self.glob_net(small)
        return summary

    def fuse(self, x: Tensor, summary: Tensor) -> Tensor:
        """Reconstruct a picture, or a part of one, whose summary is known."""
        spread = summary.expand(-1, -1, x.shape[2], x.shape[3])
        light: Tensor = self.end_net(torch.cat((self.local_net(x), self.mid_net(x), spread), 1))
        return light

    def predict(self, x: Tensor) -> Tensor:
        """Reconstruct one picture in tiles: (1, 3, H, W) in [0, 1] to linear light in (0, 1).

        The authors' script stretches the picture's extremes to 0 and 1 before the network and once more behind it.
        Neither is done here: where pictures are judged on an absolute scale that would move every one by itself.
        """
        summary = self.summarize(x)
        return run_in_tiles(lambda part: self.fuse(part, summary), x, tile=TILE, halo=HALO)


def _convolve(
    in_channels: int, out_channels: int, kernel_size: int, *, padding: int = 0, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation), nn.SELU(inplace=True)
    )

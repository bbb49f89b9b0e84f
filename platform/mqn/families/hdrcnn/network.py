"""HDRCNN (Eilertsen et al. 2017, "HDR image reconstruction from a single exposure using deep CNNs", TOG 36(6)).

A U-Net fills in what is over-exposed (`mqn.networks.vgg_unet`). Its decoder works on the logarithm of light. Pixels
that are not over-exposed keep the picture's own light, its code values squared; close to white the network's light
takes over.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mqn.networks.vgg_unet import WHITE, Backbone, Head, clear, over_exposure

MARGIN = 0.05
"""So far below white the network's light begins to count."""

LEAST = 1 / WHITE
"""Added to light before its logarithm, and taken away behind the exponential."""


class HDRCNN(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), linear, above -1/255, without an upper end.

    H and W are multiples of 32.
    """

    def __init__(self, width: float = 1.0) -> None:
        """Make the layers, with random weights. As in the paper the decoder starts by enlarging bilinearly.

        Args:
            width: multiplies the channels, which are rounded to multiples of 8.
        """
        super().__init__()
        self.backbone = Backbone(width, _enlarge, to_logarithm)
        self.head = Head(width, to_logarithm)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct."""
        return blend(x, self.head(self.backbone(x), x))


def to_logarithm(code: Tensor) -> Tensor:
    """Code values (not negative, 1 = white) as the logarithm of light, for a display whose gamma is 2."""
    return torch.log(code * code + LEAST)


def blend(x: Tensor, logarithm: Tensor) -> Tensor:
    """The picture's own light, but towards white the network's; both (N, 3, H, W)."""
    own = x * x
    return own + over_exposure(x, MARGIN) * (torch.exp(logarithm) - LEAST - own)


def _enlarge(before: int, after: int) -> nn.Sequential:
    """Twice the height and width; starts bilinear, channel by channel: where fewer go out, the first ones."""
    conv = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
    slope = torch.tensor((0.25, 0.75, 0.75, 0.25))
    with torch.no_grad():
        conv.weight.copy_(torch.eye(before, after)[:, :, None, None] * torch.outer(slope, slope))
    clear(conv.bias)
    return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU())

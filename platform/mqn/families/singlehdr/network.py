"""SingleHDR (Liu et al. 2020, CVPR, "Single-image HDR reconstruction by learning to reverse the camera pipeline").

Three networks undo what a camera did, last things first: 8 bits, its response curve, the limit of its range. A fourth
one refines the result. This is the network that reconstructs; the authors train its parts one by one, each on its own
truth, and here it is trained as a whole.

The authors' enlarge bilinearly from the corners of pixels, here it is from their centres. Their script enlarges a
picture to multiples of 64 and mirrors 32 pixels at its border, which is not done here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.families.singlehdr.linearization import Linearization
from mqn.families.singlehdr.unet import UNet
from mqn.networks.rectified import RectifiedConv
from mqn.networks.vgg_unet import Backbone, Head, convolution, over_exposure

MARGIN = 0.12
"""So far below white what is filled in begins to count."""


class SingleHDR(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), linear, not negative, without an upper end.

    H and W are multiples of 64.
    """

    def __init__(self, width: float = 1.0) -> None:
        """Make the layers, with random weights; `width` multiplies the channels, in multiples of 8."""
        super().__init__()
        self.reversal = Reversal(width)
        self.refinement = UNet(9, (16, 32, 64, 128, 128), width)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct."""
        steps = self.reversal(x)
        filled, _, _ = steps.chunk(3, 1)
        return F.relu(filled + self.refinement(steps))


class Reversal(nn.Module):
    """The camera's steps undone: (N, 3, H, W) in [0, 1] -> (N, 9, H, W).

    Three channels each: filled in where over-exposed, linear light in [0, 1], code values in [0, 1] of any number of
    bits.
    """

    def __init__(self, width: float) -> None:
        """Make the layers; `width` as in `SingleHDR`."""
        super().__init__()
        self.dequantization = UNet(3, (16, 32, 64, 128, 256), width)
        self.linearization = Linearization(width)
        self.hallucination = Hallucination(width)

    def forward(self, x: Tensor) -> Tensor:
        """Undo bits, curve and range."""
        codes = (x + torch.tanh(self.dequantization(x))).clamp(0.0, 1.0)
        light = self.linearization(codes)
        filled = light + over_exposure(light, MARGIN) * self.hallucination(light)
        return torch.cat((filled, light, codes), 1)


class Hallucination(nn.Module):
    """What over-exposed pixels lack: light (N, 3, H, W) in [0, 1] -> light to be added, (N, 3, H, W), not negative.

    HDRCNN's network, but skips carry light itself, and the decoder enlarges without a pattern in what it makes.
    """

    def __init__(self, width: float) -> None:
        """Make the layers; `width` as in `SingleHDR`."""
        super().__init__()
        self.backbone = Backbone(width, _enlarge, _as_it_is)
        self.head = Head(width, _as_it_is, RectifiedConv)

    def forward(self, x: Tensor) -> Tensor:
        """Fill in."""
        light: Tensor = self.head(self.backbone(x), x)
        return light


def _enlarge(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        convolution(before, after, 3, mirror=True),
        nn.ReLU(),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    )


def _as_it_is(x: Tensor) -> Tensor:
    return x

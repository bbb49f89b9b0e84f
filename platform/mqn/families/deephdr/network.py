"""DeepHDR (Santos, Ren and Kalantari 2020, ACM Transactions on Graphics 39(4)).

"Single image HDR reconstruction using a CNN with masked features and perceptual loss". A U-Net of seven scales fills in
what is over-exposed. Features are multiplied by masks that say how far they rest on pixels that hold something, and the
masks go on from layer to layer with the features: `next_mask`.

With 64 features it has 25,770,964 parameters. The published network lists 51.54 M: it stores the absolute values of all
kernels once more, which are computed here. Those of the masks are convolutions as large as those of the features: of
18.83 GMAC at 256 x 256 they are 9.35. The published network has 18.94: its last layer makes a mask that nothing reads.
The authors' script takes ImageNet's mean from the picture and divides by its deviation; that is not done here.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNELS = (7, 5, 5, 3, 3, 3, 3)
WIDTHS = (1, 2, 4, 8, 8, 8, 8)
"""Channels of the scales, in multiples of the finest one's."""

SATURATED = 0.95
"""From this code value to 1 a channel counts as more and more over-exposed."""

RAMP = 1 - SATURATED

SLOPE = 0.2
_NO_DIVISION_BY_ZERO = 1e-6


class DeepHDR(nn.Module):
    """x: (N, 3, H, W) in [0, 1], display-referred -> (N, 3, H, W), linear.

    H and W are multiples of 128. Where a channel is not over-exposed, it becomes its square, whatever the weights;
    where it is, exp(y) - 1 of what the network says, which is above -1 and has no upper end.
    """

    def __init__(self, features: int = 64) -> None:
        """Make the layers, with random weights."""
        super().__init__()
        self.body = MaskedUNet(features)
        self.head = nn.Conv2d(features + 3, 3, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruct."""
        logarithm = self.head(torch.cat((double(self.body(x)), x), 1))
        # Otherwise written than in the body, so that a file computes it for itself and only features cross the cut.
        lost = F.relu(x - SATURATED) / RAMP
        kept = x * x
        light: Tensor = kept + lost * (torch.exp(logarithm) - 1 - kept)
        return light


class MaskedUNet(nn.Module):
    """All scales but the full one: x (N, 3, H, W) -> masked features (N, F, H / 2, W / 2)."""

    def __init__(self, features: int) -> None:
        """Make the layers."""
        super().__init__()
        widths = [3, *(features * width for width in WIDTHS)]
        self.encoder = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, kernel, 2, kernel // 2, bias=False), nn.ReLU())
            for (before, after), kernel in zip(pairwise(widths), KERNELS, strict=True)
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(nn.Conv2d(coarse + fine, fine, 3, padding=1, bias=False), nn.LeakyReLU(SLOPE))
            for fine, coarse in reversed(list(pairwise(widths[1:])))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Go down to the coarsest scale and up again."""
        mask = 1 - F.relu(x / RAMP - SATURATED / RAMP)
        features, skips = x, []
        for block in self.encoder:
            skips.append(features)
            features, mask = block(features * mask), next_mask(block, mask)
        for block, skip in zip(self.decoder, reversed(skips[1:]), strict=True):
            joined = torch.cat((double(features * mask), skip), 1)
            # Nothing is missing of what comes from the encoder.
            mask = 1 - F.pad(double(1 - mask), (0, 0, 0, 0, 0, skip.shape[1]))
            features, mask = block(joined), next_mask(block, mask)
        return features * mask


def next_mask(block: nn.Module, mask: Tensor) -> Tensor:
    """How far what a block's convolution gives rests on valid pixels.

    That is the mask's mean, weighted by the absolute values of the kernel as it is at the time. Nothing learns through
    masks.

    Args:
        block: its convolution first, which has no groups.
        mask: of what goes in, (N, C, H, W) in [0, 1].

    Returns:
        The mask of what comes out, of its shape, in [0, 1]. Beyond the picture's border nothing is valid.
    """
    convolution = block.get_submodule("0")
    assert isinstance(convolution, nn.Conv2d)
    kernel = convolution.weight.detach().abs()
    share = kernel / (kernel.sum((1, 2, 3), keepdim=True) + _NO_DIVISION_BY_ZERO)
    return F.conv2d(mask, share, None, convolution.stride, convolution.padding)


def double(x: Tensor) -> Tensor:
    """Twice as high and as wide: every pixel becomes four."""
    return F.interpolate(x, scale_factor=2, mode="nearest")

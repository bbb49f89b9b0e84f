"""The decoder: from the coarsest tap back to full resolution, meeting every finer tap on its way (Figure 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.families.mqn.arch import Attention, Upsampling
from mqn.families.mqn.blocks import ConvNorm, InvertedResidual


def scale_channels(channels: int, width: float) -> int:
    """Channels at a decoder width: rounded to the nearest multiple of 4, at least 4 (halves go up)."""
    return max(4, int(channels * width / 4 + 0.5) * 4)


def upsample(mode: Upsampling) -> nn.Upsample:
    """Double height and width; bilinear with half-pixel centres, as TensorFlow's resize has them."""
    return nn.Upsample(scale_factor=2, mode=mode, align_corners=False if mode == "bilinear" else None)


class Decoder(nn.Module):
    """Five upsteps; `channels` (16 at width 1) at full resolution go out: the interface, ConvBnReLU3 in Figure 2.

    Submodules, from the coarsest scale: `irlb_32a` (Att.1), `irlb_32b`, `irlb_16a` (Att.2), `irlb_16b`, `irlb_8`
    (Att.3), `irlb_4` (Att.4), `conv2`, `conv3`; and `up_16`, `up_8`, `up_4`, `up_2`, `up_1`, named for the scale that
    they reach.
    """

    def __init__(
        self,
        tap_channels: tuple[int, ...],
        *,
        attention: Attention = "ca",
        width: float = 1.0,
        upsampling: Upsampling = "nearest",
    ) -> None:
        """Make the layers, for the encoder's taps at 1/2 to 1/32 of the picture's size.

        The first block of each scale has the attention.
        """
        super().__init__()
        tap_2, tap_4, tap_8, tap_16, tap_32 = tap_channels
        at_32, at_16, at_8, at_4, self.channels = (scale_channels(channels, width) for channels in (32, 24, 16, 8, 16))
        self.irlb_32a = InvertedResidual(tap_32, at_32, attention=attention)
        self.irlb_32b = InvertedResidual(at_32, at_32)
        self.up_16 = upsample(upsampling)
        self.irlb_16a = InvertedResidual(at_32 + tap_16, at_16, attention=attention)
        self.irlb_16b = InvertedResidual(at_16, at_16)
        self.up_8 = upsample(upsampling)
        self.irlb_8 = InvertedResidual(at_16 + tap_8, at_8, attention=attention)
        self.up_4 = upsample(upsampling)
        self.irlb_4 = InvertedResidual(at_8 + tap_4, at_4, attention=attention)
        self.up_2 = upsample(upsampling)
        self.conv2 = ConvNorm(at_4 + tap_2, self.channels, activation="relu")
        self.up_1 = upsample(upsampling)
        self.conv3 = ConvNorm(self.channels + 3, self.channels, activation="relu")

    def forward(self, taps: tuple[Tensor, ...], picture: Tensor) -> Tensor:
        """Decode.

        Args:
            taps: at 1/2, 1/4, 1/8, 1/16, 1/32 of the picture's size.
            picture: (N, 3, H, W) in [0, 1], the network's input.

        Returns:
            (N, channels, H, W), not negative.
        """
        tap_2, tap_4, tap_8, tap_16, tap_32 = taps
        x = self.irlb_32b(self.irlb_32a(tap_32))
        x = self.irlb_16b(self.irlb_16a(torch.cat((self.up_16(x), tap_16), dim=1)))
        x = self.irlb_8(torch.cat((self.up_8(x), tap_8), dim=1))
        x = self.irlb_4(torch.cat((self.up_4(x), tap_4), dim=1))
        x = self._meet(self.conv2, self.up_2, x, tap_2)
        return self._meet(self.conv3, self.up_1, x, picture)

    def _meet(self, block: ConvNorm, up: nn.Upsample, x: Tensor, tap: Tensor) -> Tensor:
        """A block with a 1 x 1 convolution, on upsampled features and a tap."""
        if not self.training:
            return block(torch.cat((up(x), tap), dim=1))
        # The same but for rounding, since upsampling and a 1 x 1 convolution may change places: a training step need
        # not copy the two into one, nor back. Export traces the form above.
        weight, channels = block.conv.weight, x.shape[1]
        return block.finish(up(F.conv2d(x, weight[:, :channels])) + F.conv2d(tap, weight[:, channels:]))

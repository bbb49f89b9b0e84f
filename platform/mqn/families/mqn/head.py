"""The high-precision head (section 3.2): three convolutions, two instance norms, and the picture added back."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The paper gives none; TensorFlow Addons' default, which the authors' framework would have used.
INSTANCE_NORM_EPSILON = 1e-3


class ConvInstanceNorm(nn.Module):
    """Convolution with bias, instance norm with affine parameters, ReLU. Height and width stay."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        """Make the layers; `kernel_size` is odd."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.norm = nn.InstanceNorm2d(out_channels, eps=INSTANCE_NORM_EPSILON, affine=True)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        return self.activation(self.norm(self.conv(x)))


class Head(nn.Module):
    """sigmoid(picture + tanh(O)), O from three convolutions: 3x3, 1x1, 1x1.

    Submodules: `conv1`, `conv2` (each with `conv`, `norm`, `activation`), `conv3`, `tanh`, `sigmoid`; with a scale
    above 1 also `enlarge`: then tanh(O) is averaged over squares of that side, and enlarged linearly.
    """

    def __init__(self, in_channels: int = 16, channels: int = 12, scale: int = 1, output_channels: int = 3) -> None:
        """Make the layers.

        Args:
            in_channels: of the interface.
            channels: of the 3x3 convolution, even; the 1x1 one has half as many.
            scale: of the averages; it divides the picture's sides.
            output_channels: of O; 1 is added to every channel of the picture.
        """
        super().__init__()
        self.conv1 = ConvInstanceNorm(in_channels, channels, 3)
        self.conv2 = ConvInstanceNorm(channels, channels // 2, 1)
        self.conv3 = nn.Conv2d(channels // 2, output_channels, 1, bias=False)
        self.tanh = nn.Tanh()
        self.sigmoid = nn.Sigmoid()
        self.scale = scale
        if scale > 1:
            self.enlarge = nn.Upsample(scale_factor=scale, mode="bilinear", align_corners=False)

    def forward(self, features: Tensor, picture: Tensor) -> Tensor:
        """Make the HDR picture, (N, 3, H, W), of the interface and the network's input.

        It lies in the codec's range: sigmoid(-1) = 0.269 to sigmoid(2) = 0.881.
        """
        change = self.tanh(self.conv3(self.conv2(self.conv1(features))))
        if self.scale > 1:
            change = F.avg_pool2d(change, self.scale)
            if self.conv3.out_channels == 1:
                # Here, where it is small: XNNPACK enlarges one channel and adds it to the picture's three in 0.84 ms,
                # but three copies in 0.61, as long as three that differ (256 x 256, one thread of a Xeon with AMX).
                change = torch.cat((change, change, change), dim=1)
            change = self.enlarge(change)
        return self.sigmoid(picture + change)

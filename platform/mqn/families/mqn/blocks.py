"""The blocks of MQN, with Keras's numerics, so that Keras's weights fit.

Two things differ from torch's defaults. Batch norm's epsilon is 1e-3. A convolution of stride 2 pads at the right and
at the bottom only (TensorFlow's SAME for even sizes), by a padding layer of its own.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from mqn.families.mqn.arch import Attention
from mqn.families.mqn.attention import build_attention

Activation = Literal["relu", "relu6", "none"]

BATCH_NORM_EPSILON = 1e-3
# Keras's encoder has 0.001 in torch's terms. Running statistics would hardly move in a training of some hundred steps,
# and an encoder of random weights would be validated with the statistics it started with.
BATCH_NORM_MOMENTUM = 0.1

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "relu6": nn.ReLU6}


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, activation.

    x: (N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride); H and W even where stride is 2.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        activation: Activation = "relu6",
    ) -> None:
        """Make the layers.

        `kernel_size` is odd; `stride` is 1 or 2. A depthwise convolution has `in_channels` groups.
        """
        super().__init__()
        padded_here = stride == 2 and kernel_size > 1
        reach = kernel_size // 2
        self.pad = nn.ZeroPad2d((reach - 1, reach, reach - 1, reach)) if padded_here else None
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=0 if padded_here else reach,
            groups=groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(out_channels, eps=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM)
        self.activation = None if activation == "none" else _ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        return self.finish(self._convolve(x))

    def finish(self, x: Tensor) -> Tensor:
        """Norm and activation, of what the convolution gave."""
        x = self.norm(x)
        return x if self.activation is None else self.activation(x)

    def _convolve(self, x: Tensor) -> Tensor:
        if self.pad is None:
            return self.conv(x)
        if self.training and x.dtype == torch.bfloat16 and x.device.type == "cpu":
            # torch 2.13 has no fast bfloat16 kernel for the way back on CPUs: 48 channels at 128 x 128 take three times
            # as long as in float32, 192 at 16 x 16 twelve times (Intel Xeon with AMX).
            with torch.autocast("cpu", enabled=False):
                return self.conv(self.pad(x.float())).to(x.dtype)
        return self.conv(self.pad(x))


class InvertedResidual(nn.Module):
    """Inverted residual with linear bottleneck (IRLB, section 3.1 of the paper), optionally gated by an attention.

    1x1 expand, BN, ReLU6; 3x3 depthwise, BN, ReLU6; 1x1 project, BN; attention; plus the input where stride is 1 and
    the channels stay the same.

    x: (N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        expansion: int = 6,
        attention: Attention = "none",
    ) -> None:
        """Make the layers.

        `expansion` says how many wide channels there are for each channel that comes in; with 1 there is no expansion.
        """
        super().__init__()
        wide = in_channels * expansion
        self.expand = ConvNorm(in_channels, wide) if expansion > 1 else None
        self.depthwise = ConvNorm(wide, wide, 3, stride=stride, groups=wide)
        self.project = ConvNorm(wide, out_channels, activation="none")
        self.attention = None if attention == "none" else build_attention(attention, out_channels)
        self.residual = stride == 1 and in_channels == out_channels

    def widen(self, x: Tensor) -> Tensor:
        """The expanded features, which a U-Net takes as its tap: (N, in_channels * expansion, H, W)."""
        return x if self.expand is None else self.expand(x)

    def narrow(self, wide: Tensor, x: Tensor) -> Tensor:
        """The rest of the block, on what `widen` gave; x is the block's own input, for the residual."""
        y = self.project(self.depthwise(wide))
        if self.attention is not None:
            y = self.attention(y)
        return x + y if self.residual else y

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        return self.narrow(self.widen(x), x)

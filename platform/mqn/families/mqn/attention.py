"""The gated attentions of Table 1: spatial (SA), channel spatial (CSA, Eq. 1), channel (CA).

Each keeps its input's shape, (N, C, H, W).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mqn.families.mqn.arch import Attention

CHANNEL_REDUCTION = 2


class SpatialAttention(nn.Module):
    """SA: one gate a pixel, x * sigmoid(C1(x)), C1 a 1x1 convolution to one channel."""

    def __init__(self, channels: int) -> None:
        """Make the gate for `channels` channels."""
        super().__init__()
        self.spatial = nn.Conv2d(channels, 1, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Gate x."""
        return x * self.gate(self.spatial(x))


class ChannelSpatialAttention(nn.Module):
    """CSA, Eq. 1: sigmoid(D(x)) * (sigmoid(C1(x)) * x), D depthwise and C1 a 1x1 convolution to one channel.

    D is 3x3. The paper gives no size; the authors' kernel, as large as its channel count, is surely a slip.
    """

    def __init__(self, channels: int) -> None:
        """Make the gates for `channels` channels."""
        super().__init__()
        self.spatial = nn.Conv2d(channels, 1, 1)
        self.spatial_gate = nn.Sigmoid()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.depthwise_gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Gate x."""
        return self.depthwise_gate(self.depthwise(x)) * (self.spatial_gate(self.spatial(x)) * x)


class ChannelAttention(nn.Module):
    """CA: one gate a channel, x * sigmoid(conv1x1(relu(conv1x1(mean of x over H and W)))).

    Half the channels stand between the two convolutions.
    """

    def __init__(self, channels: int) -> None:
        """Make the gate for `channels` channels."""
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // CHANNEL_REDUCTION, 1)
        self.relu = nn.ReLU()
        self.excite = nn.Conv2d(channels // CHANNEL_REDUCTION, channels, 1)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Gate x."""
        mean = torch.mean(x, dim=(2, 3), keepdim=True)
        return x * self.gate(self.excite(self.relu(self.squeeze(mean))))


_KINDS: dict[str, type[nn.Module]] = {"sa": SpatialAttention, "csa": ChannelSpatialAttention, "ca": ChannelAttention}


def build_attention(kind: Attention, channels: int) -> nn.Module:
    """Make the attention `sa`, `csa` or `ca` for features of some channels."""
    return _KINDS[kind](channels)

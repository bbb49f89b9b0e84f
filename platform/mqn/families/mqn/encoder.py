"""The encoder: MobileNetV2 of any width, layer by layer as Keras builds it, tapped at five scales."""

from __future__ import annotations

from torch import Tensor, nn

from mqn.families.mqn.blocks import ConvNorm, InvertedResidual

# (channels at width 1, blocks, stride of the first block); expansion is 6 but for the very first block.
_STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))

BLOCKS = sum(blocks for _, blocks, _ in _STAGES)

# Taps, by scale: the wide features of these blocks (Keras: block_1_expand_relu, ...), and the last block's output.
TAPPED = (1, 3, 6, 13)


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Keras's rounding of channels: to the nearest multiple of `divisor`, but never more than 10 % down."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class Encoder(nn.Module):
    """MobileNetV2 up to block_16_project_BN.

    x: (N, 3, H, W) in [0, 1], H and W multiples of 32 -> five taps at 1/2, 1/4, 1/8, 1/16 and 1/32, with
    `tap_channels` channels: 48, 48, 96, 192 and 112 at width 0.35.

    Submodules: `conv1` (Keras's Conv1, bn_Conv1), `block_0` (expanded_conv), `block_1` ... `block_16`.
    """

    def __init__(self, width: float = 0.35) -> None:
        """Make the layers, with torch's own random weights; `width` multiplies the channels (Keras's alpha)."""
        super().__init__()
        channels = make_divisible(32 * width)
        self.conv1 = ConvNorm(3, channels, 3, stride=2)
        taps = []
        index = 0
        for stage_channels, blocks, stage_stride in _STAGES:
            out = make_divisible(int(stage_channels * width))
            for position in range(blocks):
                stride = stage_stride if position == 0 else 1
                block = InvertedResidual(channels, out, stride=stride, expansion=6 if index else 1)
                self.add_module(f"block_{index}", block)
                if index in TAPPED:
                    taps.append(6 * channels)
                channels = out
                index += 1
        self.tap_channels = (*taps, channels)

    def block(self, index: int) -> InvertedResidual:
        """Block `index`, 0 to 16."""
        block = self.get_submodule(f"block_{index}")
        assert isinstance(block, InvertedResidual)
        return block

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode; the taps from the finest to the coarsest."""
        x = self.conv1(x * 2.0 - 1.0)
        taps = []
        for index in range(BLOCKS):
            block = self.block(index)
            if index in TAPPED:
                taps.append(block.widen(x))
                x = block.narrow(taps[-1], x)
            else:
                x = block(x)
        return (*taps, x)

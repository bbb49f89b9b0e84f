"""MQN's fields: each is a dimension that a search may vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from mqn.families.contract import Arch

Attention = Literal["none", "sa", "csa", "ca"]
Upsampling = Literal["nearest", "bilinear"]

# No machine has the memory for more; what is above is a slip, or a file that means harm.
_MOST_HEAD_CHANNELS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MQNArch(Arch):
    """MQN, the paper's mixed quantization network.

    Attributes:
        attention: the gated attention behind the decoder's blocks (Table 1 of the paper).
        width: MobileNetV2's width multiplier of the encoder; 0.35 is the paper's.
        decoder_width: multiplies the decoder's channels; 1 is the paper's.
        upsampling: how the decoder doubles its resolution.
        head_channels: channels of the head's 3 x 3 convolution; 12 is the paper's (its 1 x 1 one has half as many).
        encoder_weights: `imagenet` (downloaded once, checked by hash), `random`, or a path to an .npz or .h5 file.
    """

    stride: ClassVar[int] = 32

    family: str = "mqn"
    attention: Attention = "ca"
    width: float = 0.35
    decoder_width: float = 1.0
    upsampling: Upsampling = "nearest"
    head_channels: int = 12
    encoder_weights: str = "imagenet"

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        Arch.__post_init__(self)
        if not 0 < self.width <= 2 or not 0 < self.decoder_width <= 4:
            raise ValueError(f"width {self.width} must be in (0, 2] and decoder_width {self.decoder_width} in (0, 4]")
        if not 2 <= self.head_channels <= _MOST_HEAD_CHANNELS or self.head_channels % 2:
            raise ValueError(f"head_channels {self.head_channels} must be even, and 2 to {_MOST_HEAD_CHANNELS}")

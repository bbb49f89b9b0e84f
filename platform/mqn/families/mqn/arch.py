"""MQN's fields: each is a dimension that a search may vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mqn.families.contract import Arch
from mqn.families.fields import ranged, weights_file

Attention = Literal["none", "sa", "csa", "ca"]
Upsampling = Literal["nearest", "bilinear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MQNArch(Arch):
    """MQN, the paper's mixed quantization network.

    Attributes:
        attention: the gated attention behind the decoder's blocks (Table 1 of the paper).
        width: MobileNetV2's width multiplier of the encoder; 0.35 is the paper's.
        decoder_width: multiplies the decoder's channels; 1 is the paper's.
        upsampling: how the decoder doubles its resolution.
        head_channels: channels of the head's 3 x 3 convolution; 12 is the paper's (its 1 x 1 one has half as many).
        gain_scale: the head's last map, before the picture is added, has 1 / gain_scale of the picture's sides and is
            enlarged: 1 as in the paper, 2 or 4. For the codec `gain` (`mqn.hdr.gains`): a gain without grain.
        encoder_weights: `imagenet` (downloaded once, checked by hash), `random`, or a path to an .npz or .h5 file.
    """

    stride: ClassVar[int] = 32

    family: str = "mqn"
    attention: Attention = "ca"
    width: float = ranged(0.35, 0, 2)
    decoder_width: float = ranged(1.0, 0, 4)
    upsampling: Upsampling = "nearest"
    # No machine has the memory for more channels; what is above is a slip, or a file that means harm.
    head_channels: int = ranged(12, 2, 1024, even=True)
    gain_scale: Literal[1, 2, 4] = 1
    encoder_weights: str = weights_file("imagenet")

    def identity(self) -> dict[str, Any]:
        """As `Arch.identity`; a `gain_scale` of 1 is left out too, as there was none at first."""
        plain = Arch.identity(self)
        if self.gain_scale == 1:
            del plain["gain_scale"]
        return plain

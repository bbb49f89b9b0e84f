"""MQN's fields: each is a dimension that a search may vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from mqn.families.contract import Arch
from mqn.families.fields import answering, ranged, weights_file

Attention = Literal["none", "sa", "csa", "ca"]
Upsampling = Literal["nearest", "bilinear"]

_LATER = {"gain_scale": 1, "output_channels": 3}
"""Fields that came later, and what was done before."""


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
        output_channels: of the head's last map, before the picture is added: 3 as in the paper, or 1, which is added to
            all three colours. With the codec `gain` only: the network gives one gain for all three. How much of it each
            may have is still for its own code value to say (`mqn.hdr.gains`).
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
    output_channels: Literal[1, 3] = answering(3, {1: ("gain",)})
    encoder_weights: str = weights_file("imagenet")

    def identity(self) -> dict[str, Any]:
        """As `Arch.identity`; fields that were not there at first are left out too where they change nothing."""
        plain = Arch.identity(self)
        return {name: value for name, value in plain.items() if name not in _LATER or value != _LATER[name]}

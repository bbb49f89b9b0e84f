"""MQN, the mixed quantization network: an integer-friendly backbone and a head that wants precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from mqn.models.attention import AttentionKind
from mqn.models.decoder import Decoder, UpsamplingMode
from mqn.models.encoder import Encoder
from mqn.models.head import Head
from mqn.models.pretrained import load_encoder

if TYPE_CHECKING:
    from mqn.records import Arch


class Backbone(nn.Module):
    """U-Net of `encoder` and `decoder`. (N, 3, H, W) in [0, 1] -> (N, decoder.channels, H, W), not negative."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        """Join the two."""
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> Tensor:
        """Compute the interface."""
        return self.decoder(self.encoder(x), x)


class MQN(nn.Module):
    """The whole network, traceable by `torch.fx`.

    (N, 3, H, W) in [0, 1], H and W multiples of 32 -> (N, 3, H, W) in the codec's range, 0.269 to 0.881.

    Its graph holds these leaf modules: Conv2d, BatchNorm2d, InstanceNorm2d, ReLU, ReLU6, Sigmoid, Tanh, Upsample,
    ZeroPad2d; and these functions: operator's add, sub, mul, torch.cat, torch.mean.
    """

    def __init__(
        self,
        *,
        attention: AttentionKind = "ca",
        width: float = 0.35,
        decoder_width: float = 1.0,
        upsampling: UpsamplingMode = "nearest",
        head_channels: int = 12,
    ) -> None:
        """Make the layers with random weights; the parameters are those of `mqn.records.Arch`."""
        super().__init__()
        encoder = Encoder(width)
        decoder = Decoder(encoder.tap_channels, attention=attention, width=decoder_width, upsampling=upsampling)
        self.backbone = Backbone(encoder, decoder)
        self.head = Head(decoder.channels, head_channels)
        _initialize(self)

    def interface(self, x: Tensor) -> Tensor:
        """The features that the backbone hands to the head: (N, decoder.channels, H, W), not negative."""
        return self.backbone(x)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network."""
        return self.head(self.backbone(x), x)


def build(arch: Arch) -> MQN:
    """Make a network with its encoder's weights loaded.

    All else is random, from torch's global generator: seed it for the same weights.

    Args:
        arch: the network.

    Returns:
        The network, in training mode, on the CPU, float32.

    Raises:
        WeightsError: the encoder's weights cannot be had, or do not fit `arch.width`.
    """
    model = assemble(arch)
    load_encoder(model.backbone.encoder, arch.encoder_weights, arch.width)
    return model


def assemble(arch: Arch) -> MQN:
    """Make a network with random weights, whatever `arch.encoder_weights` says: for weights that are loaded later."""
    return MQN(
        attention=arch.attention,
        width=arch.width,
        decoder_width=arch.decoder_width,
        upsampling=arch.upsampling,
        head_channels=arch.head_channels,
    )


def _initialize(model: nn.Module) -> None:
    """Keras's defaults, which the authors started from: Glorot-uniform kernels, biases of zero."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

"""MQN, the mixed quantization network: an integer-friendly backbone and a head that needs precision."""

from __future__ import annotations

from torch import Tensor, nn

from mqn.families.mqn.arch import Attention, MQNArch, Upsampling
from mqn.families.mqn.decoder import Decoder
from mqn.families.mqn.encoder import Encoder
from mqn.families.mqn.head import Head


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
    ZeroPad2d; and these functions: operator's add, sub, mul, torch.cat, torch.mean; with a
    `gain_scale` above 1 F.avg_pool2d.
    """

    def __init__(
        self,
        *,
        attention: Attention = "ca",
        width: float = 0.35,
        decoder_width: float = 1.0,
        upsampling: Upsampling = "nearest",
        head_channels: int = 12,
        gain_scale: int = 1,
        output_channels: int = 3,
    ) -> None:
        """Make the layers with random weights; the parameters are those of `mqn.families.mqn.arch.MQNArch`."""
        super().__init__()
        encoder = Encoder(width)
        decoder = Decoder(encoder.tap_channels, attention=attention, width=decoder_width, upsampling=upsampling)
        self.backbone = Backbone(encoder, decoder)
        self.head = Head(decoder.channels, head_channels, gain_scale, output_channels)
        _initialize(self)

    def interface(self, x: Tensor) -> Tensor:
        """The features that the backbone hands to the head: (N, decoder.channels, H, W), not negative."""
        return self.backbone(x)

    def forward(self, x: Tensor) -> Tensor:
        """Run the network."""
        return self.head(self.backbone(x), x)


def assemble(arch: MQNArch) -> MQN:
    """Make a network with random weights, whatever `arch.encoder_weights` says: for weights that are loaded later."""
    return MQN(
        attention=arch.attention,
        width=arch.width,
        decoder_width=arch.decoder_width,
        upsampling=arch.upsampling,
        head_channels=arch.head_channels,
        gain_scale=arch.gain_scale,
        output_channels=arch.output_channels,
    )


def _initialize(model: nn.Module) -> None:
    """Keras's defaults, which the authors started from: Glorot-uniform kernels, biases of zero."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

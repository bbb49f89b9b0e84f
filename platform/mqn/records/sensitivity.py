"""How much accuracy the quantization of each layer costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSensitivity:
    """What quantizing one layer alone costs.

    Attributes:
        layer: its dotted name, as rules take it.
        kind: its operator, `CONV_2D` or `DEPTHWISE_CONV_2D`.
        scheme: how it was quantized.
        psnr_tm_drop: the float network's PSNR-TM minus what is left, in dB; near 0 it is as often below as above.
        output_psnr: of the output, 0 to 1, against the float network's, in dB; None where they are equal.
        interface_error: of the features at the plan's cut: rms of the difference over rms of the float features.
    """

    layer: str
    kind: str
    scheme: str
    psnr_tm_drop: float
    output_psnr: float | None
    interface_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """Every layer that a plan quantizes.

    Attributes:
        plan: its label.
        pictures: how many were judged upon.
        psnr_tm_float: of the float network, in dB.
        psnr_tm_plan: of the plan carried out.
        layers: by `psnr_tm_drop`, the largest first.
    """

    plan: str
    pictures: int
    psnr_tm_float: float
    psnr_tm_plan: float
    layers: tuple[LayerSensitivity, ...]

    def keep_in_float(self, count: int) -> str:
        """Rules that leave the most sensitive layers in float, as `plan.rules` takes them."""
        return "; ".join(f"{layer.layer}=float32" for layer in self.layers[:count])

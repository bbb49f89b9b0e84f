"""How far a quantized model is from its float model: at the output, and at the interface (Figure 5 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.quantize.equalization import channel_factors
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.cutting import INPUT, INTERFACE, OUTPUT, expose
from mqn.tflite.flatbuffer import Network

PARITY_PICTURES = 8
# The runtime's kernels of 16-bit activations are plain loops: 0.6 s a picture at 256 x 256, where others take 0.01.
_WIDE_PICTURES = 2


def measure_parity(reference: Network, tensor: str, parts: Sequence[Network], pictures: np.ndarray) -> dict[str, Any]:
    """Run both on the same pictures.

    Args:
        reference: the float network, whole.
        tensor: name of its interface tensor.
        parts: the quantized files: one (fused), or backbone and head.
        pictures: (N, S, S, 3) float32 in [0, 1]; the first `PARITY_PICTURES` are taken, the first two where activations
            have 16 bits. N may be 0.

    Returns:
        `pictures`: how many were compared; `output`: `max` and `rms` difference of values in [0, 1] and `psnr` (dB,
        peak 1; None where there is no difference); `interface`: `max` difference and `relative_rms` (rms of the
        difference over rms of the float features). Both None without a picture.
    """
    wide = any(tensor.type == schema.TensorType.INT16 for part in parts for tensor in part.tensors)
    pictures = pictures[: _WIDE_PICTURES if wide else PARITY_PICTURES]
    if not len(pictures):
        return {"pictures": 0, "output": None, "interface": None}
    float_model = open_interpreter(expose(reference, {INTERFACE: tensor}).to_bytes())
    quantized = [open_interpreter(part.to_bytes()) for part in _with_interface(parts, tensor)]
    output, features = _Difference(), _Difference()
    for picture in pictures:
        expected = run(float_model, {INPUT: picture[None]})
        found = {INPUT: picture[None]}
        for interpreter in quantized:
            found |= run(interpreter, found)
        output.add(expected[OUTPUT], found[OUTPUT])
        features.add(expected[INTERFACE], dequantize(found[INTERFACE], parts[0], tensor))
    psnr = float(-20 * np.log10(output.rms)) if output.rms else None
    return {
        "pictures": len(pictures),
        "output": {"max": output.worst, "rms": output.rms, "psnr": psnr},
        "interface": {"max": features.worst, "relative_rms": features.relative_rms},
    }


class _Difference:
    """Gathers differences over pictures."""

    def __init__(self) -> None:
        self.worst = self.squares = self.energy = 0.0
        self.count = 0

    def add(self, expected: np.ndarray, found: np.ndarray) -> None:
        difference = found.astype(np.float64) - expected
        self.worst = max(self.worst, float(np.abs(difference).max()))
        self.squares += float(np.square(difference).sum())
        self.energy += float(np.square(expected, dtype=np.float64).sum())
        self.count += difference.size

    @property
    def rms(self) -> float:
        return float(np.sqrt(self.squares / self.count))

    @property
    def relative_rms(self) -> float:
        return float(np.sqrt(self.squares / self.energy)) if self.energy else 0.0


def _with_interface(parts: Sequence[Network], tensor: str) -> Sequence[Network]:
    """The parts, with a fused one's interface as a further output."""
    return parts if len(parts) > 1 else [expose(parts[0], {INTERFACE: tensor})]


def dequantize(values: np.ndarray, network: Network, tensor: str) -> np.ndarray:
    """Features as the trained network has them: floats, whose channels nothing was divided by.

    A fused file may keep its interface in 8 or 16 bits; the network says by which scale.
    """
    if values.dtype != np.float32:
        scheme = network.tensors[network.index(tensor)].quantization
        values = (values.astype(np.float32) - scheme.zeroPoint[0]) * np.float32(scheme.scale[0])
    return values * channel_factors(network, tensor)

"""What each scheme does to an operator, in ai-edge-quantizer's words, and which operators it has kernels for."""

from __future__ import annotations

import functools
from typing import Any

from ai_edge_quantizer import algorithm_manager, qtyping

# Dynamic quantization measures and converts every activation as it comes. On a kernel of few weights that costs more
# than the integer arithmetic saves (the head's 1x1 convolutions at 256 x 256: 1.4 ms each, against 0.2 ms in float), so
# such kernels stay in float, with the threshold that TensorFlow's own converter has.
DYNAMIC_MIN_WEIGHTS = 1024
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

FALLBACK = {"static_wi4_ai8": "static_wi8_ai8", "dynamic_wi4_afp32": "dynamic_wi8_afp32"}
"""What an operator gets that its side's scheme has no kernel for; all others stay in float32."""


def _weights(num_bits: int, dtype: str, granularity: str) -> dict[str, Any]:
    return {"num_bits": num_bits, "symmetric": True, "granularity": granularity, "dtype": dtype}


def _integers(weight_bits: int, activation_bits: int | None) -> dict[str, Any]:
    config = {
        "weight_tensor_config": _weights(weight_bits, "INT", "CHANNELWISE"),
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
    }
    if activation_bits is None:
        return config
    # Kernels of 16-bit activations know no zero point.
    symmetric = activation_bits == 16
    activations = {"num_bits": activation_bits, "symmetric": symmetric, "granularity": "TENSORWISE", "dtype": "INT"}
    return {"activation_tensor_config": activations, **config}


_MIN_MAX, _CASTING = "min_max_uniform_quantize", "float_casting"
_HALVES = {
    "weight_tensor_config": _weights(16, "FLOAT", "TENSORWISE"),
    "compute_precision": "FLOAT",
    "explicit_dequantize": True,
}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "float16": (_CASTING, _HALVES),
    "dynamic_wi8_afp32": (_MIN_MAX, _integers(8, None)),
    "dynamic_wi4_afp32": (_MIN_MAX, _integers(4, None)),
    "static_wi8_ai8": (_MIN_MAX, _integers(8, 8)),
    "static_wi4_ai8": (_MIN_MAX, _integers(4, 8)),
    "static_wi8_ai16": (_MIN_MAX, _integers(8, 16)),
}
"""Algorithm and configuration of every scheme but float32, which does nothing."""


def weight_levels(scheme: str) -> int:
    """The largest integer that a weight of a scheme can be: 127 or 7."""
    bits = CONFIGS[scheme][1]["weight_tensor_config"]["num_bits"]
    return 2 ** (int(bits) - 1) - 1


def lowest_weight(levels: int) -> int:
    """The smallest integer that a weight can be, given the largest: 8-bit kernels have no -128, 4-bit ones have -8."""
    return -levels if levels >= 127 else -levels - 1


def activation_levels(scheme: str) -> int:
    """How many steps a static scheme divides an activation's range into: 255 or 65535."""
    return 2 ** int(CONFIGS[scheme][1]["activation_tensor_config"]["num_bits"]) - 1


@functools.cache
def has_kernel(scheme: str, kind: str) -> bool:
    """Whether an operator (its name in the TFLite schema) can be carried out under a scheme other than `float32`.

    Tried out one by one with LiteRT 2.3 (`tests/export/test_schemes.py`): what the quantizer offers for our networks'
    operators the runtime runs, 4-bit kernels and 16-bit activations included; 16-bit ones all outside the delegate.
    """
    algorithm, config = CONFIGS[scheme]
    if kind not in qtyping.TFLOperationName.__members__:
        return False
    try:
        algorithm_manager.check_op_quantization_config(
            algorithm, qtyping.TFLOperationName[kind], qtyping.OpQuantizationConfig.from_dict(config)
        )
    except ValueError:
        return False
    return True

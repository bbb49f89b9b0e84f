"""Plan -> ai-edge-quantizer recipe: rules of a scope (regex on output names) and a scheme each; later rules win."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from mqn.errors import PlanError, nearest
from mqn.export.cutting import upstream
from mqn.export.flatbuffer import Network

# Dynamic quantization measures and converts every activation as it comes. On a kernel of few weights that costs more
# than the integer arithmetic saves (the head's 1x1 convolutions at 256 x 256: 1.4 ms each, against 0.2 ms in float), so
# such kernels stay in float, with the threshold that TensorFlow's own converter has.
DYNAMIC_MIN_WEIGHTS = 1024
_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def build_recipe(network: Network, tensor: str, backbone: str, head: str) -> list[dict[str, Any]]:
    """Write the recipe of a network cut at a tensor.

    Args:
        network: the float network, whole.
        tensor: name of the interface tensor.
        backbone: scheme of every operator that the tensor depends on.
        head: scheme of all others.

    Returns:
        Rules as ai-edge-quantizer reads them (its JSON form); none for a side that stays float32. Inputs and outputs
        of the file stay float32 under every scheme.

    Raises:
        PlanError: no such tensor or scheme, or a dynamic scheme on a side without a kernel worth quantizing.
    """
    before = upstream(network, tensor)
    sides: tuple[list[Any], list[Any]] = ([], [])
    for position, operator in enumerate(network.operators):
        sides[0 if position in before else 1].append(operator)
    names = [[network.tensors[operator.outputs[0]].name for operator in side] for side in sides]
    rules: list[dict[str, Any]] = []
    for label, scheme, side, own, other in (
        ("backbone", backbone, sides[0], names[0], names[1]),
        ("head", head, sides[1], names[1], names[0]),
    ):
        if scheme not in SCHEMES:
            raise PlanError(f"no scheme {scheme!r} for the {label}; {nearest(scheme, SCHEMES)}")
        if scheme == "dynamic_wi8_afp32" and not _largest_kernel(network, side) >= DYNAMIC_MIN_WEIGHTS:
            raise PlanError(
                f"dynamic_wi8_afp32 would leave the {label} behind {tensor!r} in float: its largest kernel has "
                f"{_largest_kernel(network, side)} weights, fewer than {DYNAMIC_MIN_WEIGHTS}; take float32"
            )
        rules += SCHEMES[scheme](scope(own, other))
        norms = normalizations(network, side)
        if scheme == "static_wi8_ai8" and norms:
            rules += _in_float(f"^(?:{'|'.join(map(re.escape, norms))});")
    return rules + _float_edges() if rules else []


def needs_calibration(rules: Sequence[dict[str, Any]]) -> bool:
    """Whether a recipe fixes ranges of activations beforehand."""
    return any("activation_tensor_config" in rule["op_config"] for rule in rules)


def scope(own: Sequence[str], other: Sequence[str]) -> str:
    """A regex that finds the operators of one side by the names of their outputs, and none of the other side.

    Args:
        own: output names of the side's operators.
        other: those of the other side.

    Returns:
        The folders that the names start with where the other side has none of them (`^(?:backbone)[/;]`), else all
        names.
    """
    folders, others = {name.split("/")[0] for name in own}, {name.split("/")[0] for name in other}
    if not folders & others:
        return f"^(?:{'|'.join(map(re.escape, sorted(folders)))})[/;]"
    return f"^(?:{'|'.join(map(re.escape, sorted(own)))});"


def normalizations(network: Network, operators: Sequence[Any]) -> list[str]:
    """Output names of the operators that make up instance norms: all between a convolution and the next one.

    A static scheme leaves them in float. Their variances and reciprocal roots want more than 8 bits, and the delegate
    has no 8-bit kernels for them: a head all in 8 bits is slower than one in float.
    """
    starts = {operator.inputs[0] for operator in operators if network.kind(operator) == "SQUARED_DIFFERENCE"}
    reached, names = set(starts), []
    for operator in operators:
        if network.kind(operator) not in _KERNELS and reached & set(operator.inputs):
            reached.update(operator.outputs)
            names.append(network.tensors[operator.outputs[0]].name)
    return names


def _largest_kernel(network: Network, operators: Sequence[Any]) -> int:
    kernels = (network.constant(o.inputs[1]) for o in operators if network.kind(o) in _KERNELS)
    return max((kernel.size for kernel in kernels if kernel is not None), default=0)


def _weights(num_bits: int, dtype: str, granularity: str) -> dict[str, Any]:
    return {"num_bits": num_bits, "symmetric": True, "granularity": granularity, "dtype": dtype}


def _float_edges() -> list[dict[str, Any]]:
    return [*_in_float(".*", "INPUT"), *_in_float(".*", "OUTPUT")]


def _in_float(regex: str, operation: str = "*") -> list[dict[str, Any]]:
    return [{"regex": regex, "operation": operation, "algorithm_key": "no_quantize", "op_config": {}}]


def _float32(_scope: str) -> list[dict[str, Any]]:
    return []


def _float16(regex: str) -> list[dict[str, Any]]:
    config = {
        "weight_tensor_config": _weights(16, "FLOAT", "TENSORWISE"),
        "compute_precision": "FLOAT",
        "explicit_dequantize": True,
    }
    return [{"regex": regex, "operation": "*", "algorithm_key": "float_casting", "op_config": config}]


def _dynamic(regex: str) -> list[dict[str, Any]]:
    config = {
        "weight_tensor_config": _weights(8, "INT", "CHANNELWISE"),
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
        "min_weight_elements": DYNAMIC_MIN_WEIGHTS,
    }
    return [{"regex": regex, "operation": "*", "algorithm_key": "min_max_uniform_quantize", "op_config": config}]


def _static(regex: str) -> list[dict[str, Any]]:
    config = {
        "activation_tensor_config": {"num_bits": 8, "symmetric": False, "granularity": "TENSORWISE", "dtype": "INT"},
        "weight_tensor_config": _weights(8, "INT", "CHANNELWISE"),
        "compute_precision": "INTEGER",
        "explicit_dequantize": False,
    }
    return [{"regex": regex, "operation": "*", "algorithm_key": "min_max_uniform_quantize", "op_config": config}]


SCHEMES: dict[str, Callable[[str], list[dict[str, Any]]]] = {
    "float32": _float32,
    "float16": _float16,
    "dynamic_wi8_afp32": _dynamic,
    "static_wi8_ai8": _static,
}

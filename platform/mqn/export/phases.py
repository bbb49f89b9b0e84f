"""Convolve before spreading: a 1x1 convolution of [doubled features, picture] at half resolution, in four phases.

The decoder's last step doubles its features to full resolution, puts the picture beside them and convolves each pixel.
The four pixels of a 2 x 2 block share their features and differ in the picture only. So the block is convolved at once,
with four times the output channels, and then spread out: the same sums (with 8-bit integers the very same numbers)
without the doubled features and the concatenation at full resolution, which cost more than the convolution itself.

A fused int8+dynamic file (CA, 256 x 256, one thread of an x86-64 processor with AVX-512 VNNI) takes 0.96 of its time
without this rewrite; no other kind of processor was measured (`tests/benchmarks/bench_fused.py` compares).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.flatbuffer import Network

PHASES = 4
# Each phase's kernel meets the other phases' picture channels with zeros. Where the second part is narrow, as a picture
# is, that is little; for the decoder's other skips it would be most of the work.
_MOST_EXTRA_WORK = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the pattern stands: the operators by their part in it."""

    resize: Any
    requantize: Any | None
    concatenation: Any
    convolution: Any


def convolve_in_phases(network: Network) -> int:
    """Rewrite every place where it pays.

    Args:
        network: changed in place; float or quantized.

    Returns:
        How many were rewritten.
    """
    places = [place for operator in network.operators if (place := _match(network, operator)) is not None]
    for place in places:
        rewritten = _rewrite(network, place)
        position = network.operators.index(place.convolution)
        gone = (place.resize, place.requantize, place.concatenation, place.convolution)
        before = [operator for operator in network.operators[:position] if not any(operator is g for g in gone)]
        network.graph.operators = [*before, *rewritten, *network.operators[position + 1 :]]
    if places:
        network.drop_unused()
    return len(places)


def doubles(network: Network, operator: Any) -> bool:
    """Whether an operator is a nearest-neighbour resize to twice the height and width."""
    if network.kind(operator) != "RESIZE_NEAREST_NEIGHBOR" or operator.builtinOptions.alignCorners:
        return False
    if network.tensors[operator.inputs[0]].type == schema.TensorType.INT16:
        return False  # The runtime spreads and gathers no 16-bit integers.
    source, result = (network.tensors[index].shape for index in (operator.inputs[0], operator.outputs[0]))
    return [2 * side for side in source[1:3]] == list(result[1:3])


def _match(network: Network, convolution: Any) -> _Place | None:
    if network.kind(convolution) != "CONV_2D" or list(network.tensors[convolution.inputs[1]].shape[1:3]) != [1, 1]:
        return None
    if network.tensors[convolution.inputs[1]].type == schema.TensorType.INT4:
        return None  # Two weights share a byte, and the delegate does not take these anyway.
    options = convolution.builtinOptions
    concatenation = network.producer(convolution.inputs[0])
    if (options.strideH, options.strideW) != (1, 1) or concatenation is None:
        return None
    if network.kind(concatenation) != "CONCATENATION" or len(concatenation.inputs) != 2:
        return None
    requantize, resize = None, network.producer(concatenation.inputs[0])
    if resize is not None and network.kind(resize) == "QUANTIZE":
        requantize, resize = resize, network.producer(resize.inputs[0])
    if resize is None or not doubles(network, resize):
        return None
    inner = [operator.outputs[0] for operator in (resize, requantize, concatenation) if operator is not None]
    if any(_uses(network, index) != 1 for index in inner) or _stored(network, convolution.inputs[1]) is None:
        return None
    features, picture = (network.tensors[index].shape[3] for index in concatenation.inputs)
    extra = (features + PHASES * picture) / (features + picture)
    if extra > _MOST_EXTRA_WORK:
        return None
    return _Place(resize=resize, requantize=requantize, concatenation=concatenation, convolution=convolution)


def _rewrite(network: Network, place: _Place) -> list[Any]:
    doubled, picture = place.concatenation.inputs
    source, joined, result = place.resize.inputs[0], place.concatenation.outputs[0], place.convolution.outputs[0]
    batch, height, width, channels = network.tensors[source].shape
    beside, out = network.tensors[picture].shape[3], network.tensors[result].shape[3]
    name = network.tensors[result].name
    operators = []
    if place.requantize is not None:
        fitted = network.add_tensor(f"{name}/features", (batch, height, width, channels), like=doubled)
        place.requantize.inputs, place.requantize.outputs = [source], [fitted]
        operators.append(place.requantize)
        source = fitted
    block = network.add_tensor(f"{name}/block", (batch, height, width, PHASES * beside), like=picture)
    both = network.add_tensor(f"{name}/both", (batch, height, width, channels + PHASES * beside), like=joined)
    phases = network.add_tensor(f"{name}/phases", (batch, height, width, PHASES * out), like=result)
    operators.append(new_operator(network, "SPACE_TO_DEPTH", [picture], block, "SpaceToDepthOptions", blockSize=2))
    place.concatenation.inputs, place.concatenation.outputs = [source, block], [both]
    _widen(network, place.convolution, channels)
    place.convolution.inputs[0], place.convolution.outputs = both, [phases]
    operators += [place.concatenation, place.convolution]
    operators.append(new_operator(network, "DEPTH_TO_SPACE", [phases], result, "DepthToSpaceOptions", blockSize=2))
    return operators


def _widen(network: Network, convolution: Any, features: int) -> None:
    """Give a convolution the kernel and bias of all phases; per-channel scales repeat with the channels."""
    kernel_index, bias_index = convolution.inputs[1:]
    stored = _stored(network, kernel_index)
    assert stored is not None
    kernel = network.constant(stored)
    assert kernel is not None
    out, beside = kernel.shape[0], kernel.shape[3] - features
    wide = np.zeros((PHASES * out, 1, 1, features + PHASES * beside), kernel.dtype)
    for phase in range(PHASES):
        rows = slice(phase * out, (phase + 1) * out)
        wide[rows, :, :, :features] = kernel[..., :features]
        first = features + phase * beside
        wide[rows, :, :, first : first + beside] = kernel[..., features:]
    convolution.inputs[1] = replace_constant(network, kernel_index, wide, PHASES)
    convolution.inputs[2] = repeat_bias(network, bias_index, PHASES)


def repeat_bias(network: Network, index: int, times: int) -> int:
    """A bias with the same values for every copy of a convolution's channels.

    Returns:
        The index that the convolution is to read instead.
    """
    stored = _stored(network, index)
    assert stored is not None
    bias = network.constant(stored)
    assert bias is not None
    return replace_constant(network, index, np.tile(bias, times), times)


def replace_constant(network: Network, index: int, value: np.ndarray, times: int) -> int:
    """A constant in place of another one, whose scales per channel repeat.

    The converter lets operators share equal constants (every bias that is all zeros, say), so the old one stays.

    Args:
        network: changed in place.
        index: the old constant, or what a dequantization of 16-bit floats makes of it.
        value: the new one.
        times: how often its channels repeat the old one's.

    Returns:
        The index to read instead.
    """
    stored = _stored(network, index)
    assert stored is not None
    new = network.add_tensor(f"{network.tensors[stored].name}/x{times}", value.shape, like=stored)
    network.set_constant(new, value)
    repeat_scales(network.tensors[new], times)
    if stored == index:
        return new
    producer = network.producer(index)
    assert producer is not None
    producer.inputs = [new]
    network.tensors[index].shape = list(value.shape)
    return index


def repeat_scales(tensor: Any, times: int) -> None:
    """Give a tensor the same scales for every copy of its channels; one scale for all stays one."""
    scheme = tensor.quantization
    if scheme is None or scheme.scale is None or len(scheme.scale) <= 1:
        return
    tensor.quantization = schema.QuantizationParametersT(
        scale=list(scheme.scale) * times,
        zeroPoint=list(scheme.zeroPoint) * times,
        quantizedDimension=scheme.quantizedDimension,
    )


def _stored(network: Network, index: int) -> int | None:
    """The tensor that holds a constant: itself, or what a dequantization of 16-bit floats reads."""
    if network.constant(index) is not None:
        return index
    producer = network.producer(index)
    if producer is not None and network.kind(producer) == "DEQUANTIZE" and _uses(network, index) == 1:
        return int(producer.inputs[0]) if network.constant(producer.inputs[0]) is not None else None
    return None


def _uses(network: Network, index: int) -> int:
    return sum(index in operator.inputs for operator in network.operators) + (index in network.graph.outputs)


def new_operator(network: Network, kind: str, inputs: list[int], output: int, options: str, **values: Any) -> Any:
    """An operator that is not in the network yet, with its options by the schema's names."""
    return schema.OperatorT(
        opcodeIndex=network.operator_code(kind),
        inputs=inputs,
        outputs=[output],
        builtinOptionsType=getattr(schema.BuiltinOptions, options),
        builtinOptions=getattr(schema, f"{options}T")(**values),
    )

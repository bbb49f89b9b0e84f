"""Ranges of activations on real pictures, which static schemes need."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from mqn.export.correction import CHANNEL_AXIS
from mqn.export.cutting import INPUT
from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter

Range = tuple[float, float]
# Tensors that meet in a concatenation must have one scale; a tensor whose own range is narrower than its neighbours'
# either takes the wide one (and loses precision wherever else it is used) or is requantized (a pass over memory).
# Up to this ratio, one bit, it takes the wide one.
SHARED_RANGE_RATIO = 2.0
# Half of what 32 bits hold: the sum of products needs room beside the bias.
_LARGEST_BIAS = 2.0**30
_SMALLEST_STEP = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What the tensors of a float network hold over some pictures.

    Attributes:
        ranges: smallest and largest value of every computed tensor and of the input, by name. Constants are left out:
            the quantizer looks at them itself, channel by channel.
        means: mean by channel of every tensor that a convolution reads, by name.
    """

    ranges: dict[str, Range]
    means: dict[str, np.ndarray]


def measure_statistics(network: Network, pictures: np.ndarray) -> Statistics:
    """Run a float network on pictures and look at every tensor.

    Args:
        network: a float one with input `ldr`.
        pictures: (N, S, S, 3) float32 in [0, 1], N at least 1.
    """
    with warnings.catch_warnings():  # LiteRT warns that keeping every tensor takes memory, which is what is wanted.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = open_interpreter(network.to_bytes(), preserve=True)
    picture = network.inputs()[INPUT]
    watched = {index: network.tensors[index].name for index in network.computed() | {picture}}
    convolved = {operator.inputs[0] for operator in network.operators if network.kind(operator) in CHANNEL_AXIS}
    lows = dict.fromkeys(watched.values(), np.inf)
    highs = dict.fromkeys(watched.values(), -np.inf)
    sums: dict[str, np.ndarray] = {}
    for one in pictures:
        interpreter.set_tensor(picture, one[None])
        interpreter.invoke()
        for index, name in watched.items():
            values = interpreter.get_tensor(index)
            lows[name] = min(lows[name], float(values.min()))
            highs[name] = max(highs[name], float(values.max()))
            if index in convolved:
                sums[name] = sums.get(name, 0.0) + values.mean(axis=(0, 1, 2))
    return Statistics(
        ranges={name: (lows[name], highs[name]) for name in lows},
        means={name: total / len(pictures) for name, total in sums.items()},
    )


def share_ranges(network: Network, ranges: dict[str, Range]) -> dict[str, Range]:
    """Give tensors that only copy each other's values one range, so that no operator is needed to convert between them.

    Args:
        network: the float network.
        ranges: as `measure_statistics` gives them.

    Returns:
        The ranges with those of resizes (input and output) and concatenations (output and, where they are not narrower
        than 1 / `SHARED_RANGE_RATIO` of it, inputs) made equal.
    """
    shared = dict(ranges)
    for operator in reversed(network.operators):
        if network.kind(operator) not in ("CONCATENATION", "RESIZE_NEAREST_NEIGHBOR"):
            continue
        wide = shared[network.tensors[operator.outputs[0]].name]
        for index in operator.inputs:
            name = network.tensors[index].name
            low, high = shared.get(name, (0.0, 0.0))
            if network.constant(index) is None and SHARED_RANGE_RATIO * (high - low) >= wide[1] - wide[0]:
                shared[name] = (min(low, wide[0]), max(high, wide[1]))
    return shared


def weight_ranges(network: Network, ranges: dict[str, Range]) -> dict[str, np.ndarray]:
    """Largest weight a channel, not so small that the channel's bias overflows 32 bits.

    A bias is stored in steps of input scale times weight scale. MobileNetV2's ImageNet weights have channels whose
    kernel is 1e-18 and whose bias is not: left alone, the quantizer wraps their bias around.

    Args:
        network: the float network.
        ranges: of activations.

    Returns:
        Name of every convolution's kernel to its bound, shaped to be broadcast over the kernel.
    """
    bounds: dict[str, np.ndarray] = {}
    for operator in network.operators:
        if network.kind(operator) not in CHANNEL_AXIS:
            continue
        picture, kernel_index, bias_index = operator.inputs
        kernel, bias = network.constant(kernel_index), network.constant(bias_index)
        if kernel is None or bias is None:
            continue
        channel = CHANNEL_AXIS[network.kind(operator)]
        axes = tuple(axis for axis in range(kernel.ndim) if axis != channel)
        low, high = ranges[network.tensors[picture].name]
        step = max((max(high, 0.0) - min(low, 0.0)) / 255, _SMALLEST_STEP)
        least = 127 * np.abs(bias.astype(np.float64)) / (step * _LARGEST_BIAS)
        shape = [len(bias) if axis == channel else 1 for axis in range(kernel.ndim)]
        bounds[network.tensors[kernel_index].name] = np.maximum(
            np.abs(kernel).max(axis=axes, keepdims=True), least.reshape(shape)
        ).astype(np.float32)
    return bounds


def as_quantizer_ranges(ranges: dict[str, Range], weights: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Ranges in the form that ai-edge-quantizer takes a calibration result."""
    activations = {name: {"min": np.array([low]), "max": np.array([high])} for name, (low, high) in ranges.items()}
    return activations | {name: {"min": -bound, "max": bound} for name, bound in weights.items()}

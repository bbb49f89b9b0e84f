"""How large a weight the integers of a kernel are to stand for, channel by channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mqn.export.quantize.correction import CHANNEL_AXIS
from mqn.export.quantize.ranges import Range
from mqn.export.quantize.schemes import activation_levels, lowest_weight, weight_levels
from mqn.tflite.flatbuffer import Network

# Half of what 32 bits hold: the sum of products needs room beside the bias.
_LARGEST_BIAS = 2.0**30
_BYTE = 255
_SMALLEST_STEP = 1e-12
# XNNPACK takes a convolution whose sums, in steps of input times weight, are less than 256 steps of its output each.
_MOST_STEPS = 255.0
# So that a channel that is all zeros has a scale.
_SMALLEST_BOUND = 1e-9
# With 16 values a weight, the largest weights are worth clipping for the sake of the others.
_CLIPPED_BELOW_LEVELS = 127
_SHARES = np.linspace(0.4, 1.0, 25)


def weight_bounds(network: Network, schemes: Sequence[str], ranges: Mapping[str, Range]) -> dict[str, np.ndarray]:
    """Find the largest weight that each channel's integers stand for.

    For 8-bit kernels it is the channel's largest weight, for 4-bit ones the bound with the least squared error. It is
    made larger where the channel's bias would overflow 32 bits: a bias is stored in steps of input scale times weight
    scale, and MobileNetV2's ImageNet weights have channels whose kernel is 1e-18 and whose bias is not. Left alone, the
    quantizer lets their bias wrap around.

    Args:
        network: the float network.
        schemes: of its operators.
        ranges: of activations, by tensor name; those that static operators read.

    Returns:
        Name of every kernel that becomes integers to its bound, shaped to be broadcast over the kernel.
    """
    bounds: dict[str, np.ndarray] = {}
    for scheme, operator, kernel, _ in _kernels(network, schemes):
        levels, axes = weight_levels(scheme), _other_axes(network, operator, kernel)
        bound = np.maximum(np.abs(kernel).max(axis=axes, keepdims=True), _SMALLEST_BOUND)
        if levels < _CLIPPED_BELOW_LEVELS:
            bound = _least_squares(kernel, bound, levels, axes)
        name = network.tensors[operator.inputs[1]].name
        bounds[name] = np.maximum(bound, bounds.get(name, 0.0))
    for name, least in bias_bounds(network, schemes, ranges).items():
        bounds[name] = np.maximum(bounds[name], least)
    return {name: bound.astype(np.float32) for name, bound in bounds.items()}


def bias_bounds(network: Network, schemes: Sequence[str], ranges: Mapping[str, Range]) -> dict[str, np.ndarray]:
    """Compute how large a bound each channel needs for its bias to fit into 32 bits.

    Only kernels under static schemes count. Arguments and result are those of `weight_bounds`.
    """
    bounds: dict[str, np.ndarray] = {}
    for scheme, operator, kernel, bias in _kernels(network, schemes):
        if not scheme.startswith("static"):
            continue
        picture, kernel_index, _ = operator.inputs
        levels, steps = weight_levels(scheme), activation_levels(scheme)
        least = _least_bound(bias, ranges[network.tensors[picture].name], levels, steps)
        shape = np.ones(kernel.ndim, int)
        shape[CHANNEL_AXIS[network.kind(operator)]] = -1
        name = network.tensors[kernel_index].name
        bounds[name] = np.maximum(least.reshape(shape), bounds.get(name, 0.0))
    return bounds


def widen_results(
    network: Network, schemes: Sequence[str], ranges: Mapping[str, Range], bounds: Mapping[str, np.ndarray]
) -> dict[str, Range]:
    """Widen the range of what a convolution computes where its steps would be too fine for the runtime.

    Features that vanish on every calibration picture, behind a ReLU that has died, have next to no range, and the
    runtime refuses a file that has such steps.

    Args:
        network: the float network.
        schemes: of its operators.
        ranges: of activations, by tensor name.
        bounds: of the kernels, as `weight_bounds` gives them.

    Returns:
        All ranges.
    """
    widened = dict(ranges)
    for scheme, operator, _, _ in _kernels(network, schemes):
        if not scheme.startswith("static") or activation_levels(scheme) > _BYTE:
            continue
        source, kernel, result = (network.tensors[index].name for index in (*operator.inputs[:2], operator.outputs[0]))
        low, high = widened[source]
        weight = float(bounds[kernel].max()) / weight_levels(scheme)
        low_end, high_end = widened[result]
        widened[result] = low_end, max(high_end, low_end + (high - low) * weight / _MOST_STEPS)
    return widened


def _kernels(network: Network, schemes: Sequence[str]) -> Iterator[tuple[str, Any, np.ndarray, np.ndarray]]:
    """Scheme, operator, kernel and bias of every convolution whose kernel becomes integers."""
    for operator, scheme in zip(network.operators, schemes, strict=True):
        if network.kind(operator) in CHANNEL_AXIS and scheme.startswith(("static", "dynamic")):
            kernel, bias = (network.constant(index) for index in operator.inputs[1:])
            if kernel is not None and bias is not None:
                yield scheme, operator, kernel, bias


def _other_axes(network: Network, operator: Any, kernel: np.ndarray) -> tuple[int, ...]:
    channel = CHANNEL_AXIS[network.kind(operator)]
    return tuple(axis for axis in range(kernel.ndim) if axis != channel)


def _least_bound(bias: np.ndarray, picture: Range, levels: int, activation_levels: int) -> np.ndarray:
    low, high = picture
    if activation_levels > _BYTE:  # Symmetric. Such a bias has 64 bits, but the quantizer fills 32 of them.
        low, high = -max(-low, high), max(-low, high)
    step = max((max(high, 0.0) - min(low, 0.0)) / activation_levels, _SMALLEST_STEP)
    return np.asarray(levels * np.abs(bias.astype(np.float64)) / (step * _LARGEST_BIAS))


def _least_squares(kernel: np.ndarray, bound: np.ndarray, levels: int, axes: tuple[int, ...]) -> np.ndarray:
    best, least = bound, np.full(bound.shape, np.inf)
    for share in _SHARES:
        tried = bound * share
        step = np.maximum(tried / levels, _SMALLEST_STEP)
        rounded = np.clip(np.round(kernel / step), lowest_weight(levels), levels) * step
        error = np.square(rounded - kernel).sum(axis=axes, keepdims=True)
        best, least = np.where(error < least, tried, best), np.minimum(error, least)
    return best

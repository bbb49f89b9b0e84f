"""How large a weight the integers of a kernel are to stand for, channel by channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mqn.export.correction import CHANNEL_AXIS
from mqn.export.flatbuffer import Network
from mqn.export.ranges import Range
from mqn.export.schemes import activation_levels, weight_levels

# Half of what 32 bits hold: the sum of products needs room beside the bias.
_LARGEST_BIAS = 2.0**30
_SMALLEST_STEP = 1e-12
# So that a channel that is all zeros has a scale.
_SMALLEST_BOUND = 1e-9
# With 15 values a weight, the largest weights are worth clipping for the sake of the others.
_CLIPPED_BELOW_LEVELS = 127
_SHARES = np.linspace(0.4, 1.0, 25)


def weight_bounds(network: Network, schemes: Sequence[str], ranges: Mapping[str, Range]) -> dict[str, np.ndarray]:
    """Largest weight of each channel.

    Of 8-bit kernels the largest that there is; of 4-bit ones the bound with the least squared error. Both not so small
    that the channel's bias overflows 32 bits: a bias is stored in steps of input scale times weight scale, and
    MobileNetV2's ImageNet weights have channels whose kernel is 1e-18 and whose bias is not. Left alone, the quantizer
    wraps their bias around.

    Args:
        network: the float network.
        schemes: of its operators.
        ranges: of activations, by tensor name; those that static operators read.

    Returns:
        Name of every kernel that becomes integers to its bound, shaped to be broadcast over the kernel.
    """
    bounds: dict[str, np.ndarray] = {}
    for operator, scheme in zip(network.operators, schemes, strict=True):
        if network.kind(operator) not in CHANNEL_AXIS or not scheme.startswith(("static", "dynamic")):
            continue
        picture, kernel_index, bias_index = operator.inputs
        kernel, bias = network.constant(kernel_index), network.constant(bias_index)
        if kernel is None or bias is None:
            continue
        channel, levels = CHANNEL_AXIS[network.kind(operator)], weight_levels(scheme)
        axes = tuple(axis for axis in range(kernel.ndim) if axis != channel)
        bound = np.maximum(np.abs(kernel).max(axis=axes, keepdims=True), _SMALLEST_BOUND)
        if levels < _CLIPPED_BELOW_LEVELS:
            bound = _least_squares(kernel, bound, levels, axes)
        # Of 16-bit activations the bias has 64 bits.
        if scheme.startswith("static") and activation_levels(scheme) == 255:
            least = _least_bound(bias, ranges[network.tensors[picture].name], levels)
            bound = np.maximum(bound, least.reshape(bound.shape))
        name = network.tensors[kernel_index].name
        bounds[name] = np.maximum(bound, bounds.get(name, 0.0)).astype(np.float32)
    return bounds


def _least_bound(bias: np.ndarray, picture: Range, levels: int) -> np.ndarray:
    low, high = picture
    step = max((max(high, 0.0) - min(low, 0.0)) / 255, _SMALLEST_STEP)
    return np.asarray(levels * np.abs(bias.astype(np.float64)) / (step * _LARGEST_BIAS))


def _least_squares(kernel: np.ndarray, bound: np.ndarray, levels: int, axes: tuple[int, ...]) -> np.ndarray:
    best, least = bound, np.full(bound.shape, np.inf)
    for share in _SHARES:
        tried = bound * share
        step = np.maximum(tried / levels, _SMALLEST_STEP)
        error = np.square(np.clip(np.round(kernel / step), -levels, levels) * step - kernel).sum(
            axis=axes, keepdims=True
        )
        best, least = np.where(error < least, tried, best), np.minimum(error, least)
    return best

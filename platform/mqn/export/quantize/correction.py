"""Bias correction: what rounding a kernel to few bits shifts on average is taken back out of the bias.

The rounding errors of a kernel do not average out over a picture: features behind a ReLU have means, and each output
channel shifts by the errors times the means. Correction with the means of calibration pictures follows section 4.2 of
Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mqn.export.quantize.schemes import lowest_weight, weight_levels
from mqn.tflite.flatbuffer import Network

CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}


def correct_biases(
    network: Network, schemes: Sequence[str], means: Mapping[str, np.ndarray], bounds: Mapping[str, np.ndarray]
) -> None:
    """Correct the convolutions that are to be quantized with fixed ranges: each gets a bias tensor of its own.

    Args:
        network: changed in place.
        schemes: of its operators.
        means: mean of every input of a convolution, by tensor name, one value a channel.
        bounds: largest weight that the integers will stand for, by kernel name, as `weight_bounds` gives it.
    """
    for operator, scheme in zip(network.operators, schemes, strict=True):
        kind = network.kind(operator)
        if kind not in CHANNEL_AXIS or not scheme.startswith("static"):
            continue
        picture, kernel_index, bias_index = operator.inputs
        kernel, bias = network.value(kernel_index), network.value(bias_index)
        bound, mean = bounds[network.tensors[kernel_index].name], means[network.tensors[picture].name]
        shift = shift_of_rounding(kind, kernel, bound, mean, weight_levels(scheme))
        name = f"{network.tensors[operator.outputs[0]].name}/bias"
        own = network.add_tensor(name, bias.shape, like=bias_index)
        network.set_constant(own, (bias - shift).astype(np.float32))
        operator.inputs = [picture, kernel_index, own]


def shift_of_rounding(kind: str, kernel: np.ndarray, bound: np.ndarray, mean: np.ndarray, levels: int) -> np.ndarray:
    """How far rounding moves the mean of each output channel; borders, where padding adds nothing, are neglected.

    Args:
        kind: `CONV_2D` or `DEPTHWISE_CONV_2D`.
        kernel: as the file has it.
        bound: largest weight that the integers stand for, shaped to be broadcast over the kernel.
        mean: (C,) of what the convolution reads.
        levels: the largest integer.
    """
    step = bound / levels
    error = np.clip(np.round(kernel / step), lowest_weight(levels), levels) * step - kernel
    if kind == "DEPTHWISE_CONV_2D":
        return np.asarray(error.sum(axis=(0, 1, 2)) * mean)
    # A kernel of groups has, for every output channel, the input channels of its group alone.
    read = mean.reshape(-1, kernel.shape[3]).repeat(len(kernel) * kernel.shape[3] // len(mean), axis=0)
    return np.asarray((error.sum(axis=(1, 2)) * read).sum(axis=1))

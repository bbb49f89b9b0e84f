"""Convolve neighbouring pixels together: the same sums in fuller blocks of channels.

In memory two pixels of a row are one of twice the channels, and seeing them so costs nothing. Kernels of XNNPACK work
on blocks of input and output channels, and few channels leave most of a block empty:

- the stem reads 3 channels at 9 taps. In pairs it reads 6 at 3 x 2 taps (every fourth column is zero): 94 us for 123;
- a 1x1 convolution to few channels computes as long as one to a whole block, 8 floats or 16 integers. In pairs it has
  twice the output channels of half the pixels: 115 us for 143 (6 to 3 channels of 256 x 256 floats), 40 for 65 (16 to
  8 of 128 x 128 integers).

All times are of one core of an x86-64 processor with AVX-512 VNNI. Its own blocks of floats are of 16, so that six
channels in pairs would gain a little there too (221 us for 240); with blocks of 8 that would double the work.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.lower.folding import can_fold, divides, fold_pixels, has_constants, least_width
from mqn.export.lower.rewriting import Insertion, copy_operator, replace_operators, uses, value_of
from mqn.tflite.flatbuffer import Network

PAIR = 2
_STEM_CHANNELS = 4
_BLOCK = {schema.TensorType.FLOAT32: 8, schema.TensorType.INT8: 16}
"""Output channels that a kernel computes at once, by what it reads, on the processors with the smallest blocks."""


def convolve_pairs(network: Network) -> int:
    """Rewrite, in place, every convolution that gains, of a float or quantized network. Returns how many there were."""
    count = 0
    for operator in list(network.operators):
        if network.kind(operator) != "CONV_2D" or not has_constants(network, operator):
            continue
        if _is_stem(network, operator):
            replace_operators(network, [operator], _pair_columns(network, operator))
        elif (fold := _fold(network, operator)) > 1:
            replace_operators(network, [operator], fold_pixels(network, operator, fold))
        else:
            continue
        count += 1
    if count:
        network.drop_unused()
    return count


def _is_stem(network: Network, convolution: Any) -> bool:
    """3 x 3, stride 2, of few channels: where every width is even, SAME pads nothing on the left."""
    options, kernel = convolution.builtinOptions, network.tensors[convolution.inputs[1]].shape
    return (
        list(kernel[1:3]) == [3, 3]
        and kernel[3] <= _STEM_CHANNELS
        and (options.strideH, options.strideW) == (PAIR, PAIR)
        and (options.dilationHFactor, options.dilationWFactor) == (1, 1)
        and options.padding == schema.Padding.SAME
        and divides(network, PAIR, convolution.inputs[0])
    )


def _pair_columns(network: Network, convolution: Any) -> Insertion:
    source, result = convolution.inputs[0], convolution.outputs[0]
    batch, height, _, channels = network.tensors[source].shape
    insertion = Insertion(network, network.tensors[result].name)
    kernel = value_of(network, convolution.inputs[1])
    wide = np.zeros((len(kernel), 3, 2 * PAIR, channels), kernel.dtype)
    wide[:, :, :3] = kernel
    pairs = insertion.view(source, (batch, height, -1, PAIR * channels))
    stored_kernel = insertion.constant(convolution.inputs[1], wide.reshape(len(kernel), 3, 2, PAIR * channels), 1)
    paired = copy_operator(convolution, [pairs, stored_kernel, convolution.inputs[2]], result)
    paired.builtinOptions.strideW = 1
    insertion.add(paired)
    return insertion


def _fold(network: Network, convolution: Any) -> int:
    """How many pixels become one of as many times the output channels, a power of 2; 1 where nothing is gained.

    It has to divide every width that the network can be given (`mqn.tflite.resize`): at 1/32 there are no neighbours.
    """
    options, (source, kernel, _) = convolution.builtinOptions, convolution.inputs
    tensor, result = network.tensors[source], convolution.outputs[0]
    if list(network.tensors[kernel].shape[1:3]) != [1, 1] or options.strideH != 1 or not can_fold(network, convolution):
        return 1
    # Only what nothing else reads, and no edge of the file, is seen otherwise without a copy.
    if network.producer(source) is None or uses(network, source) != 1 or result in network.graph.outputs:
        return 1
    least, fold = least_width(network, source), 1
    while least % (2 * fold) == 0 < least and 2 * fold * network.tensors[result].shape[3] <= _BLOCK.get(tensor.type, 0):
        fold *= 2
    return fold

"""Neighbouring pixels of a row as one pixel of as many times the channels: the same sums in a wider convolution.

In memory a row of pixels is one row of numbers, so that seeing it otherwise costs nothing. The wider kernel is zero
wherever an output pixel does not read an input pixel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.lower.rewriting import Insertion, copy_operator, stored, value_of
from mqn.tflite.cutting import INPUT
from mqn.tflite.facts import read_facts
from mqn.tflite.flatbuffer import Network

_MOST_TAPS = 3
_TYPES = (schema.TensorType.FLOAT32, schema.TensorType.INT8)


def can_fold(network: Network, convolution: Any) -> bool:
    """Whether pixels can be folded: a convolution of up to three taps in a row, that steps by one pixel of it."""
    if network.kind(convolution) != "CONV_2D" or not has_constants(network, convolution):
        return False
    options = convolution.builtinOptions
    taps = network.tensors[convolution.inputs[1]].shape[2]
    # Without padding a row would lose whole pixels of the wider kind.
    padded = taps == 1 or options.padding == schema.Padding.SAME
    return bool(taps <= _MOST_TAPS and (options.strideW, options.dilationWFactor) == (1, 1) and padded)


def has_constants(network: Network, convolution: Any) -> bool:
    """Whether kernel and bias are constants of a kind that can be made anew, and all channels are read at once."""
    kernel = convolution.inputs[1]
    return (
        len(convolution.inputs) == 3
        and network.tensors[kernel].type in _TYPES
        and network.tensors[convolution.inputs[0]].shape[3] == network.tensors[kernel].shape[3]
        and all(stored(network, index) is not None for index in convolution.inputs[1:])
    )


def least_width(network: Network, index: int) -> int:
    """How wide a tensor is where the network is given its narrowest picture (`mqn.tflite.resize`)."""
    picture = network.inputs().get(INPUT, network.graph.inputs[0])
    return int(network.tensors[index].shape[2] * read_facts(network).stride // network.tensors[picture].shape[2])


def divides(network: Network, fold: int, index: int) -> bool:
    """Whether the pixels of every row of a tensor can be folded, at whatever size the network is given."""
    return network.tensors[index].shape[2] % fold == 0 and least_width(network, index) % fold == 0


def fold_pixels(network: Network, convolution: Any, fold: int) -> Insertion:
    """The operators that take the place of a convolution.

    Args:
        network: gets their tensors.
        convolution: one that `can_fold`.
        fold: how many pixels become one, at least 2; divides every width that the network can be given.
    """
    source, result = convolution.inputs[0], convolution.outputs[0]
    batch, height, _, channels = network.tensors[source].shape
    _, out_height, out_width, out = network.tensors[result].shape
    kernel, bias = (value_of(network, index) for index in convolution.inputs[1:])
    insertion = Insertion(network, network.tensors[result].name)
    folded = insertion.view(source, (batch, height, -1, fold * channels))
    constants = [
        insertion.constant(convolution.inputs[1], _widen(kernel, fold), fold),
        insertion.constant(convolution.inputs[2], np.tile(bias, fold), fold),
    ]
    convolved = insertion.tensor("folded", (batch, out_height, out_width // fold, fold * out), like=result)
    insertion.add(copy_operator(convolution, [folded, *constants], convolved))
    insertion.view(convolved, (batch, out_height, -1, out), result)
    return insertion


def _widen(kernel: np.ndarray, fold: int) -> np.ndarray:
    """(fold * out, height, taps, fold * channels): what every pixel of a block reads in the blocks around it."""
    out, height, taps, channels = kernel.shape
    left = (taps - 1) // 2  # That many pixels are padded there, and then as many blocks.
    wide = np.zeros((fold * out, height, taps, fold * channels), kernel.dtype)
    for pixel in range(fold):
        for tap in range(taps):
            block, place = divmod(pixel + tap - left, fold)
            own = slice(place * channels, (place + 1) * channels)
            wide[pixel * out : (pixel + 1) * out, :, block + left, own] = kernel[:, :, tap]
    return wide

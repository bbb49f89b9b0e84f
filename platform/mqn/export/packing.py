"""Convolve several neighbours at once: a dynamic convolution with few channels, four pixels of a row in one step.

Integer kernels work on blocks of many output channels (XNNPACK's: 8 to 64), and the head's 3 x 3 convolution has 12. A
kernel six pixels wide with stride four computes four neighbours' channels together: row by row the same products, with
zeros where one neighbour's window does not reach. The result lies in memory as before, so a reshape restores it. Twice
the multiply-accumulates, for fuller blocks: the head at 256 x 256, one thread of an x86-64 processor with AMX, takes
6.91 ms unpacked, 6.32 with 2 neighbours, 6.03 with 4, 6.31 with 8, and 7.39 in float, outputs identical. No phone was
measured; `tests/benchmarks/bench_lowering.py` compares the whole network with and without.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.export.flatbuffer import Network
from mqn.export.phases import new_operator, repeat_bias, replace_constant

NEIGHBOURS = 4
# Above this many output channels a kernel's blocks are full enough.
_MOST_CHANNELS = 16


def pack_dynamic(network: Network) -> int:
    """Rewrite every dynamic 3 x 3 convolution with few output channels.

    Args:
        network: changed in place; quantized.

    Returns:
        How many were rewritten. Their numbers stay what they were: activations are quantized by the range of the whole
        tensor, before they are convolved.
    """
    places = [operator for operator in network.operators if _fits(network, operator)]
    for convolution in places:
        _rewrite(network, convolution)
    if places:
        network.drop_unused()
    return len(places)


def _fits(network: Network, operator: Any) -> bool:
    if network.kind(operator) != "CONV_2D":
        return False
    options, (source, kernel) = operator.builtinOptions, (network.tensors[i] for i in operator.inputs[:2])
    dynamic = source.type == schema.TensorType.FLOAT32 and kernel.type == schema.TensorType.INT8
    plain = (options.strideH, options.strideW, options.dilationHFactor, options.dilationWFactor) == (1, 1, 1, 1)
    small = list(kernel.shape[1:3]) == [3, 3] and kernel.shape[0] <= _MOST_CHANNELS
    whole = options.padding == schema.Padding.SAME and source.shape[2] % NEIGHBOURS == 0
    return dynamic and plain and small and whole


def _rewrite(network: Network, convolution: Any) -> None:
    kernel_index, bias_index = convolution.inputs[1:]
    result = convolution.outputs[0]
    kernel = network.constant(kernel_index)
    assert kernel is not None
    out, tall, wide, channels = kernel.shape
    packed = np.zeros((NEIGHBOURS * out, tall, wide + NEIGHBOURS - 1, channels), kernel.dtype)
    for neighbour in range(NEIGHBOURS):
        packed[neighbour * out : (neighbour + 1) * out, :, neighbour : neighbour + wide] = kernel
    convolution.inputs[1] = replace_constant(network, kernel_index, packed, NEIGHBOURS)
    convolution.inputs[2] = repeat_bias(network, bias_index, NEIGHBOURS)
    batch, height, width, _ = shape = list(network.tensors[result].shape)
    name = network.tensors[result].name
    side_by_side = network.add_tensor(
        f"{name}/neighbours", (batch, height, width // NEIGHBOURS, NEIGHBOURS * out), like=result
    )
    convolution.builtinOptions.strideW = NEIGHBOURS
    convolution.outputs = [side_by_side]
    target = network.add_constant(f"{name}/shape", np.array(shape, dtype=np.int32))
    reshape = new_operator(
        network, "RESHAPE", [side_by_side, target], result, "ReshapeOptions", newShape=[int(side) for side in shape]
    )
    position = next(i for i, operator in enumerate(network.operators) if operator is convolution)
    network.operators.insert(position + 1, reshape)

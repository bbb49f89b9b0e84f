"""Nearest-neighbour doubling as copies of whole rows, which the delegate takes: the same numbers.

Resizing by the nearest neighbour is the one operator of our networks that the delegate leaves to the runtime: each one
splits the graph. By 2 it is two concatenations: every pixel beside itself along the channels, which in memory is a row
of twice the width; then every such row beside itself. Seeing one shape as another costs nothing.

Depth-to-space of four copies gives the same and takes more than twice as long (62 us for 24, 64 x 64 x 8 to 128 x 128
in 8 bits, on one core of an x86-64 processor with AVX-512 VNNI): it moves pixels where this moves rows.
"""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mqn.export.lower.rewriting import CHANNELS, Insertion, replace_operators
from mqn.tflite.flatbuffer import Network


def lower_nearest(network: Network) -> int:
    """Replace every nearest-neighbour doubling, in place; other resizes stay. Returns how many were replaced.

    The network may be float or quantized, since copying keeps scales as they are.
    """
    found = [operator for operator in network.operators if doubles(network, operator)]
    for operator in found:
        source, result = operator.inputs[0], operator.outputs[0]
        batch, height, _, channels = network.tensors[source].shape
        insertion = Insertion(network, network.tensors[result].name)
        row = insertion.view(insertion.join([source, source], CHANNELS), (batch, height, 1, -1))
        insertion.view(insertion.join([row, row], axis=2), (batch, 2 * height, -1, channels), result)
        replace_operators(network, [operator], insertion)
    if found:
        network.drop_unused()
    return len(found)


def doubles(network: Network, operator: Any) -> bool:
    """Whether an operator is a nearest-neighbour resize to twice the height and width."""
    if network.kind(operator) != "RESIZE_NEAREST_NEIGHBOR" or operator.builtinOptions.alignCorners:
        return False
    if network.tensors[operator.inputs[0]].type == schema.TensorType.INT16:
        return False  # The delegate takes no 16-bit integers, and the runtime's own resize is one operator.
    source, result = (network.tensors[index].shape for index in (operator.inputs[0], operator.outputs[0]))
    return [2 * side for side in source[1:3]] == list(result[1:3])

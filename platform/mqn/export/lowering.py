"""Write operators so that XNNPACK takes them: the same numbers, fewer hand-overs between the delegate and the runtime.

Nearest-neighbour resizing is the one operator of our networks that the delegate leaves to the runtime: each one splits
the graph. By 2 it is the same as four copies side by side in the channels, spread out by depth-to-space; the delegate
takes both of these, of floats and of 8-bit integers. A fused int8+dynamic file (CA, 256 x 256, one thread of an x86-64
processor with AVX-512 VNNI) takes 0.97 of its time without this, for the four resizes that phases leave; all rewrites
together, 0.73 of its time as the quantizer wrote it.

Not done, because it was measured to bring nothing there: several neighbours in one step of the head's first convolution
(fuller blocks of channels, but twice the multiplications: 1.23 ms for 0.82); the head's element-wise operators
in strips that stay in the cache; doubling or phases as transposed convolutions (1.08 ms for 0.36).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from ai_edge_litert import schema_py_generated as schema

from mqn.export.flatbuffer import Network
from mqn.export.norms import lengthen_norms
from mqn.export.phases import convolve_in_phases, doubles


def lower(network: Network, without: Collection[str] = ()) -> None:
    """Write a network as the delegate runs it fastest, with the same numbers.

    Args:
        network: changed in place; float or quantized: integers stay what they are, floats up to the order of sums.
        without: names of `REWRITES` to leave out, to see what each one brings.
    """
    for name, rewrite in REWRITES.items():
        if name not in without:
            rewrite(network)


def lower_nearest(network: Network) -> int:
    """Replace every nearest-neighbour doubling; other resizes stay.

    Args:
        network: changed in place; float or quantized, since copying keeps scales as they are.

    Returns:
        How many were replaced.
    """
    replaced = 0
    operators = []
    for operator in network.operators:
        if not doubles(network, operator):
            operators.append(operator)
            continue
        source, result = operator.inputs[0], operator.outputs[0]
        batch, height, width, channels = network.tensors[source].shape
        name = f"{network.tensors[result].name}/copies"
        copies = network.add_tensor(name, (batch, height, width, 4 * channels), like=source)
        operators += [
            schema.OperatorT(
                opcodeIndex=network.operator_code("CONCATENATION", 2),
                inputs=[source] * 4,
                outputs=[copies],
                builtinOptionsType=schema.BuiltinOptions.ConcatenationOptions,
                builtinOptions=schema.ConcatenationOptionsT(axis=3),
            ),
            schema.OperatorT(
                opcodeIndex=network.operator_code("DEPTH_TO_SPACE"),
                inputs=[copies],
                outputs=[result],
                builtinOptionsType=schema.BuiltinOptions.DepthToSpaceOptions,
                builtinOptions=schema.DepthToSpaceOptionsT(blockSize=2),
            ),
        ]
        replaced += 1
    network.graph.operators = operators
    if replaced:
        network.drop_unused()
    return replaced


REWRITES: dict[str, Callable[[Network], int]] = {
    "phases": convolve_in_phases,
    "doubling": lower_nearest,
    "norms": lengthen_norms,
}
"""Rewrites by name, in the order that they are made: phases look for the resizes that doubling replaces."""

"""Write operators so that XNNPACK takes them: the same numbers, fewer hand-overs between the delegate and the runtime.

Nearest-neighbour resizing is the one operator of our networks that the delegate leaves to the runtime: each one splits
the graph. By 2 it is the same as four copies side by side in the channels, spread out by depth-to-space; the delegate
takes both of these, of floats and of 8-bit integers.
"""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from mqn.export.flatbuffer import Network


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
        if network.kind(operator) != "RESIZE_NEAREST_NEIGHBOR" or not _doubles(network, operator):
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
                opcodeIndex=network.operator_code("DEPTH_TO_SPACE", 1),
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


def _doubles(network: Network, operator: object) -> bool:
    options = operator.builtinOptions  # type: ignore[attr-defined]
    source, result = (network.tensors[i].shape for i in (operator.inputs[0], operator.outputs[0]))  # type: ignore[attr-defined]
    return [2 * side for side in source[1:3]] == list(result[1:3]) and not options.alignCorners

"""Names of a converted file's tensors: those of the torch modules, so that plans, recipes and people find them."""

from __future__ import annotations

from collections.abc import Collection

from mqn.tflite.cutting import INPUT, OUTPUT
from mqn.tflite.facts import FIXED_SIZE
from mqn.tflite.flatbuffer import Network


def name_tensors(network: Network, layers: set[str], prefix: str) -> str:
    """Give tensors, in place, the names of the twin's layers, and the file its signature.

    The converter names a fused operator's output for all that went in, the last first (`a/relu/Relu;a/conv/Conv2D`).
    What the last layer ends with becomes that layer's name; what it computes on the way keeps the converter's suffix.
    `prefix` is what the converter put before the names, with its slash.

    Returns:
        The name of the last layer.
    """
    (picture,), (result,) = network.graph.inputs, network.graph.outputs
    last = _plain(network.tensors[result].name, layers, prefix, set())
    network.tensors[picture].name, network.tensors[result].name = INPUT, OUTPUT
    taken = {INPUT}
    for operator in reversed(network.operators):
        for index in operator.outputs:
            tensor = network.tensors[index]
            tensor.name = _free(_plain(tensor.name, layers, prefix, taken), taken)
    computed = network.computed() | {picture}
    for index, tensor in enumerate(network.tensors):
        if index not in computed:
            tensor.name = _free(f"constant/{tensor.name.split(';')[0].removeprefix(prefix)}", taken)
    network.set_edges({INPUT: picture}, {OUTPUT: result})
    return last


def fix_sizes(network: Network, layers: Collection[str]) -> None:
    """Have resizes to a size of their own (`layers`) keep it when the network is given another picture size."""
    for operator in network.operators:
        if network.tensors[operator.outputs[0]].name in layers:
            picture, size = operator.inputs
            name = f"{FIXED_SIZE}/{network.tensors[operator.outputs[0]].name}"
            operator.inputs = [picture, network.add_constant(name, network.value(size))]


def _plain(name: str, layers: set[str], prefix: str, taken: set[str]) -> str:
    """The layer's name for the tensor that it ends with (tensors come last first), the converter's for the others."""
    name = name.split(";")[0].removeprefix(prefix)
    parts = name.split("/")
    prefixes = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
    layer = next((prefix for prefix in prefixes if prefix in layers), None)
    return name if layer is None or layer in taken else layer


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered where another tensor has it already."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free

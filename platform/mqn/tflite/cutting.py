"""Cut a TFLite network at a named tensor: which operators lie before it, and, where nothing else crosses, two files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from mqn.errors import ModelFileError, PlanError, nearest
from mqn.tflite.facts import FIXED_SIZE, read_facts, write_facts
from mqn.tflite.flatbuffer import Network

INPUT, OUTPUT, INTERFACE = "ldr", "hdr", "interface"
CUTS_FILE = "cuts.json"


def cut_tensor(float_model: Path, cut: str) -> str:
    """Find the tensor that a cut's name stands for.

    Args:
        float_model: the file that `convert` wrote; its cuts stand in `cuts.json` beside it.
        cut: one of the names that `mqn describe` lists.

    Returns:
        The tensor's name in the file.

    Raises:
        PlanError: no such cut, or one that conversion fused into the operator behind it; names the nearest.
        ModelFileError: the list of cuts is missing or damaged.
    """
    listed = float_model.parent / CUTS_FILE
    try:
        cuts: dict[str, str] = json.loads(listed.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ModelFileError(f"cannot read {listed}, which conversion writes; convert the network again") from error
    if cut not in cuts:
        raise PlanError(f"plan.cut: no cut {cut!r} in {float_model.name}; {nearest(cut, cuts)}")
    return cuts[cut]


def upstream(network: Network, tensor: str) -> set[int]:
    """Which operators stand before a tensor.

    Args:
        network: the whole network.
        tensor: its name.

    Returns:
        Positions of the operators that the tensor depends on, its own producer included.

    Raises:
        PlanError: no tensor of that name is computed; names the nearest.
    """
    needed = {_computed(network, tensor)}
    positions = set()
    for position in range(len(network.operators) - 1, -1, -1):
        operator = network.operators[position]
        if needed & set(operator.outputs):
            positions.add(position)
            needed |= set(operator.inputs)
    return positions


def cut(network: Network, tensor: str) -> tuple[Network, Network]:
    """Cut a network in two at a tensor; the network stays as it is.

    It has the input `ldr` and the output `hdr`; the tensor becomes the interface.

    Returns:
        The backbone (`ldr` -> `interface`) and the head (`interface` and `ldr` -> `hdr`; without `ldr` where the head
        does not look at the picture).

    Raises:
        PlanError: there is no tensor of that name, or it does not separate the network: something behind it needs
            another tensor from before it.
    """
    backbone, head = network.copy(), network.copy()
    before = upstream(network, tensor)
    index = _computed(network, tensor)
    picture = network.inputs()[INPUT]

    backbone.set_edges({INPUT: picture}, {INTERFACE: index})
    backbone.drop_unused()

    made_before = {output for position in before for output in network.operators[position].outputs} - {index}
    behind = [operator for position, operator in enumerate(network.operators) if position not in before]
    crossing = sorted({network.tensors[i].name for o in behind for i in o.inputs if i in made_before})
    if crossing:
        more = ", ..." if len(crossing) > 3 else ""
        raise PlanError(
            f"the network cannot be cut at {tensor!r}: what follows also needs {', '.join(crossing[:3])}{more}; take "
            "layout fused, or a cut where nothing else crosses, which `mqn describe` lists"
        )
    needs_picture = any(picture in operator.inputs for operator in behind)
    edges = {INTERFACE: index, INPUT: picture} if needs_picture else {INTERFACE: index}
    head.set_edges(edges, {OUTPUT: network.outputs()[OUTPUT]})
    head.drop_unused()
    write_facts(head, replace(read_facts(head), fixed_interface=_keeps_its_size(network, index, before)))
    return backbone, head


def expose(network: Network, tensors: dict[str, str]) -> Network:
    """Make the same network with inner tensors as further outputs.

    `tensors` is the name of each new output to the name of its tensor.

    Raises:
        PlanError: no tensor of that name is computed.
    """
    exposed = network.copy()
    added = {name: _computed(exposed, tensor) for name, tensor in tensors.items()}
    exposed.set_edges(exposed.inputs(), {**exposed.outputs(), **added})
    return exposed


def _keeps_its_size(network: Network, tensor: int, before: set[int]) -> bool:
    """Whether a tensor is as large for every picture: all ways from the picture lead through a resize to a fixed size.

    `before` are the positions of the operators that the tensor depends on.
    """
    needed = {tensor}
    for operator in (network.operators[position] for position in sorted(before, reverse=True)):
        fixed = any(network.tensors[index].name.startswith(FIXED_SIZE) for index in operator.inputs)
        if needed & set(operator.outputs) and not fixed:
            needed |= set(operator.inputs)
    return network.inputs()[INPUT] not in needed


def _computed(network: Network, tensor: str) -> int:
    computed = {network.tensors[index].name: index for index in network.computed()}
    if tensor not in computed:
        raise PlanError(f"no tensor {tensor!r} to cut at; {nearest(tensor, computed)}")
    return computed[tensor]

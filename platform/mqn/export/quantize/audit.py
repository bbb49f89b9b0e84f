"""What a file really is: types operator by operator, what the delegate takes, conversions on the way, bytes by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.infer.interpreter import open_interpreter
from mqn.tflite.flatbuffer import Network

AUDIT_FILE = "audit.json"
_TYPES = {code: name.lower() for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
_KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_COMPUTED = {"TRANSPOSE_CONV": 2, "SPLIT": 1}
"""Which input of an operator is computed, where it is not the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedKind:
    """Operators of one kind and of the same types.

    Attributes:
        kind: their name in the TFLite schema, for example `CONV_2D`.
        inputs: the type of what is computed and goes in.
        weights: of the kernel; empty for operators without one.
        outputs: of what comes out.
        count: how many there are.
        delegated: how many of them the delegate takes.
    """

    kind: str
    inputs: str
    weights: str
    outputs: str
    count: int
    delegated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedOperator:
    """An operator that the delegate leaves to the runtime: its kind, and the name of what it computes."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A file, looked at.

    Attributes:
        file: its name.
        size_bytes: of the whole file.
        operators: how many.
        delegated: how many of them XNNPACK takes.
        partitions: in how many pieces; each border is a hand-over between the delegate and the runtime.
        outside: what it leaves, in the order they run.
        quantize: operators that turn floats into integers.
        dequantize: operators that turn computed integers into floats. (What unpacks 16-bit constants is done once,
            when a model is loaded, and not counted.)
        requantize: operators that turn integers into integers of another scale or width.
        kinds: operators by kind and types, the most frequent first.
        bytes_by_kind: stored values by what they are: `kernel int8`, `bias int32`, `shape and other constants`; and
            `structure`, all else: names, scales, the graph, metadata.
    """

    file: str
    size_bytes: int
    operators: int
    delegated: int
    partitions: int
    outside: tuple[AuditedOperator, ...]
    quantize: int
    dequantize: int
    requantize: int
    kinds: tuple[AuditedKind, ...]
    bytes_by_kind: dict[str, int]


def audit_file(path: Path) -> Audit:
    """Look at a file. Raises `ModelFileError` if it is missing, damaged, or no TFLite file of one subgraph."""
    return audit(Network.read(path), path.name, path.read_bytes())


def audit(network: Network, name: str, content: bytes | None = None) -> Audit:
    """Look at a network, and its file's content. Raises `ModelFileError` if the runtime cannot load it."""
    content = network.to_bytes() if content is None else content
    nodes = open_interpreter(content)._get_ops_details()  # noqa: SLF001 - there is no public way to ask
    taken, partitions = delegation(nodes)
    kinds: Counter[tuple[str, str, str, str]] = Counter()
    delegated: Counter[tuple[str, str, str, str]] = Counter()
    conversions: Counter[str] = Counter()
    for position, operator in enumerate(network.operators):
        key = _types(network, operator)
        kinds[key] += 1
        delegated[key] += position in taken
        conversions[_conversion(network, operator)] += 1
    return Audit(
        file=name,
        size_bytes=len(content),
        operators=len(network.operators),
        delegated=len(taken),
        partitions=partitions,
        outside=tuple(
            AuditedOperator(
                kind=network.kind(operator),
                name=network.tensors[operator.outputs[0]].name if len(operator.outputs) else "",
            )
            for position, operator in enumerate(network.operators)
            if position not in taken
        ),
        quantize=conversions["quantize"],
        dequantize=conversions["dequantize"],
        requantize=conversions["requantize"],
        kinds=tuple(
            AuditedKind(
                kind=key[0], inputs=key[1], weights=key[2], outputs=key[3], count=count, delegated=delegated[key]
            )
            for key, count in kinds.most_common()
        ),
        bytes_by_kind=_bytes_by_kind(network, len(content)),
    )


def delegation(nodes: Sequence[Mapping[str, Any]]) -> tuple[set[int], int]:
    """Which operators a delegate took, and in how many partitions.

    The runtime leaves a graph's operators where they are, and appends a `DELEGATE` node for each partition. That node
    names the partition's inputs (constants included) and outputs. An operator was taken if an output depends on it and
    no input lies between.

    Args:
        nodes: as LiteRT's interpreter lists them: `op_name`, and numbers of tensors as `inputs` and `outputs`.
    """
    graph = [node for node in nodes if node["op_name"] != "DELEGATE"]
    partitions = [node for node in nodes if node["op_name"] == "DELEGATE"]
    taken: set[int] = set()
    for partition in partitions:
        given, wanted = set(map(int, partition["inputs"])), set(map(int, partition["outputs"]))
        for position in range(len(graph) - 1, -1, -1):
            if wanted & set(map(int, graph[position]["outputs"])):
                taken.add(position)
                wanted |= set(map(int, graph[position]["inputs"])) - given
    return taken, len(partitions)


def _types(network: Network, operator: Any) -> tuple[str, str, str, str]:
    kind = network.kind(operator)
    weights = _TYPES[network.tensors[operator.inputs[1]].type] if kind in _KERNELS else ""
    computed = operator.inputs[_COMPUTED.get(kind, 0) :]
    return kind, _first(network, computed), weights, _first(network, operator.outputs)


def _first(network: Network, indices: Sequence[int]) -> str:
    """The type of the first tensor; an operator of somebody else's file may have none, or leave it out as -1."""
    return _type(network, indices[0]) if len(indices) and indices[0] >= 0 else ""


def _type(network: Network, index: int) -> str:
    return _TYPES[network.tensors[index].type]


def _conversion(network: Network, operator: Any) -> str:
    source, target = _first(network, operator.inputs), _first(network, operator.outputs)
    if network.kind(operator) == "QUANTIZE":
        return "requantize" if source.startswith(("int", "uint")) else "quantize"
    if network.kind(operator) == "DEQUANTIZE" and source != "float16":
        return "dequantize"
    return f"{source} to {target}"


def _bytes_by_kind(network: Network, size_bytes: int) -> dict[str, int]:
    roles: dict[int, str] = {}
    dequantized = {o.outputs[0]: o.inputs[0] for o in network.operators if network.kind(o) == "DEQUANTIZE"}
    for operator in network.operators:
        if network.kind(operator) in _KERNELS:
            bias = 3 if network.kind(operator) == "TRANSPOSE_CONV" else 2
            constants = (*operator.inputs[1:2], *operator.inputs[bias:])
            for index, role in zip(constants, ("kernel", "bias"), strict=False):
                if index < 0:  # no bias
                    continue
                stored = dequantized.get(index, index)
                roles[network.tensors[stored].buffer] = f"{role} {_type(network, stored)}"
    counted: Counter[str] = Counter()
    metadata = {item.buffer for item in network.model.metadata or ()}
    for number, buffer in enumerate(network.model.buffers):
        if buffer.data is not None and number not in metadata:
            counted[roles.get(number, "shape and other constants")] += int(np.size(buffer.data))
    return {**dict(sorted(counted.items())), "structure": size_bytes - counted.total()}

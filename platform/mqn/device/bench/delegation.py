"""Which operators a delegate really took of a graph, read from the interpreter afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mqn.device.passes import printable
from mqn.records import Delegate, Delegation


def inspect(interpreter: Any, delegate: Delegate) -> Delegation | None:
    """Tell which operators run inside the delegate that was asked for, by LiteRT's interpreter.

    None where the runtime's Python cannot tell: there is no public way, and a version may drop this one.
    """
    details: Callable[[], list[dict[str, Any]]] | None = getattr(interpreter, "_get_ops_details", None)
    return None if details is None else trace(details(), delegate)


def trace(nodes: Sequence[Mapping[str, Any]], delegate: Delegate) -> Delegation:
    """Follow each of a delegate's outputs back to the delegate's inputs: what lies between is what it took.

    The runtime leaves the operators of the graph where they are, and appends one `DELEGATE` for each partition, which
    names the tensors that go in (weights included) and those that come out.

    Args:
        nodes: `op_name`, `inputs`, `outputs` of each, the latter two tensor numbers.
        delegate: the one that was asked for.
    """
    partitions = [node for node in nodes if node["op_name"] == "DELEGATE"]
    graph = [node for node in nodes if node["op_name"] != "DELEGATE"]
    producer = {int(tensor): number for number, node in enumerate(graph) for tensor in node["outputs"]}
    taken: set[int] = set()
    for partition in partitions:
        borders = {int(tensor) for tensor in partition["inputs"]}
        open_tensors = [int(tensor) for tensor in partition["outputs"]]
        while open_tensors:
            number = producer.get(open_tensors.pop())
            if number is None or number in taken:
                continue
            taken.add(number)
            inputs = (int(tensor) for tensor in graph[number]["inputs"])
            open_tensors += [tensor for tensor in inputs if tensor not in borders]
    outside = Counter(printable(str(node["op_name"])) for number, node in enumerate(graph) if number not in taken)
    return Delegation(
        delegate=delegate,
        partitions=len(partitions),
        nodes=len(graph),
        delegated=len(taken),
        outside=dict(sorted(outside.items())),
    )

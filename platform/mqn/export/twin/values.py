"""What a traced network's nodes hold for one size of picture: shapes, and whatever no picture decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeValues:
    """What is known before any picture is seen.

    Attributes:
        constants: of every node that computes no pixels: a size, a number, a weight, a function of these.
        shapes: of every other node that gives one tensor: (1, C, H, W), or (1, C).
    """

    constants: dict[fx.Node, Any] = field(default_factory=dict)
    shapes: dict[fx.Node, tuple[int, ...]] = field(default_factory=dict)


def node_values(traced: fx.GraphModule, input_size: int) -> NodeValues:
    """Run a traced network in eval mode once, on a black square of `input_size` pixels."""
    found = NodeValues()
    with torch.no_grad():
        _Recorder(traced, found).run(torch.zeros(1, 3, input_size, input_size))
    return found


class _Recorder(fx.Interpreter):
    """Notes what each node comes to."""

    def __init__(self, traced: fx.GraphModule, found: NodeValues) -> None:
        super().__init__(traced)
        self._found = found

    def run_node(self, n: fx.Node) -> Any:
        """Run one node."""
        value = super().run_node(n)
        if n.op in ("placeholder", "output", "call_module"):
            fixed = False
        else:
            fixed = all(source in self._found.constants for source in n.all_input_nodes) or not _holds_tensors(value)
        if fixed:
            self._found.constants[n] = value
        elif isinstance(value, Tensor):
            self._found.shapes[n] = tuple(value.shape)
        return value


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, tuple | list) and any(map(_holds_tensors, value)))

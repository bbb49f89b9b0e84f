"""One node of a traced network, as builders of Keras layers get it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from mqn.errors import ExportError
from mqn.export.twin.layers import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One node of the traced network.

    Attributes:
        name: the Keras layer's name: the torch module's path with slashes.
        module: the torch module; None for a function.
        args: the node's arguments; pictures are Keras tensors (N, H, W, C), weights are torch's.
        kwargs: likewise by name.
        shape: what it gives, as torch has it: (1, C, H, W); None where it gives several.
    """

    name: str
    module: nn.Module | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] | None = None

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument, however it was given."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)

    def operation(self, kind: str, x: Any = None, name: str = "", **options: Any) -> Any:
        """An operation of TensorFlow on a tensor, by default the first argument."""
        layer = Operation(kind, options, name=name or self.name)
        return layer(self.args[0] if x is None else x)

    def refuse(self, what: str) -> ExportError:
        """The error for an operation of ours in a form that has no counterpart."""
        return ExportError(f"{self.name}: cannot export {what}; write it otherwise, or teach mqn.export.twin.builders")


def pair(value: Any) -> tuple[int, int]:
    """A size of height and width, given as one number or two."""
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)

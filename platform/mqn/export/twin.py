"""The torch network once more as a Keras model: same weights, same names, NHWC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tf_keras
import torch
from torch import fx, nn

from mqn.errors import ExportError
from mqn.export.builders import BUILDERS, Call
from mqn.export.cutting import INPUT
from mqn.export.folding import fold_batch_norms
from mqn.models.graph import trace

TWIN = "twin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A network as a Keras model.

    Attributes:
        model: input `ldr` (N, S, S, 3) float32 in [0, 1]; output (N, S, S, 3), the codec's range.
        layers: every node of the traced torch network to the Keras layer that computes its value.
    """

    model: Any
    layers: dict[str, str]


def build_twin(network: nn.Module, input_size: int, batch_size: int | None = 1) -> Twin:
    """Rebuild a torch network as a flat functional Keras model with batch norm folded.

    Args:
        network: of one input, traceable; left in the mode that it is in, taken as in eval mode.
        input_size: side of the square input in pixels.
        batch_size: pictures at once; None for any number of them.

    Returns:
        The twin. Its layers are named for the torch modules, with slashes: `backbone/encoder/conv1/conv`.

    Raises:
        ExportError: the network has an operation that `export/builders` does not know; names its node.
    """
    traced, _ = trace(network)
    folded, replaced = fold_batch_norms(traced)
    modules = dict(folded.named_modules())
    values: dict[fx.Node, Any] = {}
    names: dict[str, str] = {}
    result = None
    for node in folded.graph.nodes:
        if node.op == "placeholder":
            values[node] = tf_keras.Input((input_size, input_size, 3), batch_size=batch_size, name=INPUT)
        elif node.op == "output":
            result = values[node.args[0]]
        else:
            names[node.name] = _layer_name(node)
            values[node] = _build(node, names[node.name], modules, values)
    for gone, source in replaced.items():
        names[gone] = names[source]
    placeholder = next(node for node in folded.graph.nodes if node.op == "placeholder")
    return Twin(model=tf_keras.Model(values[placeholder], result, name=TWIN), layers=names)


def _build(node: fx.Node, name: str, modules: dict[str, nn.Module], values: dict[fx.Node, Any]) -> Any:
    module = modules[str(node.target)] if node.op == "call_module" else None
    key = type(module) if module is not None else node.target
    if node.op not in ("call_module", "call_function") or key not in BUILDERS:
        known = ", ".join(sorted(getattr(kind, "__name__", str(kind)) for kind in BUILDERS))
        raise ExportError(f"node {node.name!r} ({name}): cannot export {getattr(key, '__name__', key)}; known: {known}")
    args = fx.node.map_arg(node.args, lambda argument: values[argument])
    kwargs = fx.node.map_arg(node.kwargs, lambda argument: values[argument])
    with torch.no_grad():
        return BUILDERS[key](Call(name=name, module=module, args=args, kwargs=kwargs))


def _layer_name(node: fx.Node) -> str:
    """The module's path; for a function, the path of the module it stands in and its own unique name."""
    if node.op == "call_module":
        return str(node.target).replace(".", "/")
    stack = list(node.meta.get("nn_module_stack", {}))
    return "/".join(filter(None, ((stack[-1] if stack else "").replace(".", "/"), node.name)))

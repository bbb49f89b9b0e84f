"""The torch network once more as a Keras model: same weights, same names, NHWC."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import tf_keras
import torch
from torch import fx, nn
from torch.nn import functional as F

from mqn.errors import ExportError
from mqn.export.twin.builders import BUILDERS
from mqn.export.twin.call import Call
from mqn.export.twin.folding import fold
from mqn.export.twin.spreading import convolve_vectors_once
from mqn.export.twin.values import node_values
from mqn.networks.graph import trace
from mqn.tflite.cutting import INPUT

TWIN = "twin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A network as a Keras model.

    Attributes:
        model: input `ldr` (N, S, S, 3) float32 in [0, 1]; output (N, S, S, 3), the codec's range.
        layers: every node of the traced torch network to the Keras layer that computes its value.
        fixed: those layers that resize to a size of their own, whatever the picture's.
    """

    model: Any
    layers: dict[str, str]
    fixed: frozenset[str]


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
    folded, replaced = fold(traced)
    known = node_values(folded, input_size)
    replaced |= convolve_vectors_once(folded, known.shapes)
    modules = dict(folded.named_modules())
    values: dict[fx.Node, Any] = dict(known.constants)
    names: dict[str, str] = {}
    fixed: set[str] = set()
    for node in folded.graph.nodes:
        if node.op == "placeholder":
            picture = tf_keras.Input((input_size, input_size, 3), batch_size=batch_size, name=INPUT)
            values[node] = picture
        elif node.op == "output":
            result = values[node.args[0]]
        elif node not in values:
            names[node.name] = _free_name(_layer_name(node), set(names.values()))
            module = modules[str(node.target)] if node.op == "call_module" else None
            values[node] = _build(node, names[node.name], module, values, known.shapes.get(node))
            if _has_fixed_size(node, module):
                fixed.add(names[node.name])
    for gone, source in replaced.items():
        if source in names:
            names[gone] = names[source]
    return Twin(model=tf_keras.Model(picture, result, name=TWIN), layers=names, fixed=frozenset(fixed))


def _build(
    node: fx.Node, name: str, module: nn.Module | None, values: dict[fx.Node, Any], shape: tuple[int, ...] | None
) -> Any:
    key = node.target if module is None else type(module)
    if key not in BUILDERS:
        known = ", ".join(sorted({getattr(kind, "__name__", str(kind)) for kind in BUILDERS}))
        raise ExportError(f"node {node.name!r} ({name}): cannot export {getattr(key, '__name__', key)}; known: {known}")
    args = fx.node.map_arg(node.args, lambda argument: values[argument])
    kwargs = fx.node.map_arg(node.kwargs, lambda argument: values[argument])
    with torch.no_grad():
        return BUILDERS[key](Call(name=name, module=module, args=tuple(args), kwargs=dict(kwargs), shape=shape))


def _has_fixed_size(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether a resize has its size written into it: one that follows another tensor's size would be a node's."""
    if isinstance(module, nn.Upsample):
        return module.size is not None
    size = node.kwargs.get("size", node.args[1] if len(node.args) > 1 else None)
    parts = size if isinstance(size, tuple | list) else (size,)
    return node.target is F.interpolate and all(isinstance(part, int) for part in parts)


def _layer_name(node: fx.Node) -> str:
    """The module's path; for a function, the path of the module it stands in and its own unique name."""
    if node.op == "call_module":
        return str(node.target).replace(".", "/")
    stack = list(node.meta.get("nn_module_stack", {}))
    # A path of modules that run for the second time has `@1` in it.
    path = re.sub(r"@\d+", "", stack[-1]) if stack else ""
    return "/".join(filter(None, (path.replace(".", "/"), node.name)))


def _free_name(name: str, taken: Collection[str]) -> str:
    """The name; where a module runs once more, a number within it, so that rules for the module mean this run too."""
    runs = (name, *(f"{name}/{run}" for run in range(2, len(taken) + 2)))
    return next(free for free in runs if free not in taken)

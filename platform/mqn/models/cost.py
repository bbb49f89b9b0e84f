"""What a network costs before anything is trained: parameters and multiply-accumulates, layer by layer.

Counted as the paper and Keras count. Parameters: weights, biases and the moving statistics of batch norm (fixed numbers
that a file must carry until they are folded). MACs: the convolutions, as one multiply-accumulate a kernel weight and
output element; additions, activations, norms and resizing are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.fx.passes.shape_prop import ShapeProp

from mqn.models.graph import cut_nodes, separating_cut_nodes, trace


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCost:
    """One layer.

    Attributes:
        name: its path in the model, dotted.
        kind: its class, `Conv2d`, `BatchNorm2d`, ...
        output: shape of its output, (N, C, H, W) with N = 1.
        parameters: as counted in this module.
        macs: for one picture.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    macs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A whole network: `parameters` and `macs` by part (`backbone`, `head`, `total`), and every layer in order."""

    parameters: dict[str, int]
    macs: dict[str, int]
    layers: tuple[LayerCost, ...]


def cost(model: nn.Module, input_size: int) -> Cost:
    """Count a network's parameters and MACs.

    Args:
        model: an MQN.
        input_size: side of the square input in pixels, a multiple of 32.

    Returns:
        The counts for one picture.
    """
    traced, _ = trace(model)
    training = model.training
    traced.eval()
    with torch.no_grad():
        ShapeProp(traced).propagate(torch.zeros(1, 3, input_size, input_size))
    traced.train(training)
    layers = []
    for node in traced.graph.nodes:
        if node.op != "call_module":
            continue
        module = model.get_submodule(node.target)
        shape = tuple(node.meta["tensor_meta"].shape)
        layers.append(
            LayerCost(
                name=node.target,
                kind=type(module).__name__,
                output=shape,
                parameters=_parameters(module),
                macs=_macs(module, shape),
            )
        )
    parts = {"backbone": "backbone.", "head": "head.", "total": ""}
    return Cost(
        parameters={part: sum(la.parameters for la in layers if la.name.startswith(p)) for part, p in parts.items()},
        macs={part: sum(la.macs for la in layers if la.name.startswith(p)) for part, p in parts.items()},
        layers=tuple(layers),
    )


def cuts(model: nn.Module) -> list[str]:
    """Names where a plan may cut the network, from the front to the back; `interface` is the paper's cut."""
    return list(cut_nodes(model))


def pair_cuts(model: nn.Module) -> list[str]:
    """Those of `cuts` where a plan may also make two files: nothing else crosses there."""
    return list(separating_cut_nodes(model))


def _parameters(module: nn.Module) -> int:
    statistics = (buffer.numel() for name, buffer in module.named_buffers() if name.startswith("running_"))
    return sum(parameter.numel() for parameter in module.parameters()) + sum(statistics)


def _macs(module: nn.Module, output: tuple[int, ...]) -> int:
    if not isinstance(module, nn.Conv2d):
        return 0
    _, _, height, width = output
    return module.weight.numel() * height * width

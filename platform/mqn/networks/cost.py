"""What a network costs before anything is trained: parameters and multiply-accumulates, layer by layer.

Counted as the paper and Keras count. Parameters: weights, biases and the moving statistics of batch norm (fixed numbers
that a file must carry until they are folded). MACs: convolutions and linear layers, as one multiply-accumulate a
weight and output position (input position of a transposed convolution); additions, activations, norms and resizing are
not counted.

A module whose forward is ours and which has weights of its own (a partial convolution, say) is one layer too, its
`F.conv2d` counted as the convolution that it is. Weights that are computed from all of a layer's (their absolute
values, by which masks go on) convolve once more: that counts as work of the layer, which has its parameters once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional as F

from mqn.families.contract import Arch, find_family
from mqn.networks.graph import cut_nodes, front_of, separating_cut_nodes, trace


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCost:
    """One layer.

    Attributes:
        name: its path in the model, dotted.
        kind: its class, `Conv2d`, `BatchNorm2d`, ...
        output: shape of its output, (N, C, H, W) with N = 1.
        parameters: as counted in this module; 0 where the network runs the layer once more.
        macs: for one picture, this time that it runs.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    macs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A whole network: `parameters` and `macs` by part (`backbone`, `head`, `total`), and every layer in order.

    A layer that runs several times is there as often.
    """

    parameters: dict[str, int]
    macs: dict[str, int]
    layers: tuple[LayerCost, ...]


def cost(model: nn.Module, arch: Arch) -> Cost:
    """Count the parameters and MACs of a network for one picture of `arch.input_size`. The network may be pruned."""
    traced, outputs = trace(model)
    front = front_of(outputs[find_family(arch.family).cut], traced.graph.nodes)
    training = model.training
    traced.eval()
    with torch.no_grad():
        ShapeProp(traced).propagate(torch.zeros(1, 3, arch.input_size, arch.input_size))
    traced.train(training)
    parts: dict[str, list[LayerCost]] = {"backbone": [], "head": [], "total": []}
    counted: set[str] = set()
    for node in traced.graph.nodes:
        path = _layer_of(node)
        if path is None:
            continue
        module = model.get_submodule(path)
        shape = tuple(node.meta["tensor_meta"].shape)
        layer = LayerCost(
            name=path,
            kind=type(module).__name__,
            output=shape,
            parameters=0 if path in counted else _parameters(module),
            macs=_macs(module, node),
        )
        counted.add(path)
        for part in ("backbone" if node in front else "head", "total"):
            parts[part].append(layer)
    return Cost(
        parameters={part: sum(layer.parameters for layer in found) for part, found in parts.items()},
        macs={part: sum(layer.macs for layer in found) for part, found in parts.items()},
        layers=tuple(parts["total"]),
    )


def cuts(model: nn.Module, arch: Arch) -> list[str]:
    """Names where a plan may cut the network, from the front to the back; `interface` is the family's default."""
    return list(cut_nodes(model, find_family(arch.family).cut))


def pair_cuts(model: nn.Module, arch: Arch) -> list[str]:
    """Those of `cuts` where a plan may also make two files: nothing else crosses there."""
    return list(separating_cut_nodes(model, find_family(arch.family).cut))


def _layer_of(node: fx.Node) -> str | None:
    """The path of the module with weights that a node is, or is the convolution of."""
    if node.op == "call_module":
        return str(node.target)
    weight = node.args[1] if node.target is F.conv2d else None
    if not isinstance(weight, fx.Node):
        return None
    source = weight
    while source.op != "get_attr" and source.all_input_nodes:
        source = source.all_input_nodes[0]
    whole = source.op == "get_attr" and source.meta["tensor_meta"].shape == weight.meta["tensor_meta"].shape
    # A constant of the network as a whole is no layer's.
    return (str(source.target).rpartition(".")[0] or None) if whole else None


def _parameters(module: nn.Module) -> int:
    statistics = (buffer.numel() for name, buffer in module.named_buffers() if name.startswith("running_"))
    return sum(parameter.numel() for parameter in module.parameters()) + sum(statistics)


def _macs(module: nn.Module, node: fx.Node) -> int:
    if isinstance(module, nn.ConvTranspose2d):
        (positions,) = node.all_input_nodes
    elif isinstance(module, nn.Conv2d | nn.Linear):
        positions = node
    else:
        return 0
    return module.weight.numel() * math.prod(positions.meta["tensor_meta"].shape[2:])

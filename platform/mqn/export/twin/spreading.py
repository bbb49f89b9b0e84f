"""What is the same at all pixels is convolved once: a 1x1 convolution of [features, a vector spread over the picture].

The convolution is linear: it is one of the features plus one of the vector, which is a picture of one pixel. Nothing is
spread, joined or convolved at every pixel that does not differ between them. ExpandNet's fusion does a quarter less.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping

import torch
from torch import fx, nn


def convolve_vectors_once(network: fx.GraphModule, shapes: Mapping[fx.Node, tuple[int, ...]]) -> dict[str, str]:
    """Rewrite every such convolution of a traced network, in place.

    `shapes` are those of its nodes' tensors, (1, C, H, W). Returns every convolution's node to the node that now
    computes its output.
    """
    replaced = {}
    for node in list(network.graph.nodes):
        module = network.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, nn.Conv2d) and (parts := _joined(node, module)):
            replaced[node.name] = _split(network, node, module, parts, shapes)
    network.graph.eliminate_dead_code()
    network.recompile()
    return replaced


def _joined(node: fx.Node, conv: nn.Conv2d) -> list[fx.Node]:
    """What the convolution reads side by side, where some of it is spread; else nothing."""
    source = node.args[0]
    assert isinstance(source, fx.Node)
    axis = source.kwargs.get("dim", source.args[1] if len(source.args) > 1 else 0)
    alone = (conv.kernel_size, conv.stride, conv.padding, conv.groups) == ((1, 1), (1, 1), (0, 0), 1)
    if source.target is not torch.cat or axis != 1 or len(source.users) != 1 or not alone:
        return []
    joined = source.args[0]
    assert isinstance(joined, list | tuple)
    parts = [part for part in joined if isinstance(part, fx.Node)]
    spread = [part for part in parts if _is_spread(part)]
    return parts if 0 < len(spread) < len(parts) else []


def _is_spread(node: fx.Node) -> bool:
    return node.op == "call_method" and node.target == "expand"


def _split(
    network: fx.GraphModule,
    node: fx.Node,
    conv: nn.Conv2d,
    parts: list[fx.Node],
    shapes: Mapping[fx.Node, tuple[int, ...]],
) -> str:
    graph, start = network.graph, 0
    columns: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for part in parts:
        columns[_is_spread(part)].append(conv.weight.detach()[:, start : start + shapes[part][1]])
        start += shapes[part][1]
    results = []
    with graph.inserting_before(node):
        for spread, label in ((False, "features"), (True, "vector")):
            own = [part.args[0] if spread else part for part in parts if _is_spread(part) == spread]
            path = f"{node.target}.{label}"
            network.add_submodule(path, _convolution(torch.cat(columns[spread], 1), conv.bias if spread else None))
            joined = graph.call_function(torch.cat, (own, 1))
            joined.meta = dict(node.meta)
            results.append(graph.call_module(path, (joined,)))
        total = graph.call_function(operator.add, tuple(results))
        total.meta = dict(node.meta)
    node.replace_all_uses_with(total)
    return total.name


def _convolution(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Conv2d:
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=bias is not None)
    conv.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return conv

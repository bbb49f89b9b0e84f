"""Fold batch norm into the convolution before it: the same numbers out, one operator less."""

from __future__ import annotations

import copy
from collections import Counter

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from mqn.errors import ExportError


def fold_batch_norms(traced: fx.GraphModule) -> tuple[fx.GraphModule, dict[str, str]]:
    """Fold every batch norm of a traced network in eval mode.

    Args:
        traced: stays as it is.

    Returns:
        The folded network, and for every batch norm's node that is gone the node that now computes its output.

    Raises:
        ExportError: a batch norm does not stand behind a convolution that is called once and that nothing else uses.
    """
    folded = copy.deepcopy(traced).eval()
    modules = dict(folded.named_modules())
    calls = Counter(str(node.target) for node in folded.graph.nodes if node.op == "call_module")
    replaced: dict[str, str] = {}
    for node in list(folded.graph.nodes):
        if node.op != "call_module" or not isinstance(modules[node.target], nn.BatchNorm2d):
            continue
        source = node.args[0]
        conv = modules.get(str(source.target)) if source.op == "call_module" else None
        if not isinstance(conv, nn.Conv2d) or len(source.users) != 1 or calls[str(source.target)] != 1:
            raise ExportError(
                f"batch norm {node.target!r} cannot be folded: it must follow a Conv2d that is called once and whose "
                "output nothing else uses"
            )
        _fold(conv, modules[node.target])
        node.replace_all_uses_with(source)
        folded.graph.erase_node(node)
        replaced[node.name] = source.name
    folded.recompile()
    return folded, replaced


def _fold(conv: nn.Conv2d, norm: nn.Module) -> None:
    assert isinstance(norm, nn.BatchNorm2d)
    if norm.running_mean is None or norm.running_var is None:
        raise ExportError("a batch norm without running statistics cannot be folded; train it with statistics")
    with torch.no_grad():
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )

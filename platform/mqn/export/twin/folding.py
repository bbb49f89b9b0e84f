"""Fold layers into the convolution before them, before the twin is built: the same numbers out, fewer operators."""

from __future__ import annotations

import copy
from collections import Counter

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from mqn.errors import ExportError

Convolution = nn.Conv2d | nn.ConvTranspose2d


def fold(traced: fx.GraphModule) -> tuple[fx.GraphModule, dict[str, str]]:
    """Fold what has no operator of its own in the file.

    A batch norm goes into the convolution before it, where that is called once and nothing else reads it; behind
    anything else it stays. Layers that do nothing go. A pixel shuffle stays, and the convolution before it gets its
    channels in the order that TensorFlow's depth-to-space has them.

    Args:
        traced: a network in eval mode; stays as it is.

    Returns:
        The folded network, and for every node that is gone the node that now computes its output.

    Raises:
        ExportError: a pixel shuffle does not stand behind a convolution that is called once and that nothing else
            uses, or a batch norm has no statistics.
    """
    folded = copy.deepcopy(traced).eval()
    modules = dict(folded.named_modules())
    calls = Counter(str(node.target) for node in folded.graph.nodes if node.op == "call_module")
    replaced: dict[str, str] = {}

    def convolution_before(node: fx.Node) -> Convolution | None:
        source = node.args[0]
        assert isinstance(source, fx.Node)
        conv = modules.get(str(source.target)) if source.op == "call_module" else None
        alone = len(source.users) == 1 and calls[str(source.target)] == 1
        return conv if isinstance(conv, Convolution) and alone else None

    for node in list(folded.graph.nodes):
        module = modules[str(node.target)] if node.op == "call_module" else None
        if isinstance(module, nn.PixelShuffle):
            if (conv := convolution_before(node)) is None:
                raise ExportError(
                    f"pixel shuffle {node.target!r} cannot be exported: it must follow a Conv2d that is called once "
                    "and whose output nothing else uses"
                )
            _reorder(conv, module.upscale_factor)
        elif isinstance(module, nn.BatchNorm2d | nn.Identity | nn.Dropout | nn.Dropout2d):
            if isinstance(module, nn.BatchNorm2d):
                if (conv := convolution_before(node)) is None:
                    continue
                _fold_norm(conv, module)
            (source,) = node.all_input_nodes
            node.replace_all_uses_with(source)
            folded.graph.erase_node(node)
            replaced[node.name] = source.name
    folded.recompile()
    return folded, replaced


def _fold_norm(conv: Convolution, norm: nn.BatchNorm2d) -> None:
    if isinstance(conv, nn.ConvTranspose2d) and conv.groups != 1:
        raise ExportError("a batch norm behind a transposed convolution of groups cannot be folded")
    mean, variance = statistics(norm)
    with torch.no_grad():
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight,
            conv.bias,
            mean,
            variance,
            norm.eps,
            norm.weight,
            norm.bias,
            transpose=isinstance(conv, nn.ConvTranspose2d),
        )


def statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """A batch norm's running means and variances, one a channel.

    Raises:
        ExportError: it has none.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ExportError("a batch norm without running statistics cannot be exported; train it with statistics")
    return norm.running_mean, norm.running_var


def _reorder(conv: Convolution, factor: int) -> None:
    """Torch has the place in a block within the channel, TensorFlow the channel within the place."""

    def swap(values: Tensor) -> nn.Parameter:
        places = values.reshape(-1, factor**2, *values.shape[1:])
        return nn.Parameter(places.transpose(0, 1).reshape(values.shape).contiguous(), requires_grad=False)

    if conv.groups != 1 or isinstance(conv, nn.ConvTranspose2d):
        raise ExportError("a pixel shuffle behind a convolution of groups, or a transposed one, cannot be exported")
    conv.weight = swap(conv.weight.detach())
    if conv.bias is not None:
        conv.bias = swap(conv.bias.detach())

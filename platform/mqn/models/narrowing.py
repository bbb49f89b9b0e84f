"""Inverted residuals with fewer channels inside: what pruning leaves, and what a checkpoint has to say of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mqn.models.blocks import ConvNorm, InvertedResidual


def channels(network: nn.Module) -> dict[str, int]:
    """Name of every inverted residual to the number of channels inside it, between expansion and projection."""
    return {name: block.project.conv.in_channels for name, block in _blocks(network).items()}


def narrow(network: nn.Module, wanted: Mapping[str, int]) -> None:
    """Give inverted residuals as many channels inside as a pruned network has; their weights come after.

    Args:
        network: as it was before it was pruned; changed in place.
        wanted: what `channels` says of the pruned one.

    Raises:
        ValueError: a block that is not there, or more channels than it has.
    """
    blocks = _blocks(network)
    for name, count in wanted.items():
        if name not in blocks or not 0 < count <= blocks[name].project.conv.in_channels:
            raise ValueError(f"no block {name!r} with at least {count} channels")
        if count < blocks[name].project.conv.in_channels:
            keep(blocks[name], torch.arange(count))


def keep(block: InvertedResidual, kept: Tensor) -> None:
    """Take all channels but some out of a block.

    Args:
        block: has an expansion; changed in place.
        kept: indices of those that stay, in their order.
    """
    assert block.expand is not None
    _keep_outputs(block.expand, kept)
    _keep_outputs(block.depthwise, kept)
    block.depthwise.conv.groups = block.depthwise.conv.in_channels = len(kept)
    block.project.conv.weight = nn.Parameter(block.project.conv.weight.detach()[:, kept])
    block.project.conv.in_channels = len(kept)


def _keep_outputs(layer: ConvNorm, kept: Tensor) -> None:
    conv, norm = layer.conv, layer.norm
    conv.weight = nn.Parameter(conv.weight.detach()[kept])
    conv.out_channels = norm.num_features = len(kept)
    norm.weight, norm.bias = nn.Parameter(norm.weight.detach()[kept]), nn.Parameter(norm.bias.detach()[kept])
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean, norm.running_var = norm.running_mean[kept].clone(), norm.running_var[kept].clone()


def _blocks(network: nn.Module) -> dict[str, InvertedResidual]:
    return {name: module for name, module in network.named_modules() if isinstance(module, InvertedResidual)}

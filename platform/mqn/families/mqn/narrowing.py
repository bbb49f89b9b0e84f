"""Inverted residuals with fewer channels inside, as pruning leaves them."""

from __future__ import annotations

import functools

from torch import Tensor, nn

from mqn.families.contract import NarrowableBlock
from mqn.families.mqn.blocks import ConvNorm, InvertedResidual
from mqn.families.mqn.encoder import TAPPED


def blocks(network: nn.Module) -> dict[str, NarrowableBlock]:
    """List every inverted residual. Prunable are those with an expansion, unless it is a tap, which others read."""
    tapped = {f"backbone.encoder.block_{index}" for index in TAPPED}
    return {
        name: NarrowableBlock(
            inner=block.depthwise,
            projection=block.project.conv,
            norm=block.project.norm,
            keep=functools.partial(keep, block),
            prunable=block.expand is not None and name not in tapped,
        )
        for name, block in network.named_modules()
        if isinstance(block, InvertedResidual)
    }


def keep(block: InvertedResidual, kept: Tensor) -> None:
    """Remove all channels of a block, in place, but those with some indices; these keep their order.

    The block has an expansion.
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

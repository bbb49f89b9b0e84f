"""Structured pruning: expanded channels that do least are taken out of a network, and convolutions become smaller.

Single weights set to zero bring nothing here. XNNPACK has sparse kernels for float 1x1 convolutions, but takes them on
no x86 processor with AVX, and on no features that a concatenation reads, as every tap of a U-Net is read. And
tensorflow-model-optimization's PruneForLatencyOnXNNPack refuses the network (tried in `tests/integration/test_qat.py`):
it wants every way in to begin with a 3x3 convolution of stride 2 behind a padding by 1 on all sides. The encoder's,
whose ImageNet weights are Keras's, pads at the right and at the bottom alone, and the picture goes into the last
concatenation and into the output without any convolution. Measured (LiteRT 2.3, AVX-512, one
thread, a network made to fit, 80 % zeros stored as sparse tensors): 0.94 of the dense file's time, the same numbers to
the last bit, so that it computes densely; with a concatenation 1.06.

So whole channels go: those between the expansion and the projection of an inverted residual, which nothing outside the
block sees. Blocks whose expanded features are a tap keep all of theirs. Half of the channels are 0.48 of the
parameters and 0.33 of the multiplications (CA, width 0.35).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from mqn.models.blocks import InvertedResidual
from mqn.models.encoder import TAPPED
from mqn.models.mqn import MQN
from mqn.models.narrowing import keep

_MULTIPLE = 8
"""Kernels work on as many channels at once: a remainder would cost as much as eight."""


def prune(network: MQN, sparsity: float, pictures: np.ndarray) -> MQN:
    """Take out the channels that contribute least to what their block puts out.

    A channel's contribution is its mean over the pictures times the length of its column in the projection. What a
    channel put out on average is added to the projection's bias.

    Args:
        network: in eval mode; stays as it is.
        sparsity: share of the channels to take out of every block, 0 to below 1; what stays is a multiple of 8.
        pictures: (N, S, S, 3) float32 in [0, 1].

    Returns:
        The smaller network: other weights' shapes, the same names and the same interfaces.
    """
    pruned = copy.deepcopy(network).eval()
    blocks = dict(_prunable(pruned))
    means = _means(pruned, blocks, pictures)
    for name, block in blocks.items():
        columns = block.project.conv.weight.detach()[:, :, 0, 0]
        kept = _kept(means[name] * columns.norm(dim=0), sparsity)
        gone = torch.ones(columns.shape[1], dtype=torch.bool)
        gone[kept] = False
        keep(block, kept)
        running_mean = block.project.norm.running_mean
        assert running_mean is not None
        running_mean -= columns[:, gone] @ means[name][gone]
    return pruned


def _prunable(network: nn.Module) -> Iterator[tuple[str, InvertedResidual]]:
    """Blocks whose expanded features nothing else reads."""
    tapped = {f"backbone.encoder.block_{index}" for index in TAPPED}
    for name, module in network.named_modules():
        if isinstance(module, InvertedResidual) and module.expand is not None and name not in tapped:
            yield name, module


def _means(network: nn.Module, blocks: dict[str, InvertedResidual], pictures: np.ndarray) -> dict[str, Tensor]:
    """Mean of every channel that a block's projection reads, over all pixels of all pictures."""
    sums = {name: torch.zeros(block.project.conv.in_channels) for name, block in blocks.items()}

    def add(name: str) -> torch.utils.hooks.RemovableHandle:
        def hook(_module: nn.Module, _inputs: object, features: Tensor) -> None:
            sums[name] += features.mean(dim=(0, 2, 3))

        return blocks[name].depthwise.register_forward_hook(hook)

    hooks = [add(name) for name in blocks]
    try:
        with torch.no_grad():
            for picture in pictures:
                network(torch.from_numpy(picture.transpose(2, 0, 1)[None].copy()))
    finally:
        for hook in hooks:
            hook.remove()
    return {name: total / len(pictures) for name, total in sums.items()}


def _kept(contributions: Tensor, sparsity: float) -> Tensor:
    """Indices of the channels that stay, in their order."""
    channels = len(contributions)
    count = min(channels, max(_MULTIPLE, round(channels * (1 - sparsity) / _MULTIPLE) * _MULTIPLE))
    return contributions.argsort(descending=True, stable=True)[:count].sort().values

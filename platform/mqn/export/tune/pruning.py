"""Structured pruning: whole channels inside a family's narrowable blocks go, and convolutions become smaller.

Zeros among single weights bring nothing here. XNNPACK has sparse kernels for float 1x1 convolutions, but not on x86
processors with AVX, and not for features that a concatenation reads. Measured on a network made to fit (LiteRT 2.3,
AVX-512, one thread, 80 % zeros): 0.94 of the dense file's time, with a concatenation 1.06. And
tensorflow-model-optimization's PruneForLatencyOnXNNPack refuses MQN (`tests/integration/test_qat.py`): it wants every
input to go through a 3x3 convolution of stride 2 that is padded on all sides.

So whole channels go, those between the two ends of a block, which nothing outside the block reads. For MQN (CA, width
0.35) half of the channels are 0.48 of the parameters and 0.33 of the multiplications.
"""

from __future__ import annotations

import contextlib
import copy

import numpy as np
import torch
from torch import Tensor, nn

from mqn.errors import CandidateError
from mqn.families.contract import Family, NarrowableBlock

_MULTIPLE = 8
"""Kernels work on as many channels at once: a remainder would cost as much as eight."""


def prune(network: nn.Module, family: Family, sparsity: float, pictures: np.ndarray) -> nn.Module:
    """Take out the channels that contribute least to what their block puts out.

    A channel's contribution is its mean over the pictures times the length of its column in the projection. What a
    channel put out on average is added to the projection's bias. Names and interfaces stay.

    Args:
        network: in eval mode; stays as it is.
        family: of the network.
        sparsity: share of the channels to take out of every block, 0 to below 1; what stays is a multiple of 8.
        pictures: (N, S, S, 3) float32 in [0, 1].
    """
    pruned = copy.deepcopy(network).eval()
    if family.narrowable is None:
        raise CandidateError(f"plan.sparsity {sparsity}: family {family.name!r} cannot be pruned; give 0")
    blocks = {name: block for name, block in family.narrowable(pruned).items() if block.prunable}
    means = _means(pruned, blocks, pictures)
    for name, block in blocks.items():
        columns = block.projection.weight.detach()[:, :, 0, 0]
        kept = _kept(means[name] * columns.norm(dim=0), sparsity)
        gone = torch.ones(columns.shape[1], dtype=torch.bool)
        gone[kept] = False
        block.keep(kept)
        running_mean = block.norm.running_mean
        assert running_mean is not None
        running_mean -= columns[:, gone] @ means[name][gone]
    return pruned


def _means(network: nn.Module, blocks: dict[str, NarrowableBlock], pictures: np.ndarray) -> dict[str, Tensor]:
    """Mean of every channel that a block's projection reads, over all pixels of all pictures."""
    sums = {name: torch.zeros(block.projection.in_channels) for name, block in blocks.items()}

    def add(name: str) -> torch.utils.hooks.RemovableHandle:
        def hook(_module: nn.Module, _inputs: object, features: Tensor) -> None:
            sums[name] += features.mean(dim=(0, 2, 3))

        return blocks[name].inner.register_forward_hook(hook)

    with contextlib.ExitStack() as hooks, torch.no_grad():
        for name in blocks:
            hooks.enter_context(add(name))
        for picture in pictures:
            network(torch.from_numpy(picture.transpose(2, 0, 1)[None].copy()))
    return {name: total / len(pictures) for name, total in sums.items()}


def _kept(contributions: Tensor, sparsity: float) -> Tensor:
    """Indices of the channels that stay, in their order."""
    channels = len(contributions)
    count = min(channels, max(_MULTIPLE, round(channels * (1 - sparsity) / _MULTIPLE) * _MULTIPLE))
    return contributions.argsort(descending=True, stable=True)[:count].sort().values

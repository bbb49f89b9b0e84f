"""VGG16's first three blocks, whose pooled features the feature reconstruction loss compares (section 3.3)."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor, nn

from mqn.errors import WeightsError
from mqn.families.fields import RANDOM
from mqn.networks.downloads import fetch
from mqn.networks.fetched import local_file
from mqn.networks.weight_files import IMAGENET, copy_layer, present, read_layers

# Convolutions of the blocks: output channels, how many.
BLOCKS = ((64, 2), (128, 2), (256, 3))

_IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)
_FILE = "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
_MD5 = "6d6bbae143d832006294945121d1f1fc"
_SEED = 16


class VGG16(nn.Module):
    """Fixed feature extractor: no parameter wants a gradient, though its input may.

    x: (N, 3, H, W) RGB in [0, 1], H and W multiples of 8 -> for each of `pools` in ascending order the output of that
    block's pooling: (N, 64, H/2, W/2), (N, 128, H/4, W/4), (N, 256, H/8, W/8).
    """

    mean: Tensor

    def __init__(self, pools: Collection[int] = (1, 2, 3)) -> None:
        """Make the layers that the pools, some of 1, 2, 3, need."""
        super().__init__()
        self.pools = tuple(sorted(set(pools)))
        self.blocks = nn.ModuleList()
        channels = 3
        for out, count in BLOCKS[: max(self.pools)]:
            layers: list[nn.Module] = []
            for _ in range(count):
                layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
                channels = out
            self.blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN_BGR).view(1, 3, 1, 1))
        self.requires_grad_(requires_grad=False)

    def convolutions(self) -> list[nn.Conv2d]:
        """The convolutions in order."""
        return [module for module in self.modules() if isinstance(module, nn.Conv2d)]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Extract features."""
        x = x.flip(1) * 255.0 - self.mean
        features = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in self.pools:
                features.append(x)
        return features


def load_vgg16(source: str, pools: Collection[int] = (1, 2, 3)) -> VGG16:
    """Make VGG16's first blocks.

    Args:
        source: `imagenet` (Keras's file, downloaded once and checked by its hash), `random` (He-normal, the same every
            time), or the path or URL of an .npz or .h5 file that may hold the first blocks only.
        pools: which pooling blocks' outputs are wanted, out of 1, 2, 3.

    Returns:
        The extractor, in eval mode, without gradients of its own.

    Raises:
        WeightsError: the weights cannot be had or do not reach the wanted pools.
    """
    extractor = VGG16(pools).eval()
    convolutions = extractor.convolutions()
    if source == RANDOM:
        generator = torch.Generator().manual_seed(_SEED)
        for convolution in convolutions:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(present(convolution.bias))
        return extractor
    path = fetch(_FILE, md5=_MD5) if source == IMAGENET else local_file(source)
    layers = read_layers(path, ["conv2d"] * len(convolutions))
    if len(layers) < len(convolutions):
        raise WeightsError(
            f"{path} holds {len(layers)} of VGG16's convolutions; pools {tuple(extractor.pools)} need "
            f"{len(convolutions)}; {_reachable(len(layers))}"
        )
    for layer, convolution in zip(layers, convolutions, strict=False):
        copy_layer(layer, layer.name, "conv2d", (convolution.weight, present(convolution.bias)), str(path))
    return extractor


def _reachable(convolutions: int) -> str:
    counts = np.cumsum([count for _, count in BLOCKS])
    possible = [str(pool) for pool, needed in enumerate(counts, start=1) if needed <= convolutions]
    return f"possible: feature_pools out of {', '.join(possible)}" if possible else "not even pool 1 is possible"

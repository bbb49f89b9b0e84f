"""Weights of the encoder and of VGG16: Keras's published files, a path, or openly random; no silent stand-in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mqn.errors import WeightsError
from mqn.models.blocks import ConvNorm
from mqn.models.downloads import fetch
from mqn.models.encoder import BLOCKS, Encoder
from mqn.models.vgg import BLOCKS as VGG_BLOCKS
from mqn.models.vgg import VGG16
from mqn.models.weight_files import Layer, read_layers

IMAGENET = "imagenet"
RANDOM = "random"

# Widths for which Keras publishes MobileNetV2.
IMAGENET_WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)

_ENCODER_FILE = "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_224_no_top.h5"
_VGG16_FILE = "vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
_VGG16_MD5 = "6d6bbae143d832006294945121d1f1fc"
_VGG16_SEED = 16


def load_encoder(encoder: Encoder, source: str, width: float) -> None:
    """Load the encoder's weights.

    Args:
        encoder: of width `width`.
        source: `imagenet` (Keras's file, downloaded once; it has no published hash, see `mqn.models.downloads`),
            `random` (the encoder stays as it is), or the path of an .npz or .h5 file.
        width: the encoder's multiplier, which picks the published file.

    Raises:
        WeightsError: there are no such weights, they cannot be had, or they do not fit the encoder.
    """
    if source == RANDOM:
        return
    if source == IMAGENET:
        if width not in IMAGENET_WIDTHS:
            allowed = ", ".join(map(str, IMAGENET_WIDTHS))
            raise WeightsError(
                f"no ImageNet weights are published for width {width}; allowed: {allowed}, or say 'random'"
            )
        path = fetch(_ENCODER_FILE.format(width=float(width)))
    else:
        path = Path(source).expanduser()
    targets = _encoder_targets(encoder)
    layers = read_layers(path, [kind for _, kind, _ in targets])
    # The published files end with a convolution to 1280 channels, which the encoder has no use for.
    if len(layers) < len(targets):
        raise WeightsError(f"{path} holds {len(layers)} layers with weights, MobileNetV2 has {len(targets)} or more")
    names = {name for name, _, _ in targets}
    for layer, (name, kind, tensors) in zip(layers, targets, strict=False):
        if layer.name in names and layer.name != name:
            raise WeightsError(
                f"{path}: {layer.name} stands where MobileNetV2 has {name}; it is another network's file"
            )
        _copy(layer, name, kind, tensors, f"{path}, for an encoder of width {width}")


def load_vgg16(source: str, pools: Collection[int] = (1, 2, 3)) -> VGG16:
    """Make VGG16's first blocks.

    Args:
        source: `imagenet` (Keras's file, downloaded once and checked by its hash), `random` (He-normal, the same every
            time), or the path of an .npz or .h5 file that may hold the first blocks only.
        pools: which pooling blocks' outputs are wanted, out of 1, 2, 3.

    Returns:
        The extractor, in eval mode, without gradients of its own.

    Raises:
        WeightsError: the weights cannot be had or do not reach the wanted pools.
    """
    extractor = VGG16(pools).eval()
    convolutions = extractor.convolutions()
    if source == RANDOM:
        generator = torch.Generator().manual_seed(_VGG16_SEED)
        for convolution in convolutions:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(_present(convolution.bias))
        return extractor
    path = fetch(_VGG16_FILE, md5=_VGG16_MD5) if source == IMAGENET else Path(source).expanduser()
    layers = read_layers(path, ["conv2d"] * len(convolutions))
    if len(layers) < len(convolutions):
        raise WeightsError(
            f"{path} holds {len(layers)} of VGG16's convolutions; pools {tuple(extractor.pools)} need "
            f"{len(convolutions)}; {_reachable(len(layers))}"
        )
    for layer, convolution in zip(layers, convolutions, strict=False):
        _copy(layer, layer.name, "conv2d", (convolution.weight, _present(convolution.bias)), str(path))
    return extractor


def _encoder_targets(encoder: Encoder) -> list[tuple[str, str, tuple[Tensor, ...]]]:
    """Keras's name, Keras's class and our tensors of every layer with weights, in Keras's order."""
    parts: list[tuple[str, str, ConvNorm]] = [("Conv1", "bn_Conv1", encoder.conv1)]
    for index in range(BLOCKS):
        block = encoder.block(index)
        prefix = f"block_{index}" if index else "expanded_conv"
        for part, module in (("expand", block.expand), ("depthwise", block.depthwise), ("project", block.project)):
            if module is not None:
                parts.append((f"{prefix}_{part}", f"{prefix}_{part}_BN", module))
    targets: list[tuple[str, str, tuple[Tensor, ...]]] = []
    for conv_name, norm_name, module in parts:
        depthwise = module.conv.groups > 1
        targets.append((conv_name, "depthwise_conv2d" if depthwise else "conv2d", (module.conv.weight,)))
        norm = module.norm
        statistics = (_present(norm.running_mean), _present(norm.running_var))
        targets.append((norm_name, "batch_normalization", (norm.weight, norm.bias, *statistics)))
    return targets


def _copy(layer: Layer, name: str, kind: str, tensors: Sequence[Tensor], where: str) -> None:
    """Copy one layer's arrays, kernels from Keras's order of axes to torch's."""
    arrays = [_to_torch(array, kind) for array in layer.arrays]
    found, wanted = [array.shape for array in arrays], [tuple(tensor.shape) for tensor in tensors]
    if found != wanted:
        raise WeightsError(f"{where}: {name} has arrays of shapes {found}, wanted {wanted} (in torch's order of axes)")
    if not all(np.isfinite(array).all() for array in arrays):
        raise WeightsError(f"{where}: {name} holds values that are not finite")
    with torch.no_grad():
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.copy_(torch.from_numpy(array))


def _to_torch(array: np.ndarray, kind: str) -> np.ndarray:
    if array.ndim != 4:
        return array
    # HWIO -> OIHW; a depthwise kernel is (H, W, channels, 1) in Keras and (channels, 1, H, W) in torch.
    return np.ascontiguousarray(array.transpose((2, 3, 0, 1) if kind == "depthwise_conv2d" else (3, 2, 0, 1)))


def _reachable(convolutions: int) -> str:
    counts = np.cumsum([count for _, count in VGG_BLOCKS])
    possible = [str(pool) for pool, needed in enumerate(counts, start=1) if needed <= convolutions]
    return f"possible: feature_pools out of {', '.join(possible)}" if possible else "not even pool 1 is possible"


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor

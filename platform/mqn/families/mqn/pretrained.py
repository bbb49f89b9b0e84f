"""Weights of the encoder: Keras's published files, a path, or openly random; no silent stand-in."""

from __future__ import annotations

from torch import Tensor

from mqn.errors import WeightsError
from mqn.families.fields import RANDOM
from mqn.families.mqn.blocks import ConvNorm
from mqn.families.mqn.encoder import BLOCKS, Encoder
from mqn.networks.downloads import fetch
from mqn.networks.fetched import local_file
from mqn.networks.weight_files import IMAGENET, copy_layer, present, read_layers

# Widths for which Keras publishes MobileNetV2.
IMAGENET_WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)

_ENCODER_FILE = "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{width}_224_no_top.h5"


def load_encoder(encoder: Encoder, source: str, width: float) -> None:
    """Load the encoder's weights.

    Args:
        encoder: of width `width`.
        source: `imagenet` (Keras's file, downloaded once; it has no published hash, see `mqn.networks.downloads`),
            `random` (the encoder stays as it is), or the path or URL of an .npz or .h5 file.
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
        path = local_file(source)
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
        copy_layer(layer, name, kind, tensors, f"{path}, for an encoder of width {width}")


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
        statistics = (present(norm.running_mean), present(norm.running_var))
        targets.append((norm_name, "batch_normalization", (norm.weight, norm.bias, *statistics)))
    return targets

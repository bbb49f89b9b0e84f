"""Keras layers for torch's convolutions and linear layers, and for batch norms that no convolution takes in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import tf_keras
import torch
from torch import Tensor, nn

from mqn.export.twin.call import Call, pair
from mqn.export.twin.folding import statistics
from mqn.export.twin.padding import MIRROR, pad

layers = tf_keras.layers


def convolve(call: Call) -> Any:
    """`nn.Conv2d`."""
    conv = call.module
    assert isinstance(conv, nn.Conv2d)
    if conv.padding_mode not in ("zeros", MIRROR) or isinstance(conv.padding, str):
        raise call.refuse("a convolution that pads with anything but a number of zeros or of mirrored pixels")
    if conv.padding_mode == MIRROR:
        tall, wide = conv.padding
        mirrored = pad(call, (wide, wide, tall, tall), MIRROR, f"{call.name}/pad")
        call = replace(call, args=(mirrored,))
        return _convolve(call, conv.weight, conv.bias, conv.stride, (0, 0), conv.dilation, conv.groups)
    return _convolve(call, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def convolve_transposed(call: Call) -> Any:
    """`nn.ConvTranspose2d`: a kernel whose padding takes away what it gives beyond `stride` times the size, or none."""
    conv = call.module
    assert isinstance(conv, nn.ConvTranspose2d)
    if conv.groups != 1 or conv.dilation != (1, 1):
        raise call.refuse("a transposed convolution of groups, or a dilated one")
    beyond = tuple(size - step for size, step in zip(conv.kernel_size, conv.stride, strict=True))
    exact = beyond == tuple(2 * int(side) for side in conv.padding)
    if min(beyond) < 0 or conv.output_padding != (0, 0) or not (exact or conv.padding == (0, 0)):
        raise call.refuse(
            f"a transposed convolution of kernel {conv.kernel_size}, stride {conv.stride}, padding {conv.padding} and "
            f"output padding {conv.output_padding}; known: none of either, or padding (kernel - stride) / 2"
        )
    layer = layers.Conv2DTranspose(
        conv.out_channels, conv.kernel_size, conv.stride, padding="same" if exact else "valid", name=call.name
    )
    result = layer(call.args[0])
    layer.set_weights([conv.weight.detach().numpy().transpose(2, 3, 1, 0), _bias(conv.bias, conv.out_channels)])
    return result


def convolve_by_function(call: Call) -> Any:
    """`F.conv2d` with weights that no picture decides."""
    weight, bias, stride, padding, dilation, groups = (
        call.argument(position, name, default)
        for position, (name, default) in enumerate(
            {"weight": None, "bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}.items(), 1
        )
    )
    if not isinstance(weight, Tensor) or isinstance(padding, str):
        raise call.refuse("a convolution with computed weights, or with a padding that is no number")
    return _convolve(call, weight, bias, pair(stride), pair(padding), pair(dilation), groups)


def multiply_vector(call: Call) -> Any:
    """`nn.Linear`: a convolution of a picture of one pixel."""
    linear = call.module
    assert isinstance(linear, nn.Linear)
    if tuple(call.args[0].shape[1:3]) != (1, 1):
        raise call.refuse("a linear layer on anything but one vector a picture")
    return _convolve(call, linear.weight[:, :, None, None], linear.bias, (1, 1), (0, 0), (1, 1), 1)


def scale_channels(call: Call) -> Any:
    """`nn.BatchNorm2d` that no convolution takes in: as one operator, a 1x1 convolution of single channels."""
    norm = call.module
    assert isinstance(norm, nn.BatchNorm2d)
    mean, variance = statistics(norm)
    ones, zeros = torch.ones_like(mean), torch.zeros_like(mean)
    scale = (ones if norm.weight is None else norm.weight) / torch.sqrt(variance + norm.eps)
    shift = (zeros if norm.bias is None else norm.bias) - mean * scale
    return _convolve(call, scale[:, None, None, None], shift, (1, 1), (0, 0), (1, 1), len(mean))


def _convolve(
    call: Call,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Any:
    out_channels, group_channels, *size = weight.shape
    depthwise = 1 < groups == out_channels and group_channels == 1
    if dilation != (1, 1) and (stride != (1, 1) or depthwise):
        raise call.refuse("a dilated convolution with a stride or of single channels")
    x = call.args[0]
    # An even kernel has no middle: what torch pads on both sides, SAME does not.
    reach = tuple(side // 2 * step if side % 2 else None for side, step in zip(size, dilation, strict=True))
    same = padding == reach and padding != (0, 0) and stride == (1, 1)
    if padding != (0, 0) and not same:
        x = layers.ZeroPadding2D(padding, name=f"{call.name}/pad")(x)
    shared = {
        "kernel_size": size,
        "strides": stride,
        "padding": "same" if same else "valid",
        "use_bias": True,  # The file's convolution has one anyway, and calibration corrects it.
        "name": call.name,
    }
    if depthwise:
        layer = layers.DepthwiseConv2D(**shared)
    else:
        layer = layers.Conv2D(out_channels, dilation_rate=dilation, groups=groups, **shared)
    result = layer(x)
    kernel = weight.detach().numpy().transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    layer.set_weights([kernel, _bias(bias, out_channels)])
    return result


def _bias(bias: Tensor | None, channels: int) -> np.ndarray:
    return np.zeros(channels, np.float32) if bias is None else bias.detach().numpy()

"""Keras layers for the torch operations that our networks are made of: one builder each, NCHW in, NHWC out."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
import torch
from torch import nn

from mqn.errors import ExportError

layers = tf_keras.layers
_NHWC = {0: 0, 1: 3, 2: 1, 3: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One node of the traced network.

    Attributes:
        name: the Keras layer's name: the torch module's path with slashes.
        module: the torch module; None for a function.
        args: the node's arguments; tensors are Keras tensors (N, H, W, C) already.
        kwargs: likewise by name.
    """

    name: str
    module: nn.Module | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def refuse(self, what: str) -> ExportError:
        """The error for an operation of ours in a form that has no counterpart."""
        return ExportError(f"{self.name}: cannot export {what}; write it otherwise, or teach mqn.export.builders")


class InstanceNorm(layers.Layer):  # type: ignore[name-defined]
    """Instance norm with few passes over the picture: two means, then y = x * scale + shift, by channel.

    x: (N, H, W, C). The textbook's (x - mean) / std * gamma + beta would touch every pixel once more.
    """

    def __init__(self, epsilon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make gamma and beta, one a channel."""
        self.gamma = self.add_weight("gamma", (input_shape[-1],), initializer="ones")
        self.beta = self.add_weight("beta", (input_shape[-1],), initializer="zeros")
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Normalise."""
        mean = tf.reduce_mean(x, axis=(1, 2), keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), axis=(1, 2), keepdims=True)
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        return x * scale + (self.beta - mean * scale)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), "epsilon": self.epsilon}


def _conv(call: Call) -> Any:
    conv = call.module
    assert isinstance(conv, nn.Conv2d)
    depthwise = conv.groups == conv.in_channels == conv.out_channels and conv.groups > 1
    if conv.groups != 1 and not depthwise:
        raise call.refuse(f"a convolution of {conv.groups} groups")
    if conv.dilation != (1, 1) or conv.padding_mode != "zeros" or isinstance(conv.padding, str):
        raise call.refuse("a convolution that is dilated or pads with anything but a number of zeros")
    x = call.args[0]
    # An even kernel has no middle: what torch pads on both sides, SAME does not.
    reach = tuple(size // 2 if size % 2 else None for size in conv.kernel_size)
    if conv.padding == (0, 0):
        padding = "valid"
    elif conv.padding == reach and conv.stride == (1, 1):
        padding = "same"
    else:
        padding = "valid"
        x = layers.ZeroPadding2D(conv.padding, name=f"{call.name}/pad")(x)
    shared = {
        "kernel_size": conv.kernel_size,
        "strides": conv.stride,
        "padding": padding,
        "use_bias": True,  # The file's convolution has one anyway, and calibration corrects it.
        "name": call.name,
    }
    layer = layers.DepthwiseConv2D(**shared) if depthwise else layers.Conv2D(conv.out_channels, **shared)
    result = layer(x)
    kernel = conv.weight.detach().numpy().transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    bias = np.zeros(conv.out_channels, np.float32) if conv.bias is None else conv.bias.detach().numpy()
    layer.set_weights([kernel, bias])
    return result


def _instance_norm(call: Call) -> Any:
    norm = call.module
    assert isinstance(norm, nn.InstanceNorm2d)
    if norm.track_running_stats:
        raise call.refuse("an instance norm with running statistics")
    layer = InstanceNorm(norm.eps, name=call.name)
    result = layer(call.args[0])
    if norm.affine:
        layer.set_weights([norm.weight.detach().numpy(), norm.bias.detach().numpy()])
    return result


def _pad(call: Call) -> Any:
    assert isinstance(call.module, nn.ZeroPad2d)
    left, right, top, bottom = call.module.padding
    return layers.ZeroPadding2D(((top, bottom), (left, right)), name=call.name)(call.args[0])


def _upsample(call: Call) -> Any:
    up = call.module
    assert isinstance(up, nn.Upsample)
    if (
        up.mode not in ("nearest", "bilinear")
        or up.scale_factor not in (2, 2.0, (2, 2), (2.0, 2.0))
        or up.align_corners
    ):
        raise call.refuse(f"an upsampling of mode {up.mode!r} by {up.scale_factor} (only nearest and bilinear by 2)")
    return layers.UpSampling2D(2, interpolation=up.mode, name=call.name)(call.args[0])


def _activation(kind: str) -> Callable[[Call], Any]:
    return lambda call: layers.Activation(kind, name=call.name)(call.args[0])


def _relu(limit: float | None) -> Callable[[Call], Any]:
    return lambda call: layers.ReLU(limit, name=call.name)(call.args[0])


def _arithmetic(layer: Any, with_number: Callable[[float], dict[str, float]]) -> Callable[[Call], Any]:
    """Two tensors through a merging layer, a tensor and a number through a rescaling."""

    def build(call: Call) -> Any:
        first, second = call.args
        if isinstance(second, (int, float)):
            return layers.Rescaling(**with_number(float(second)), name=call.name)(first)
        if isinstance(first, (int, float)):
            raise call.refuse("a number in front of a tensor")
        return layer(name=call.name)([first, second])

    return build


def _concatenate(call: Call) -> Any:
    tensors = call.args[0]
    axis = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else 0)
    return layers.Concatenate(axis=_NHWC[axis % len(_NHWC)], name=call.name)(list(tensors))


def _mean(call: Call) -> Any:
    axes = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else ())
    keep = call.kwargs.get("keepdim", call.args[2] if len(call.args) > 2 else False)
    if tuple(np.sort(np.mod(axes, 4), axis=None)) != (2, 3) or not keep:
        raise call.refuse(f"a mean over {axes} (only over height and width, kept as dimensions of 1)")
    return layers.GlobalAveragePooling2D(keepdims=True, name=call.name)(call.args[0])


_add = _arithmetic(layers.Add, lambda number: {"scale": 1.0, "offset": number})
_subtract = _arithmetic(layers.Subtract, lambda number: {"scale": 1.0, "offset": -number})
_multiply = _arithmetic(layers.Multiply, lambda number: {"scale": number, "offset": 0.0})

BUILDERS: dict[Any, Callable[[Call], Any]] = {
    nn.Conv2d: _conv,
    nn.InstanceNorm2d: _instance_norm,
    nn.ZeroPad2d: _pad,
    nn.Upsample: _upsample,
    nn.ReLU: _relu(None),
    nn.ReLU6: _relu(6.0),
    nn.Sigmoid: _activation("sigmoid"),
    nn.Tanh: _activation("tanh"),
    operator.add: _add,
    torch.add: _add,
    operator.sub: _subtract,
    torch.sub: _subtract,
    operator.mul: _multiply,
    torch.mul: _multiply,
    torch.cat: _concatenate,
    torch.mean: _mean,
}

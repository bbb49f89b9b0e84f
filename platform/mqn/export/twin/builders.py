"""Keras layers for the torch operations that networks are made of: one builder each, NCHW in, NHWC out.

A vector (N, C), which is what a mean over a picture or a linear layer gives, is a picture of one pixel in Keras.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import tf_keras
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mqn.export.twin.call import Call, pair
from mqn.export.twin.convolutions import (
    convolve,
    convolve_by_function,
    convolve_transposed,
    multiply_vector,
    scale_channels,
)
from mqn.export.twin.layers import InstanceNorm
from mqn.export.twin.padding import pad_by_function, pad_by_module
from mqn.networks.curves import apply_curve
from mqn.networks.look_up import look_up

layers = tf_keras.layers
_NHWC = {0: 0, 1: 3, 2: 1, 3: 2}
_SELU_SCALE, _SELU_SLOPE = 1.0507009873554805, 1.6732632423543772


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


def _upsample(call: Call) -> Any:
    up = call.module
    assert isinstance(up, nn.Upsample)
    return _resize(call, up.mode, up.align_corners)


def _interpolate(call: Call) -> Any:
    mode, align_corners = call.argument(3, "mode", "nearest"), call.argument(4, "align_corners")
    if call.argument(6, "antialias", default=False):
        raise call.refuse("a resize with antialias")
    return _resize(call, mode, align_corners)


def _resize(call: Call, mode: str, align_corners: bool | None) -> Any:
    x = call.args[0]
    assert call.shape is not None
    before, after = tuple(x.shape[1:3]), call.shape[2:]
    if not align_corners and mode in ("nearest", "bilinear") and after == tuple(2 * s for s in before):
        return layers.UpSampling2D(2, interpolation=mode, name=call.name)(x)
    if align_corners or mode != "bilinear":
        raise call.refuse(f"a resize of mode {mode!r} from {before} to {after}; known: bilinear, or nearest by 2")
    return call.operation("resize_bilinear", height=after[0], width=after[1])


def _average_pool(call: Call) -> Any:
    size, padding = pair(call.argument(1, "kernel_size")), pair(call.argument(3, "padding", 0))
    if call.argument(4, "ceil_mode", default=False) or not call.argument(5, "count_include_pad", default=True):
        raise call.refuse("an average pooling that does not count its padding, or rounds up")
    x = call.args[0]
    if padding != (0, 0):
        x = layers.ZeroPadding2D(padding, name=f"{call.name}/pad")(x)
    return layers.AveragePooling2D(size, pair(call.argument(2, "stride") or size), name=call.name)(x)


def _max_pool(call: Call) -> Any:
    pool = call.module
    assert isinstance(pool, nn.MaxPool2d)
    if pair(pool.padding) != (0, 0) or pair(pool.dilation) != (1, 1) or pool.ceil_mode or pool.return_indices:
        raise call.refuse("a max pooling that pads, is dilated, rounds up or returns indices")
    return layers.MaxPooling2D(pair(pool.kernel_size), pair(pool.stride), name=call.name)(call.args[0])


def _pixel_shuffle(call: Call) -> Any:
    """Channels are in TensorFlow's order already (`mqn.export.twin.folding`)."""
    assert isinstance(call.module, nn.PixelShuffle)
    return call.operation("depth_to_space", block_size=call.module.upscale_factor)


def _activation(kind: str) -> Callable[[Call], Any]:
    return lambda call: layers.Activation(kind, name=call.name)(call.args[0])


def _function(kind: str) -> Callable[[Call], Any]:
    return lambda call: call.operation(kind)


def _maximum(call: Call) -> Any:
    first, second = call.args[0], call.argument(1, "other")
    if isinstance(first, Tensor) or isinstance(second, Tensor):
        raise call.refuse("a maximum of a picture and a constant")
    return layers.Maximum(name=call.name)([first, second])


def _apply_curve(call: Call) -> Any:
    x, curve = call.args
    if isinstance(x, Tensor) or isinstance(curve, Tensor):
        raise call.refuse("a look-up of a constant, or in a curve that no picture decides")
    return call.operation("apply_curve", [x, curve])


def _relu(limit: float | None) -> Callable[[Call], Any]:
    return lambda call: layers.ReLU(limit, name=call.name)(call.args[0])


def _leaky_relu(call: Call) -> Any:
    module = call.module
    slope = module.negative_slope if isinstance(module, nn.LeakyReLU) else call.argument(1, "negative_slope", 0.01)
    return layers.LeakyReLU(slope, name=call.name)(call.args[0])


def _selu(call: Call) -> Any:
    """ELU keeps the sign, so that a leaky ReLU finds what SELU stretches: TFLite has both, and no SELU."""
    scaled = layers.Rescaling(_SELU_SCALE, name=f"{call.name}/scale")(
        layers.Activation("elu", name=f"{call.name}/elu")(call.args[0])
    )
    return layers.LeakyReLU(_SELU_SLOPE, name=call.name)(scaled)


def _clip(call: Call) -> Any:
    low, high = call.argument(1, "min"), call.argument(2, "max")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        raise call.refuse("a clip that does not have a number at both ends")
    return call.operation("clip", clip_value_min=float(low), clip_value_max=float(high))


def _arithmetic(layer: Any, in_front: str, behind: str = "") -> Callable[[Call], Any]:
    """Two tensors through a merging layer or operation; a tensor and what no picture decides through an operation.

    Args:
        layer: of two tensors.
        in_front: the operation where a constant stands in front of the tensor.
        behind: where it stands behind; where it is `-` or `/`, that of its negative or reciprocal.
    """

    def build(call: Call) -> Any:
        first, second = call.args
        if not isinstance(first, int | float | Tensor) and not isinstance(second, int | float | Tensor):
            return layer(call, first, second)
        if isinstance(first, int | float | Tensor):
            return call.operation(in_front, second, constant=_constant(call, first))
        kind, value = behind or in_front, second
        if kind == "-":
            kind, value = "add", -second
        elif kind == "/":
            kind, value = "multiply", 1 / second
        return call.operation(kind, first, constant=_constant(call, value))

    return build


def _constant(call: Call, value: float | Tensor) -> Any:
    """A number, or one number a channel as NHWC."""
    if not isinstance(value, Tensor):
        return float(value)
    whole = value.detach().reshape((1,) * (4 - value.ndim) + tuple(value.shape))
    if whole.shape[0] != 1 or tuple(whole.shape[2:]) != (1, 1):
        raise call.refuse(f"arithmetic with a constant of shape {tuple(value.shape)}; known: one number a channel")
    return whole.flatten().tolist()


def _concatenate(call: Call) -> Any:
    axis = call.argument(1, "dim", 0)
    tensors = list(call.args[0])
    if len(tensors) == 1:
        return tensors[0]
    return layers.Concatenate(axis=_NHWC[axis % len(_NHWC)], name=call.name)(tensors)


def _chunk(call: Call) -> Any:
    parts, axis = call.argument(1, "chunks"), call.argument(2, "dim", 0)
    if axis != 1 or call.args[0].shape[3] % parts:
        raise call.refuse("a split that is not into equal parts of channels")
    return call.operation("split", parts=parts)


def _getitem(call: Call) -> Any:
    source, index = call.args
    if isinstance(source, list):
        return source[index]
    if call.shape is None or tuple(call.shape[2:]) != (1, 1) or index != (..., None, None):
        raise call.refuse(f"the index {index}; known: a part of a split, and [..., None, None] of a vector")
    return source


def _mean(call: Call) -> Any:
    axes = call.argument(1, "dim", ())
    if _over_channels(call, axes):
        return call.operation("mean_of_channels")
    if tuple(np.sort(np.mod(axes, 4), axis=None)) != (2, 3):
        raise call.refuse(f"a mean over {axes} (only over height and width, or over channels that are kept as one)")
    return layers.GlobalAveragePooling2D(keepdims=True, name=call.name)(call.args[0])


def _deviation(call: Call) -> Any:
    axes, kept = call.argument(1, "dim", ()), call.argument(3, "keepdim", default=False)
    if tuple(np.sort(np.mod(axes, 4), axis=None)) != (2, 3) or call.kwargs.get("correction", 1) != 0 or not kept:
        raise call.refuse("a standard deviation but that over height and width that are kept as one, correction 0")
    return call.operation("deviation")


def _look_up(call: Call) -> Any:
    picture, tables, bins = call.args
    if isinstance(tables, Tensor):
        raise call.refuse("a look-up in tables that no picture decides")
    return call.operation("look_up", [picture, tables], bins=bins)


def _maximum_of_channels(call: Call) -> Any:
    axes = call.argument(1, "dim", ())
    if not _over_channels(call, axes):
        raise call.refuse(f"a maximum over {axes} (only over channels that are kept as one)")
    return call.operation("maximum_of_channels")


def _over_channels(call: Call, axes: Any) -> bool:
    kept = bool(call.argument(2, "keepdim", default=False))
    return kept and call.shape is not None and len(call.shape) == 4 and np.atleast_1d(np.mod(axes, 4)).tolist() == [1]


def _merge(kind: Any) -> Callable[[Call, Any, Any], Any]:
    return lambda call, first, second: kind(name=call.name)([first, second])


_add = _arithmetic(_merge(layers.Add), "add")
_subtract = _arithmetic(_merge(layers.Subtract), "subtract_from", "-")
_multiply = _arithmetic(_merge(layers.Multiply), "multiply")
_divide = _arithmetic(lambda call, *tensors: call.operation("divide", list(tensors)), "divide_into", "/")

BUILDERS: dict[Any, Callable[[Call], Any]] = {
    nn.Conv2d: convolve,
    nn.ConvTranspose2d: convolve_transposed,
    nn.Linear: multiply_vector,
    nn.BatchNorm2d: scale_channels,
    nn.InstanceNorm2d: _instance_norm,
    **dict.fromkeys((nn.ZeroPad2d, nn.ReflectionPad2d), pad_by_module),
    nn.MaxPool2d: _max_pool,
    nn.Upsample: _upsample,
    nn.PixelShuffle: _pixel_shuffle,
    **dict.fromkeys((nn.ReLU, F.relu, torch.relu, "relu"), _relu(None)),
    **dict.fromkeys((nn.ReLU6, F.relu6), _relu(6.0)),
    **dict.fromkeys((nn.LeakyReLU, F.leaky_relu), _leaky_relu),
    **dict.fromkeys((nn.SELU, F.selu), _selu),
    **dict.fromkeys((nn.Sigmoid, torch.sigmoid, F.sigmoid, "sigmoid"), _activation("sigmoid")),
    **dict.fromkeys((nn.Tanh, torch.tanh, F.tanh, "tanh"), _activation("tanh")),
    **dict.fromkeys((torch.abs, "abs"), _function("abs")),
    **dict.fromkeys((torch.exp, "exp"), _function("exp")),
    **dict.fromkeys((torch.log, "log"), _function("log")),
    **dict.fromkeys((torch.maximum, "maximum"), _maximum),
    apply_curve: _apply_curve,
    F.conv2d: convolve_by_function,
    F.pad: pad_by_function,
    F.avg_pool2d: _average_pool,
    F.interpolate: _interpolate,
    **dict.fromkeys((operator.add, torch.add), _add),
    **dict.fromkeys((operator.sub, torch.sub), _subtract),
    **dict.fromkeys((operator.mul, torch.mul), _multiply),
    **dict.fromkeys((operator.truediv, torch.div), _divide),
    **dict.fromkeys((torch.mean, "mean"), _mean),
    **dict.fromkeys((torch.std, "std"), _deviation),
    look_up: _look_up,
    **dict.fromkeys((torch.amax, "amax"), _maximum_of_channels),
    **dict.fromkeys((torch.clamp, "clamp"), _clip),
    **dict.fromkeys((torch.chunk, "chunk"), _chunk),
    torch.cat: _concatenate,
    operator.getitem: _getitem,
}
"""By the torch module's class, the function, or the name of a tensor's method."""

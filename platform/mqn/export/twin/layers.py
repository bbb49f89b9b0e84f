"""Keras layers that Keras does not have: instance norm, and single operations of TensorFlow under a name of ours."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras


class InstanceNorm(tf_keras.layers.Layer):
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


def mirror(x: tf.Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> tf.Tensor:
    """Mirror (N, H, W, C) at its border, so many rows and columns before and behind; the border itself stands once."""
    for axis, (before, behind) in ((1, rows), (2, columns)):
        first = (slice(None),) * axis
        # From the end, so that the slices are right at every size that the file is given later.
        parts = [x[(*first, slice(place, place + 1))] for place in range(before, 0, -1)]
        parts += [x, *(x[(*first, slice(-1 - place, -place))] for place in range(1, behind + 1))]
        x = tf.concat(parts, axis) if len(parts) > 1 else x
    return x


def apply_curve(xs: list[tf.Tensor]) -> tf.Tensor:
    """`mqn.networks.curves.apply_curve` of a picture (N, H, W, C) and curves (N, 1, 1, S)."""
    x, curve = xs
    intervals = curve.shape[-1] - 1
    samples = tf.reshape(curve, (-1, intervals + 1))
    place = x * intervals
    before = tf.clip_by_value(tf.floor(place), 0.0, intervals - 1.0)
    index = tf.cast(before, tf.int32)
    low, high = (tf.gather(part, index, axis=1, batch_dims=1) for part in (samples, samples[:, 1:]))
    return low + (place - before) * (high - low)


def deviation(x: tf.Tensor) -> tf.Tensor:
    """Standard deviation of each channel of (N, H, W, C) over the picture: (N, 1, 1, C)."""
    mean = tf.reduce_mean(x, axis=(1, 2), keepdims=True)
    return tf.sqrt(tf.reduce_mean(tf.math.squared_difference(x, mean), axis=(1, 2), keepdims=True))


def look_up(inputs: list[tf.Tensor], bins: int) -> tf.Tensor:
    """Look colours up as `mqn.networks.look_up.look_up` does, with operators that TFLite has.

    Everything but the reading lies in planes of colours, (N, C, H, W): XNNPACK's arithmetic is slow where one number
    meets few channels. Measured on one thread (x86-64, processor time, the best of 60 in turns, beside other work), 512
    x 512 pixels and tables of 33^3: 31 ms; with channels last 80 ms; with all eight entries gathered as one row 37 ms.

    Args:
        inputs: pictures (N, H, W, 3) in [0, 1], and tables (N, 1, 1, 3 * bins ** 3).
        bins: entries along each axis.
    """
    pictures, tables = inputs
    places = tf.clip_by_value(tf.transpose(pictures, (0, 3, 1, 2)) * float(bins - 1), 0.0, float(bins - 1))
    first = tf.minimum(tf.floor(places), float(bins - 2))
    entries = tf.reshape(tables, (-1, bins**3, 3))
    # Whole numbers up to 65^3, which float32 holds as they are.
    rows = tf.reduce_sum(first * np.array([1, bins, bins**2], np.float32).reshape(1, 3, 1, 1), 1)
    values = []
    for blue, green, red in itertools.product((0, 1), repeat=3):
        corner = tf.cast(rows + float(red + green * bins + blue * bins**2), tf.int32)
        values.append(tf.transpose(tf.gather(entries, corner, batch_dims=1), (0, 3, 1, 2)))
    for share in tf.split(places - first, 3, axis=1):
        values = [low + (high - low) * share for low, high in zip(values[::2], values[1::2], strict=True)]
    return tf.transpose(values[0], (0, 2, 3, 1))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda x, constant: x + constant,
    "subtract_from": lambda x, constant: constant - x,
    "multiply": lambda x, constant: x * constant,
    "divide_into": lambda x, constant: constant / x,
    "divide": lambda xs: xs[0] / xs[1],
    "abs": tf.abs,
    "exp": tf.exp,
    "log": tf.math.log,
    "clip": tf.clip_by_value,
    "resize_bilinear": lambda x, height, width: tf.image.resize(x, (height, width), "bilinear"),
    "mean_of_channels": lambda x: tf.reduce_mean(x, axis=-1, keepdims=True),
    "maximum_of_channels": lambda x: tf.reduce_max(x, axis=-1, keepdims=True),
    "pad": tf.pad,
    "split": lambda x, parts: tf.split(x, parts, axis=-1),
    "depth_to_space": tf.nn.depth_to_space,
    "mirror": mirror,
    "apply_curve": apply_curve,
    "deviation": deviation,
    "look_up": look_up,
}
"""By name: a function of one tensor (N, H, W, C), or of several in a list, and of plain numbers."""


class Operation(tf_keras.layers.Layer):
    """One of `OPERATIONS` as a layer."""

    def __init__(self, kind: str, options: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.options = options

    def call(self, x: Any) -> Any:
        """Compute it."""
        return OPERATIONS[self.kind](x, **self.options)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), "kind": self.kind, "options": self.options}

"""The twin with its integers simulated: tensorflow-model-optimization's wrappers around our own grids.

The library's own 8-bit scheme is another one than our files have: it gives a depthwise kernel one scale for all
channels, knows neither 4-bit kernels nor `Multiply`, and chooses by itself whose outputs become integers. So every
layer is annotated with a configuration that says what the quantizer will do to it, and no layer without one is touched:
instance norms, paddings and rescalings stay as they are unless the plan makes integers of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from mqn.export.quantize.schemes import lowest_weight
from mqn.export.tune.qat_grid import LayerGrid
from mqn.export.twin.layers import InstanceNorm, Operation

_KERNELS = {"Conv2D": "kernel", "DepthwiseConv2D": "depthwise_kernel"}
PREFIX = "quant_"
"""What the library puts before the name of a layer that it wraps."""


class _FixedQuantizer(tfmot.quantization.keras.quantizers.Quantizer):
    """What quantizers have in common that learn nothing of their own."""

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:  # noqa: ARG002
        """Nothing to keep."""
        return {}

    def get_config(self) -> dict[str, Any]:
        """What the library needs to make it again."""
        return dict(vars(self))


class WeightGrid(_FixedQuantizer):
    """Rounds a kernel to its grid, channel by channel; gradients pass, but for weights beyond the grid's ends."""

    def __init__(self, bounds: list[float], levels: int, depthwise: bool) -> None:
        self.bounds = bounds
        self.levels = levels
        self.depthwise = depthwise

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Round. inputs: (h, w, in, out), or (h, w, channels, 1) of a depthwise kernel."""
        shape = (1, 1, -1, 1) if self.depthwise else (1, 1, 1, -1)
        bound = tf.reshape(tf.constant(self.bounds, tf.float32), shape)
        step = bound / self.levels
        clipped = tf.clip_by_value(inputs, lowest_weight(self.levels) * step, bound)
        return clipped + tf.stop_gradient(tf.round(clipped / step) * step - clipped)


class BiasCorrection(_FixedQuantizer):
    """Takes back what rounding a kernel shifts on average, as calibration does, whatever the kernel is by now.

    Without it a single 4-bit weight that changes its integer in front of the network moves all that comes behind, and
    the bias takes hundreds of steps to follow.
    """

    def __init__(self, kernel: Any, grid: WeightGrid, means: tuple[float, ...]) -> None:
        self.kernel = kernel
        self.grid = grid
        self.means = means

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Correct. inputs: (C,), the bias."""
        error = tf.stop_gradient(self.grid(self.kernel, training, weights) - self.kernel)
        means = tf.constant(self.means, tf.float32)
        if self.grid.depthwise:
            return inputs - means * tf.reduce_sum(error, axis=(0, 1, 3))
        return inputs - tf.tensordot(means, tf.reduce_sum(error, axis=(0, 1)), axes=1)

    def get_config(self) -> dict[str, Any]:
        """What it was made of, but for the kernel."""
        return {"grid": self.grid.get_config(), "means": self.means}


class ActivationGrid(_FixedQuantizer):
    """Rounds an activation to a fixed range; gradients pass within it."""

    def __init__(self, low: float, high: float, bits: int) -> None:
        self.low = low
        self.high = high
        self.bits = bits

    def __call__(self, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        """Round. The range is stretched to zero, which every integer grid holds; that of 16 bits is symmetric."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        symmetric = self.bits == 16
        if symmetric:
            low, high = -max(-low, high), max(-low, high)
        return tf.quantization.fake_quant_with_min_max_args(
            inputs, min=low, max=high, num_bits=self.bits, narrow_range=symmetric
        )


class GridConfig(tfmot.quantization.keras.QuantizeConfig):
    """What becomes of one layer, whichever it is: its kernel rounded, its output rounded, or both."""

    def __init__(
        self,
        weights: dict[str, Any] | None = None,
        output: dict[str, Any] | None = None,
        means: tuple[float, ...] | None = None,
    ) -> None:
        self.weights = weights
        self.output = output
        self.means = means

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
        """The kernel, where it is rounded, and the bias, where it is corrected for that."""
        if self.weights is None:
            return []
        kernel, grid = getattr(layer, _KERNELS[type(layer).__name__]), WeightGrid(**self.weights)
        if self.means is None:
            return [(kernel, grid)]
        return [(kernel, grid), (layer.bias, BiasCorrection(kernel, grid, self.means))]

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Put the rounded kernel, and the corrected bias, in the layer's place of them."""
        if quantize_weights:
            kernel, *bias = quantize_weights
            setattr(layer, _KERNELS[type(layer).__name__], kernel)
            if bias:
                (layer.bias,) = bias

    def get_activations_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:  # noqa: ARG002
        """None: activations are layers of their own in the twin."""
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        """Nothing to put."""
        del layer, quantize_activations  # The library reads a function's source, and wants a body in it.

    def get_output_quantizers(self, layer: Any) -> list[Any]:  # noqa: ARG002
        """The output's, where it is rounded."""
        return [] if self.output is None else [ActivationGrid(**self.output)]

    def get_config(self) -> dict[str, Any]:
        """What the library needs to make it again."""
        return {"weights": self.weights, "output": self.output, "means": self.means}


class _AsAnnotated(tfmot.quantization.keras.QuantizeScheme):
    """Layers as they are annotated, and no rewriting: the float file's operators decide what is fused."""

    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """As a layout transform: none."""
        return model, layer_quantize_map

    def supports(self, layer: Any) -> bool:  # noqa: ARG002
        """As a registry: empty, so that nothing is quantized that is not annotated."""
        return False

    def get_layout_transformer(self) -> Any:
        """The scheme itself."""
        return self

    def get_quantize_registry(self) -> Any:
        """The scheme itself."""
        return self


def simulate(model: Any, grids: Mapping[str, LayerGrid]) -> Any:
    """Copy a flat functional Keras model such that it computes what the integers will; the weights stay.

    `grids` is by layer's name. A layer with a grid is wrapped, and `PREFIX` is put before its name. Only these layers
    can be trained.
    """
    configs = {name: _config(model.get_layer(name), grid) for name, grid in grids.items() if _has(model, name)}

    def annotate(layer: Any) -> Any:
        copy = layer.__class__.from_config(layer.get_config())
        config = configs.get(layer.name)
        copy.trainable = config is not None
        return copy if config is None else tfmot.quantization.keras.quantize_annotate_layer(copy, config)

    classes = (InstanceNorm, Operation, GridConfig, WeightGrid, BiasCorrection, ActivationGrid)
    own = {cls.__name__: cls for cls in classes}
    with tfmot.quantization.keras.quantize_scope(own):
        annotated = tf_keras.models.clone_model(model, clone_function=annotate)
        annotated.set_weights(model.get_weights())
        return tfmot.quantization.keras.quantize_apply(annotated, scheme=_AsAnnotated())


def _has(model: Any, name: str) -> bool:
    """Whether a tensor of the float file is a layer's output, and not something that a layer computes on its way."""
    return any(layer.name == name for layer in model.layers)


def _config(layer: Any, grid: LayerGrid) -> GridConfig:
    weights = output = None
    if grid.bounds is not None:
        depthwise = isinstance(layer, tf_keras.layers.DepthwiseConv2D)
        weights = {"bounds": list(grid.bounds), "levels": grid.weight_levels, "depthwise": depthwise}
    if grid.has_output:
        output = {"low": grid.low, "high": grid.high, "bits": grid.bits}
    return GridConfig(weights, output, grid.means)

"""Weights between the twin and its float file: which are which, and whether both still compute the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras

from mqn.errors import ExportError
from mqn.export.tune.qat_grid import KERAS_FROM_TFLITE
from mqn.export.twin.agreement import TOLERANCE, distance
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.cutting import INPUT, OUTPUT
from mqn.tflite.flatbuffer import Network

Followers = Mapping[str, Sequence[str]]
Weights = Mapping[str, tuple[Any, Any]]


def followers_of(twin: Any) -> Followers:
    """Every convolution's name to the names of the layers that read it."""
    kinds = (tf_keras.layers.Conv2D, tf_keras.layers.DepthwiseConv2D)
    return {
        layer.name: [node.outbound_layer.name for node in layer.outbound_nodes]
        for layer in twin.layers
        if isinstance(layer, kinds)
    }


def weights_of(model: Any, names: Mapping[str, Any], prefix: str = "") -> Weights:
    """Kernel and bias of the named convolutions of a Keras model, as Keras's variables.

    With a prefix, the layers whose names begin with it are meant; the result has the names without it.
    """
    found = {}
    for layer in model.layers:
        name = layer.name.removeprefix(prefix)
        if layer.name.startswith(prefix) and name in names:
            variables = {variable.name.rpartition("/")[2].split(":")[0]: variable for variable in layer.weights}
            kernel = next(variable for own, variable in variables.items() if own.endswith("kernel"))
            found[name] = (kernel, variables["bias"])
    return found


def assign_weights(weights: Weights, network: Network, operators: Mapping[str, Any]) -> None:
    """Give convolutions of a Keras model the weights that a float file has.

    `weights` is as `weights_of` gives it. `operators` has the file's convolution of every layer, as
    `mqn.export.tune.qat_grid.convolutions` gives it.
    """
    for name, (kernel, bias) in weights.items():
        stored, stored_bias = (network.value(index) for index in operators[name].inputs[1:])
        kernel.assign(stored.transpose(KERAS_FROM_TFLITE))
        bias.assign(stored_bias)


def with_layer(model: Any, layer: str) -> Any:
    """The same Keras model with a layer's output in front of its own: (N, S, S, 3) -> [features, output]."""
    return tf_keras.Model(model.input, [model.get_layer(layer).output, model.output])


def check_same(twin: Any, network: Network) -> None:
    """Make sure that a file computes what its twin computes, both in float. Raises `ExportError` if it does not."""
    size = network.tensors[network.inputs()[INPUT]].shape[1]
    picture = np.random.default_rng(0).random((1, size, size, 3), dtype=np.float32)
    expected = np.asarray(twin(picture))
    found = run(open_interpreter(network.to_bytes()), {INPUT: picture})[OUTPUT]
    apart = distance(expected, found)
    if not apart <= TOLERANCE:
        raise ExportError(f"the fine-tuned file differs from the network that was trained by {apart:.2e}")

"""After channels were taken out: the smaller network learns to compute what the whole one computes, in float."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from mqn.export.flatbuffer import Network
from mqn.export.qat_grid import convolutions, write_weights
from mqn.export.qat_training import PRUNED_LEARNING_RATE, Distillation
from mqn.export.qat_weights import check_same, followers_of, weights_of

_LEVELS, _SMALLEST_WIDTH = 127, 1e-6


def recover(
    twin: Any, teacher: Any, network: Network, tensor: str, pictures: np.ndarray, *, steps: int, directory: Path
) -> Network:
    """Train every convolution of a pruned network.

    Args:
        twin: of the pruned network; has the trained weights in the end.
        teacher: of the whole one: (N, S, S, 3) -> [interface, output].
        network: the pruned network's float file; stays as it is.
        tensor: name of the interface.
        pictures: (M, S, S, 3) uint8 LDR inputs.
        steps: how many.
        directory: of history and what a killed run goes on from.

    Returns:
        The float file with the trained weights.

    Raises:
        TrainingError: it came to nothing.
        ExportError: the file is not the network that was trained.
    """
    followers = followers_of(twin)
    weights = weights_of(twin, followers)
    variables, scales = [], []
    for name, (kernel, bias) in weights.items():
        depthwise = isinstance(twin.get_layer(name), tf_keras.layers.DepthwiseConv2D)
        axes = (0, 1, 3) if depthwise else (0, 1, 2)
        widths = np.maximum(np.abs(kernel.numpy()).max(axis=axes, keepdims=True) / _LEVELS, _SMALLEST_WIDTH)
        variables.append(kernel)
        scales.append(widths)
        if bias is not None:
            variables.append(bias)
            scales.append(widths.ravel())
    student = tf_keras.Model(twin.input, [twin.get_layer(tensor).output, twin.output])
    Distillation(
        student,
        teacher,
        pictures,
        variables=variables,
        scales=scales,
        steps=steps,
        learning_rate=PRUNED_LEARNING_RATE,
    ).run(directory)
    trained = network.copy()
    for name, operator in convolutions(trained, followers).items():
        kernel, bias = weights[name]
        old_bias = trained.constant(operator.inputs[2])
        assert old_bias is not None
        write_weights(trained, name, operator, kernel.numpy(), old_bias if bias is None else bias.numpy())
    trained.drop_unused()
    check_same(twin, trained)
    return trained

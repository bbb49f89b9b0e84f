"""The authors' way to two files: TensorFlow's converter on an integer backbone, with uint8 in and out, and on the head.

A program of its own, because it imports TensorFlow: `python -m tests.benchmarks.authors_way CHECKPOINT PICTURES FOLDER`
writes `backbone.tflite` and `head.tflite`. The Keras twin is plain: nearest-neighbour resizes, batch norm folded as the
converter would fold it, instance norm with the operators that `tf.nn.moments` and `tf.nn.batch_normalization` have, and
none of our rewrites, which are made on files. Weights that TensorFlow's converter leaves in float (small kernels under
dynamic-range quantization) stay so.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

BACKBONE, HEAD = "backbone.tflite", "head.tflite"
_INTERFACE = "backbone.decoder.conv3.activation"


def make_pair(checkpoint: Path, pictures: Path, folder: Path) -> None:
    """Convert a checkpoint.

    Args:
        checkpoint: of an MQN.
        pictures: .npy, (N, S, S, 3) float32 in [0, 1], for the backbone's ranges.
        folder: where the two files go.
    """
    os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    import numpy as np
    import tensorflow as tf
    import tf_keras

    from mqn.export.twin.twin import build_twin
    from mqn.models.checkpoint import load

    arch, _, network = load(checkpoint)
    twin = build_twin(network.eval(), arch.input_size)
    interface = twin.model.get_layer(_INTERFACE.replace(".", "/")).output

    backbone = tf.lite.TFLiteConverter.from_keras_model(tf_keras.Model(twin.model.input, interface))
    backbone.optimizations = [tf.lite.Optimize.DEFAULT]
    backbone.representative_dataset = lambda: ([picture[None]] for picture in np.load(pictures))
    backbone.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    backbone.inference_input_type = backbone.inference_output_type = tf.uint8
    (folder / BACKBONE).write_bytes(backbone.convert())

    head = tf.lite.TFLiteConverter.from_keras_model(tf_keras.Model([interface, twin.model.input], twin.model.output))
    head.optimizations = [tf.lite.Optimize.DEFAULT]
    (folder / HEAD).write_bytes(head.convert())


if __name__ == "__main__":
    make_pair(*map(Path, sys.argv[1:]))

"""One training step, ours against the same network in TensorFlow/Keras, as the authors trained it.

Batch 4 at 256 x 256: forward, L1 + L2 + cosine, backward, Adam; no VGG16. Ours is what `mqn train` does on this machine
(channels last, bfloat16 where the processor has it; it also encodes the truth), Keras computes in float32 in a
`tf.function`. Each round gives each side a process of its own, in turns. The machine must be otherwise idle: with more
busy threads than processors, torch's OpenMP threads wait for each other by spinning and lose far more than Keras's; the
load before the run is part of the detail.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

BATCH = 4
SIZE = 256
WARMUP_STEPS = 3
STEPS = 10
ROUNDS = 3
LIMIT = 0.85


def run() -> dict[str, Any]:
    """Time both sides and compare their medians."""
    samples: dict[str, list[float]] = {"ours": [], "keras": []}
    details: dict[str, Any] = {"load_1m_before": os.getloadavg()[0]}
    for _ in range(ROUNDS):
        for side, seconds in samples.items():
            environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
            done = subprocess.run(
                [sys.executable, "-W", "ignore", __file__, side],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            report = json.loads(done.stdout.splitlines()[-1])
            seconds += report.pop("seconds")
            details[side] = report
    for side, seconds in samples.items():
        details[side] |= {"median_s": median(seconds), "min_s": min(seconds), "steps": len(seconds)}
    ratio = details["ours"]["median_s"] / details["keras"]["median_s"]
    return {"name": "training step against Keras", "ratio": ratio, "limit": LIMIT, "detail": details}


def _pictures() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((BATCH, 3, SIZE, SIZE), np.float32), rng.random((BATCH, 3, SIZE, SIZE), np.float32)


def _timed(step: Callable[[], float]) -> list[float]:
    for _ in range(WARMUP_STEPS):
        step()
    seconds = []
    for _ in range(STEPS):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return seconds


def _ours() -> dict[str, Any]:
    from mqn.families.mqn.arch import MQNArch
    from mqn.records import Training
    from mqn.train.arithmetic import choose_arithmetic
    from mqn.train.loop import step
    from mqn.train.losses import TrainingLoss
    from mqn.train.state import begin

    training = Training(lambda_features=0)
    arithmetic = choose_arithmetic(training.precision)
    state = begin(MQNArch(encoder_weights="random"), training, "", arithmetic)
    state.model.train()
    loss, batch = TrainingLoss(), _pictures()

    def once() -> float:
        return float(step(state, loss, batch)["loss"])

    parameters = sum(parameter.numel() for parameter in state.model.parameters())
    return {"seconds": _timed(once), "precision": arithmetic.precision, "trainable": parameters}


def _keras() -> dict[str, Any]:
    import tensorflow as tf

    model = _keras_mqn()
    optimizer = tf.keras.optimizers.Adam(5e-5)
    ldr, truth = (tf.constant(pictures.transpose(0, 2, 3, 1)) for pictures in _pictures())

    @tf.function
    def compiled() -> Any:
        with tf.GradientTape() as tape:
            output = model(ldr, training=True)
            difference = output - truth
            l1 = tf.reduce_mean(tf.abs(difference))
            l2 = tf.reduce_mean(tf.sqrt(tf.reduce_mean(tf.square(difference), axis=(1, 2, 3))))
            norms = tf.norm(output, axis=-1) * tf.norm(truth, axis=-1)
            cosine = 1 - tf.reduce_mean(tf.reduce_sum(output * truth, -1) / tf.maximum(norms, 1e-6))
            loss = l1 + l2 + 0.1 * cosine
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    return {"seconds": _timed(lambda: float(compiled())), "precision": "float32", "trainable": trainable}


def _keras_mqn() -> Any:
    import tensorflow as tf

    layers = tf.keras.layers

    def norm(x: Any, activation: str | None = "relu6") -> Any:
        x = layers.BatchNormalization(epsilon=1e-3)(x)
        return layers.Activation(getattr(tf.nn, activation))(x) if activation else x

    def irlb(x: Any, channels: int, *, attention: bool) -> Any:
        wide = norm(layers.Conv2D(6 * x.shape[-1], 1, use_bias=False)(x))
        wide = norm(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(wide))
        y = norm(layers.Conv2D(channels, 1, use_bias=False)(wide), None)
        if attention:
            gate = layers.GlobalAveragePooling2D(keepdims=True)(y)
            gate = layers.Conv2D(channels // 2, 1, activation="relu")(gate)
            y = y * layers.Conv2D(channels, 1, activation="sigmoid")(gate)
        return x + y if x.shape[-1] == channels else y

    def meet(x: Any, tap: Any) -> Any:
        return layers.Concatenate()([layers.UpSampling2D()(x), tap])

    class InstanceNorm(layers.Layer):
        def build(self, shape: Any) -> None:
            self.gamma = self.add_weight("gamma", shape[-1:], initializer="ones")
            self.beta = self.add_weight("beta", shape[-1:], initializer="zeros")

        def call(self, x: Any) -> Any:
            mean, variance = tf.nn.moments(x, (1, 2), keepdims=True)
            return tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, 1e-3)

    picture = layers.Input((SIZE, SIZE, 3))
    encoder = tf.keras.applications.MobileNetV2((SIZE, SIZE, 3), alpha=0.35, include_top=False, weights=None)
    names = ("block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu")
    outputs = [encoder.get_layer(name).output for name in (*names, "block_16_project_BN")]
    tap_2, tap_4, tap_8, tap_16, x = tf.keras.Model(encoder.input, outputs)(picture * 2 - 1)
    x = irlb(irlb(x, 32, attention=True), 32, attention=False)
    x = irlb(irlb(meet(x, tap_16), 24, attention=True), 24, attention=False)
    x = irlb(meet(x, tap_8), 16, attention=True)
    x = irlb(meet(x, tap_4), 8, attention=True)
    x = norm(layers.Conv2D(16, 1, use_bias=False)(meet(x, tap_2)), "relu")
    x = norm(layers.Conv2D(16, 1, use_bias=False)(meet(x, picture)), "relu")
    x = tf.nn.relu(InstanceNorm()(layers.Conv2D(12, 3, padding="same")(x)))
    x = tf.nn.relu(InstanceNorm()(layers.Conv2D(6, 1)(x)))
    x = layers.Conv2D(3, 1, use_bias=False, activation="tanh")(x)
    return tf.keras.Model(picture, tf.sigmoid(picture + x))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps({"ours": _ours, "keras": _keras}[sys.argv[1]]()))
    else:
        print(json.dumps(run(), indent=1))

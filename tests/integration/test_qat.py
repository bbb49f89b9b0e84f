"""Fine-tuning with TensorFlow's own wrappers, on a twin of seven layers at 32 pixels."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
import tensorflow_model_optimization as tfmot
import tf_keras
from tests.support.toy_network import SIZE, toy_network, toy_pictures, write_toy

from mqn.errors import PlanError, TrainingError
from mqn.export.quantize.equalization import channel_factors
from mqn.export.quantize.parity import dequantize
from mqn.export.quantize.quantization import quantize
from mqn.export.quantize.rules import assign
from mqn.export.tune.qat import finetune, finetune_twin, make_student
from mqn.export.tune.qat_grid import LayerGrid, convolutions, find_grids
from mqn.export.tune.qat_layers import PREFIX, simulate
from mqn.export.tune.qat_training import RESUME, Distillation
from mqn.export.tune.qat_weights import followers_of, weights_of
from mqn.export.twin.twin import build_twin
from mqn.families.mqn.network import MQN
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan
from mqn.tflite.cutting import expose
from mqn.tflite.flatbuffer import Network

pytestmark = pytest.mark.integration

PLAN = Plan(backbone="static_wi4_ai8", head="static_wi4_ai8", method="qat", qat_steps=90)
layers = tf_keras.layers


@pytest.fixture(scope="session")
def toy() -> Network:
    return toy_network()


@pytest.fixture
def toy_file(toy: Network, tmp_path: Path) -> Path:
    return write_toy(toy, tmp_path)


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    return toy_pictures()


@pytest.fixture
def twin(toy: Network) -> Any:
    """The toy network once more, its layers named for the file's tensors."""
    ldr = tf_keras.Input((SIZE, SIZE, 3), name="ldr")

    def convolution(name: str, x: Any, layer: str | None = None, **given: Any) -> Any:
        shape = toy.tensors[toy.index(f"constant/{name}/kernel")].shape
        return layers.Conv2D(shape[0], shape[1], padding="same", name=layer or name, **given)(x)

    x = convolution("backbone/down", ldr, strides=2, activation="relu")
    x = layers.UpSampling2D(2, name="backbone/up")(x)
    x = layers.Concatenate(name="backbone/cat")([x, ldr])
    x = layers.ReLU(name="backbone/mix")(convolution("backbone/mix", x, "mix_conv"))
    x = convolution("head/conv", x, activation="relu")
    x = layers.Add(name="head/add")([convolution("head/last", x), ldr])
    model = tf_keras.Model(ldr, layers.Activation("sigmoid", name="hdr")(x))
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            name = "backbone/mix" if layer.name == "mix_conv" else layer.name
            kernel, bias = (toy.constant(toy.index(f"constant/{name}/{part}")) for part in ("kernel", "bias"))
            layer.set_weights([kernel.transpose(1, 2, 3, 0), bias])  # type: ignore[union-attr]
    return model


@pytest.fixture(scope="session")
def codes() -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (32, SIZE, SIZE, 3), dtype=np.uint8)


def test_a_simulated_layer_computes_what_its_integers_will() -> None:
    picture = tf_keras.Input((4, 4, 2))
    conv = layers.Conv2D(2, 1, name="conv")
    dw = layers.DepthwiseConv2D(1, name="dw")
    model = tf_keras.Model(picture, layers.Multiply(name="square")([dw(conv(picture))] * 2))
    conv.set_weights([np.array([[[[0.9, 0.1], [0.36, 0.2]]]]), np.zeros(2)])
    dw.set_weights([np.array([[[[0.6], [2.2]]]]), np.zeros(2)])
    grids = {
        "conv": LayerGrid(bounds=(0.7, 0.7), weight_levels=7),
        "dw": LayerGrid(bounds=(1.0, 2.0), weight_levels=2),
        "square": LayerGrid(low=0.0, high=25.5),
        "square/inner": LayerGrid(low=0.0, high=1.0),
    }
    student = simulate(model, grids)
    ones = np.ones((1, 4, 4, 2), np.float32)
    # First channel: 0.9 is clipped to 0.7, 0.36 rounded to 0.4, their sum times 0.5. Second: 0.1 + 0.2, times 2.
    expected = np.round(np.array([0.55, 0.6]) ** 2 * 10) / 10
    np.testing.assert_allclose(student(ones)[0, 0, 0], expected, atol=1e-6)
    np.testing.assert_allclose(model(ones)[0, 0, 0], [(1.26 * 0.6) ** 2, 0.66**2], atol=1e-5)
    assert {layer.name for layer in student.layers if layer.name.startswith(PREFIX)} == {
        f"{PREFIX}{name}" for name in ("conv", "dw", "square")
    }


@pytest.mark.parametrize("scheme", ["static_wi8_ai8", "static_wi4_ai8", "static_wi8_ai16"])
def test_what_is_trained_computes_what_is_exported(
    twin: Any, toy: Network, toy_file: Path, pictures: np.ndarray, tmp_path: Path, scheme: Any
) -> None:
    plan = Plan(backbone=scheme, head=scheme)
    (file,) = quantize(toy_file, plan, pictures, tmp_path / "q")
    exported = Network.read(file)
    found = run(open_interpreter(expose(exported, {"mix": "backbone/mix"}).to_bytes()), {"ldr": pictures[:1]})
    operators = convolutions(toy, followers_of(twin))
    grids = find_grids(toy, assign(toy, "backbone/mix", plan), plan, pictures, operators)
    features, output = make_student(twin, "backbone/mix", grids)[0](pictures[:1])
    for name, simulated, computed in (("backbone/mix", features, found["mix"]), ("hdr", output, found["hdr"])):
        grid = grids.layers[name]
        step = grid.high / (2**15 - 1) if grid.bits == 16 else (grid.high - min(grid.low, 0)) / 255
        steps = np.abs(np.asarray(simulated) - dequantize(computed, exported, name)) / step
        steps /= channel_factors(exported, name)
        # A value that falls on the middle between two integers may go either way, and so on from layer to layer.
        assert steps.max() < 4
        assert np.mean(steps < 0.5) > (0.8 if grid.bits == 8 else 0.5)


def test_a_bias_takes_back_what_its_kernel_shifts_by_now() -> None:
    picture = tf_keras.Input((4, 4, 2))
    model = tf_keras.Model(picture, layers.Conv2D(1, 1, name="conv")(picture))
    model.get_layer("conv").set_weights([np.array([[[[0.4], [1.0]]]]), np.zeros(1)])
    student = simulate(model, {"conv": LayerGrid(bounds=(7.0,), weight_levels=7, means=(0.5, 0.25))})
    ones = np.ones((1, 4, 4, 2), np.float32)
    # 0.4 becomes 0: half of 0.4 is missing on average.
    assert float(student(ones)[0, 0, 0, 0]) == pytest.approx(1.0 + 0.2)
    kernel, _ = weights_of(student, {"conv": ()}, PREFIX)["conv"]
    kernel.assign(np.array([[[[0.6], [1.0]]]], np.float32))
    # 0.6 becomes 1: half of 0.4 is too much.
    assert float(student(ones)[0, 0, 0, 0]) == pytest.approx(2.0 - 0.2)


def test_fine_tuning_brings_a_file_nearer_to_float(
    twin: Any, toy_file: Path, pictures: np.ndarray, codes: np.ndarray, tmp_path: Path
) -> None:
    tuned = finetune_twin(twin, toy_file, PLAN, pictures, codes, tmp_path / "tuned")
    quantize(toy_file, PLAN, pictures, tmp_path / "qat", tuned)
    quantize(toy_file, replace(PLAN, method="ptq"), pictures, tmp_path / "ptq")
    qat, ptq = (json.loads((tmp_path / name / "parity.json").read_text())["output"] for name in ("qat", "ptq"))
    assert qat["rms"] < 0.95 * ptq["rms"]
    history = json.loads((tmp_path / "tuned" / "history.json").read_text())
    assert [check["step"] for check in history] == [0, 25, 50, 75, 90]
    assert min(check["loss"] for check in history[1:]) < history[0]["loss"] == 1.0
    assert not (tmp_path / "tuned" / RESUME).exists()


class _KilledError(Exception):
    pass


def test_cut_short_it_comes_to_the_same_weights(
    twin: Any,
    toy_file: Path,
    pictures: np.ndarray,
    codes: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tf_keras.models.clone_model(twin)
    model.set_weights(twin.get_weights())
    whole = finetune_twin(twin, toy_file, PLAN, pictures, codes, tmp_path / "whole").read_bytes()
    save = Distillation._save

    def save_and_die(self: Distillation, path: Path) -> None:
        save(self, path)
        raise _KilledError

    monkeypatch.setattr(Distillation, "_save", save_and_die)
    with pytest.raises(_KilledError):
        finetune_twin(model, toy_file, PLAN, pictures, codes, tmp_path / "again")
    monkeypatch.setattr(Distillation, "_save", save)
    assert (tmp_path / "again" / RESUME).exists()
    assert finetune_twin(model, toy_file, PLAN, pictures, codes, tmp_path / "again").read_bytes() == whole


def test_what_cannot_be_fine_tuned(
    twin: Any, toy_file: Path, pictures: np.ndarray, codes: np.ndarray, tmp_path: Path
) -> None:
    plan = Plan(backbone="float32", method="qat")
    with pytest.raises(PlanError, match=r"float32\+dynamic qat has none: give a side or a rule a static scheme"):
        finetune(tmp_path / "checkpoint.pt", toy_file, plan, pictures, codes, tmp_path)
    with pytest.raises(TrainingError, match="16 pictures to fine-tune on; at least 17 are needed"):
        finetune_twin(twin, toy_file, PLAN, pictures, codes[:16], tmp_path)


def test_the_library_prunes_single_weights_of_no_network_of_ours() -> None:
    network = build_twin(MQN(attention="none").eval(), SIZE, batch_size=None).model
    policy = tfmot.sparsity.keras.PruneForLatencyOnXNNPack()
    with pytest.raises(ValueError, match=r"`Conv2D 3x3` layer with stride 2x2.* preceding `ZeroPadding2D`"):
        tfmot.sparsity.keras.prune_low_magnitude(network, pruning_policy=policy)

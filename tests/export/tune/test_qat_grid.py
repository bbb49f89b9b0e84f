from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import ExportError, ModelFileError, PlanError
from mqn.export.quantize.calibration import calibrate
from mqn.export.quantize.quantization import quantize
from mqn.export.quantize.rules import assign
from mqn.export.tune.qat_grid import convolutions, find_grids, write_weights
from mqn.export.tune.qat_tuned import GRID_FILE, Tuned, read_tuned, write_tuned
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan
from mqn.tflite.flatbuffer import Network

FOLLOWERS = {"backbone/down": ["backbone/up"], "mix_conv": ["backbone/mix"], "head/conv": [], "head/last": []}
PLAN = Plan(head="float32", method="qat", qat_steps=7)


def test_every_convolution_is_found_by_its_own_name_or_its_activations(toy: Network) -> None:
    found = convolutions(toy, FOLLOWERS)
    names = {layer: toy.tensors[operator.outputs[0]].name for layer, operator in found.items()}
    assert names == {
        "backbone/down": "backbone/down",
        "mix_conv": "backbone/mix",
        "head/conv": "head/conv",
        "head/last": "head/last",
    }
    with pytest.raises(ExportError, match="no convolution 'absent'"):
        convolutions(toy, {"absent": ["hdr"]})


def test_a_grid_is_what_the_plan_makes_integers_of(toy: Network, pictures: np.ndarray) -> None:
    operators = convolutions(toy, FOLLOWERS)
    schemes = assign(toy, "backbone/mix", PLAN)
    grids = find_grids(toy, schemes, PLAN, pictures, operators)
    layers = grids.layers
    assert set(layers) == {"backbone/down", "backbone/up", "backbone/cat", "backbone/mix", "mix_conv"}
    kernel = grids.network.constant(operators["mix_conv"].inputs[1])
    assert kernel is not None
    assert layers["mix_conv"].bounds == pytest.approx(np.abs(kernel).max(axis=(1, 2, 3)))
    assert layers["mix_conv"].weight_levels == 127
    assert not layers["mix_conv"].has_output
    assert layers["backbone/mix"].bounds is None
    assert layers["backbone/mix"].low == 0 < layers["backbone/mix"].high
    assert layers["backbone/up"].high == layers["backbone/cat"].high == layers["backbone/down"].high


def test_bits_follow_the_scheme(toy: Network, pictures: np.ndarray) -> None:
    plan = replace(PLAN, backbone="static_wi4_ai8", rules="mix=static_wi8_ai16")
    layers = find_grids(toy, assign(toy, "backbone/mix", plan), plan, pictures, convolutions(toy, FOLLOWERS)).layers
    assert (layers["backbone/down"].weight_levels, layers["backbone/down"].bits) == (7, 8)
    assert (layers["mix_conv"].weight_levels, layers["backbone/mix"].bits) == (127, 16)


def test_the_output_of_a_sigmoid_has_the_runtimes_own_grid(toy: Network, pictures: np.ndarray) -> None:
    for scheme, low, high in (("static_wi8_ai8", 0.0, 255 / 256), ("static_wi8_ai16", 0.0, 32767 / 32768)):
        plan = replace(PLAN, head=scheme)  # type: ignore[arg-type]
        schemes = assign(toy, "backbone/mix", plan)
        grid = find_grids(toy, schemes, plan, pictures, convolutions(toy, FOLLOWERS)).layers["hdr"]
        assert (grid.low, grid.high) == (low, high)


def test_written_weights_come_from_keras_layout(toy: Network, pictures: np.ndarray) -> None:
    changed = toy.copy()
    operator = convolutions(changed, FOLLOWERS)["head/last"]
    kernel = np.zeros((1, 1, 32, 3), np.float32)  # h, w, in, out
    kernel[0, 0, 5, 2] = 2.0
    write_weights(changed, "head/last", operator, kernel, np.array([0.5, 0.0, 0.0], np.float32))
    stored = changed.constant(operator.inputs[1])
    assert stored is not None
    assert stored.shape == (3, 1, 1, 32)
    assert stored[2, 0, 0, 5] == 2.0
    ldr = np.zeros_like(pictures[:1])
    found = run(open_interpreter(changed.to_bytes()), {"ldr": ldr})["hdr"]
    assert found[0, 3, 3, 0] == pytest.approx(1 / (1 + np.exp(-0.5)), abs=1e-6)
    assert found[0, 3, 3, 1] == pytest.approx(0.5, abs=1e-6)


def _tune(toy: Network, pictures: np.ndarray, folder: Path, plan: Plan = PLAN) -> Path:
    """What fine-tuning writes where it found nothing better: the calibrated network."""
    network, ranges, report = calibrate(toy, assign(toy, "backbone/mix", plan), plan, pictures)
    folder.mkdir()
    return write_tuned(Tuned(network=network, ranges=ranges, report=report), plan, folder)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["fused", "pair"])
def test_untouched_weights_give_the_file_of_calibration_alone(
    toy: Network, toy_file: Path, pictures: np.ndarray, tmp_path: Path, layout: str
) -> None:
    tuned = _tune(toy, pictures, tmp_path / "tuned")
    plan = replace(PLAN, layout=layout)  # type: ignore[arg-type]
    files = quantize(toy_file, plan, pictures, tmp_path / "qat", tuned)
    plain = quantize(toy_file, replace(plan, method="ptq"), pictures, tmp_path / "ptq")
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in plain]


def test_weights_of_another_plan_are_refused(
    toy: Network, toy_file: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    tuned = _tune(toy, pictures, tmp_path / "tuned")
    assert read_tuned(tuned, replace(PLAN, layout="pair")).report.pictures == len(pictures)  # type: ignore[union-attr]
    with pytest.raises(PlanError, match=r"with plan.qat_steps = 7, not 8; fine-tune for this plan"):
        quantize(toy_file, replace(PLAN, qat_steps=8), pictures, tmp_path / "q", tuned)
    with pytest.raises(PlanError, match=r"qat/7 is about fine-tuned weights; fine-tune first, or take method ptq"):
        quantize(toy_file, PLAN, pictures, tmp_path / "q")
    (tuned.parent / GRID_FILE).unlink()
    with pytest.raises(ModelFileError, match=r"cannot read .*grid.json.*; fine-tune again"):
        read_tuned(tuned, PLAN)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.errors import PlanError
from mqn.export.choose.sensitivity import measure_sensitivity, quantized_layers
from mqn.infer.runner import Runner
from mqn.parsing import from_mapping, to_plain
from mqn.records import Plan, Sensitivity
from mqn.report.figures.sensitivity_picture import write_sensitivity_png
from mqn.tflite.flatbuffer import Network

PLAN = Plan(backbone="static_wi4_ai8", head="static_wi8_ai16")


@pytest.fixture(scope="session")
def found(toy: Network, pictures: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Sensitivity:
    folder = tmp_path_factory.mktemp("toy")
    (folder / "cuts.json").write_text('{"interface": "backbone/mix"}')
    file = toy.write(folder / "model.float32.tflite")
    judged = [_picture(file, ldr, f"{number}") for number, ldr in enumerate(pictures)]
    return measure_sensitivity(file, PLAN, pictures, judged, "linear")


def _picture(file: Path, ldr: np.ndarray, name: str) -> EvaluationPicture:
    """The float network's own output is the truth, with a little noise, so that no PSNR is infinite."""
    noise = np.random.default_rng(0).normal(0, 0.01, ldr.shape)
    truth = np.clip(Runner([file], "linear").predict(ldr) + noise, 0, 1).astype(np.float32)
    return EvaluationPicture(name=name, source=name, ldr=ldr, truth=truth, operator="toy")


def test_every_layer_with_weights_is_ranked_by_what_it_costs(found: Sensitivity) -> None:
    assert {layer.layer: layer.scheme for layer in found.layers} == {
        "backbone.down": "static_wi4_ai8",
        "backbone.mix": "static_wi4_ai8",
        "head.conv": "static_wi8_ai16",
        "head.last": "static_wi8_ai16",
    }
    drops = [layer.psnr_tm_drop for layer in found.layers]
    assert drops == sorted(drops, reverse=True)
    # Four bits cost more than eight, and the whole plan costs more than most of its layers.
    assert {layer.layer for layer in found.layers[:2]} == {"backbone.down", "backbone.mix"}
    assert found.psnr_tm_plan < found.psnr_tm_float
    assert found.pictures == 4


def test_what_stands_behind_the_cut_leaves_the_features_alone(found: Sensitivity) -> None:
    errors = {layer.layer: layer.interface_error for layer in found.layers}
    # Equalised weights are rounded to floats; 8 and 4 bits are another matter.
    assert max(errors["head.conv"], errors["head.last"]) < 2e-6
    assert min(errors["backbone.down"], errors["backbone.mix"]) > 2e-4


def test_the_most_sensitive_can_be_kept_in_float(found: Sensitivity, toy: Network) -> None:
    rules = found.keep_in_float(2)
    kept = quantized_layers(toy, "backbone/mix", Plan(backbone=PLAN.backbone, head=PLAN.head, rules=rules))
    assert [layer for layer, _, _ in kept] == ["head.conv", "head.last"]


def test_it_travels_as_json_and_is_drawn(found: Sensitivity, tmp_path: Path) -> None:
    assert from_mapping(Sensitivity, to_plain(found), source="test") == found
    write_sensitivity_png(found, tmp_path / "sensitivity.png")
    assert (tmp_path / "sensitivity.png").read_bytes().startswith(b"\x89PNG")


def test_a_float_plan_has_no_layers(toy_file: Path, pictures: np.ndarray) -> None:
    judged = [_picture(toy_file, pictures[0], "a")]
    with pytest.raises(PlanError, match="leaves every layer in float"):
        measure_sensitivity(toy_file, Plan(backbone="float32", head="float32"), pictures, judged, "linear")


def test_weights_that_are_not_the_trained_ones_are_refused(toy_file: Path, pictures: np.ndarray) -> None:
    judged = [_picture(toy_file, pictures[0], "a")]
    for plan in (Plan(method="qat"), Plan(sparsity=0.5)):
        with pytest.raises(PlanError, match="sensitivity is that of the trained ones"):
            measure_sensitivity(toy_file, plan, pictures, judged, "linear")

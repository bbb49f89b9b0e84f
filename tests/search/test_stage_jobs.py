from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqn.errors import WeightsError
from mqn.profile import Profile, RayProfile
from mqn.records import Arch, Candidate, Manifest, MeasureSettings, Plan, Training
from mqn.search.artifacts import Artifact
from mqn.search.devices import Address
from mqn.search.goals import Scoring
from mqn.search.pipeline import MqnPipeline
from mqn.search.stage_jobs import measure_job, quantize_job, score_job, train_job

DATA: Any = SimpleNamespace(hash="d" * 64, folder=Path("/data"))
HERE = Address(url="http://127.0.0.1:1", token="t", device_id="board-1")


def artifact(folder: Path, stage: str, files: dict[str, str], **details: Any) -> Artifact:
    manifest = Manifest(stage=stage, key="k", inputs={}, files=files, versions={}, seconds=1.0, details=details)
    return Artifact(folder=folder, manifest=manifest)


def train_key(arch: Arch | None = None, training: Training | None = None) -> str:
    arch = arch or Arch(encoder_weights="random")
    return train_job(arch, training or Training(), DATA, RayProfile()).key


def test_plans_share_a_training_and_codecs_do_not():
    assert train_key() == train_key()
    assert train_key(training=Training(codec="pq")) != train_key(training=Training(codec="linear"))
    assert train_key(Arch(encoder_weights="random", attention="sa")) != train_key()


def test_settings_without_effect_do_not_train_again():
    plain = Training(lambda_features=0.0)
    assert train_key(training=plain) == train_key(training=replace(plain, feature_pools=(1,), feature_weights="random"))
    assert train_key() != train_key(training=Training(feature_pools=(1,)))


def test_weights_count_by_their_bytes(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"1")
    (tmp_path / "b.npz").write_bytes(b"1")
    (tmp_path / "c.npz").write_bytes(b"2")
    keys = [train_key(Arch(encoder_weights=str(tmp_path / f"{name}.npz"))) for name in "abc"]
    assert keys[0] == keys[1] != keys[2]


def test_missing_weights_name_the_file(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read .*none.npz: No such file"):
        train_key(Arch(encoder_weights=str(tmp_path / "none.npz")))


def test_calibration_counts_only_where_a_side_is_static(tmp_path):
    float_model = artifact(tmp_path, "convert", {"model.float32.tflite": "f"})

    def key(backbone: Any, pictures: int, virtual_camera: float = 0.0) -> str:
        plan = Plan(backbone=backbone, calibration_pictures=pictures)
        return quantize_job(float_model, plan, DATA, 128, Training(virtual_camera=virtual_camera)).key

    assert key("static_wi8_ai8", 4) != key("static_wi8_ai8", 8)
    assert key("float32", 4) == key("float32", 8)
    assert key("static_wi8_ai8", 4) != key("static_wi8_ai8", 4, virtual_camera=1.0)


def test_response_curves_count_only_where_the_virtual_camera_is_used(tmp_path):
    (tmp_path / "curves.txt").write_text("curves")
    curves = str(tmp_path / "curves.txt")
    assert train_key(training=Training(response_curves=curves)) == train_key()
    measured = train_key(training=Training(virtual_camera=0.5, response_curves=curves))
    assert measured != train_key(training=Training(virtual_camera=0.5))


def test_equal_files_share_scores_and_measurements(tmp_path):
    one = artifact(tmp_path / "1", "quantize", {"model.tflite": "same"})
    two = artifact(tmp_path / "2", "quantize", {"model.tflite": "same"})
    scores = [score_job((a.folder / "model.tflite",), a, "mulaw", 128, DATA, Scoring()).key for a in (one, two)]
    assert scores[0] == scores[1]
    settings = MeasureSettings()
    moved = replace(HERE, url="http://127.0.0.1:2", token="u")
    assert (
        measure_job(one, "local", HERE, settings, exclusive=True).key
        == measure_job(two, "local", moved, settings, exclusive=True).key
        != measure_job(one, "local", replace(HERE, device_id="board-2"), settings, exclusive=True).key
    )


def test_baseline_is_scored_once_for_all_codecs():
    one, other = (score_job((), None, codec, 128, DATA, Scoring()).key for codec in ("mulaw", "pq"))
    assert one == other


def test_other_measures_and_other_inputs_score_again():
    scorings = (Scoring(), Scoring(metrics=("psnr_tm",)), Scoring(inputs="virtual"))
    assert len({score_job((), None, "log", 128, DATA, scoring).key for scoring in scorings}) == 3


def test_pair_is_measured_in_the_order_it_runs(tmp_path):
    pair = artifact(tmp_path, "quantize", {"head.tflite": "h", "backbone.tflite": "b"})
    job = measure_job(pair, "local", HERE, MeasureSettings(), exclusive=False)
    assert [path.name for path in job.arguments["files"]] == ["backbone.tflite", "head.tflite"]
    assert job.resources.cpus == 0


def test_figures_carry_the_names_of_the_quantities(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"12345")
    pipeline = MqnPipeline(DATA, Profile(), SimpleNamespace(), Scoring())  # type: ignore[arg-type]
    measured = {"device": "local", "verdict": "contended", "figures": {"latency_ms": 4.0}}
    figures = pipeline.figures(
        Candidate(),
        {
            "train": artifact(tmp_path, "train", {}, parameters={"total": 7}, macs={"total": 9}),
            "quantize": artifact(tmp_path, "quantize", {"model.tflite": "x"}),
            "score": artifact(tmp_path, "score", {}, scores={"psnr_tm": 20.0}),
            "score/float": artifact(tmp_path, "score", {}, scores={"psnr_tm": 21.5}),
            "score/baseline": artifact(tmp_path, "score", {}, scores={"psnr_tm": 15.0}),
            "measure/local": artifact(tmp_path, "measure", {}, **measured),
        },
    )
    assert figures.figures == {
        "parameters": 7.0,
        "macs": 9.0,
        "size_bytes": 5.0,
        "psnr_tm": 20.0,
        "psnr_tm_float": 21.5,
        "psnr_tm_drop": 1.5,
        "psnr_tm_baseline": 15.0,
        "latency_ms": 4.0,
    }
    assert figures.verdicts == {"local": "contended"}
    assert figures.device_figures == {"local": {"latency_ms": 4.0}}


def test_every_step_stands_behind_those_it_needs():
    pipeline = MqnPipeline(DATA, Profile(), SimpleNamespace(), Scoring())  # type: ignore[arg-type]
    seen: set[str] = set()
    for step in pipeline.steps(Candidate()):
        assert set(step.needs) <= seen
        seen.add(step.name)
    assert seen == {"train", "convert", "quantize", "score", "score/float", "score/baseline", "measure/local"}

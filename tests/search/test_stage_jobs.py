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
from mqn.search.goals import Scoring
from mqn.search.pipeline import MqnPipeline
from mqn.search.stage_jobs import measure_job, quantize_job, score_job, train_job
from mqn.search.tuning_jobs import finetune_job, prune_job

DATA: Any = SimpleNamespace(hash="d" * 64, folder=Path("/data"))
LOCAL: Any = SimpleNamespace(targets=("local",))


def artifact(folder: Path, stage: str, files: dict[str, str], **details: Any) -> Artifact:
    manifest = Manifest(stage=stage, key="k", inputs={}, files=files, versions={}, seconds=1.0, details=details)
    return Artifact(folder=folder, manifest=manifest)


def train_key(arch: Arch | None = None, training: Training | None = None) -> str:
    arch = arch or Arch(encoder_weights="random")
    return train_job(arch, training or Training(), DATA, RayProfile()).key


def measure_key(model: Artifact, **changes: Any) -> str:
    given = {"target": "board", "device_id": "board-1", "settings": MeasureSettings(), "holder": "a study"}
    return measure_job(model, **{**given, "max_age_hours": 168.0, **changes}).key


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
    assert measure_key(one) == measure_key(two, holder="another study", max_age_hours=1.0)


@pytest.mark.parametrize(
    "other",
    [{"target": "kind:pi"}, {"device_id": "board-2"}, {"device_id": None}, {"settings": MeasureSettings(threads=2)}],
)
def test_other_devices_and_settings_are_other_measurements(tmp_path, other):
    model = artifact(tmp_path, "quantize", {"model.tflite": "same"})
    assert measure_key(model) != measure_key(model, **other)


def test_baseline_is_scored_once_for_all_codecs():
    one, other = (score_job((), None, codec, 128, DATA, Scoring()).key for codec in ("mulaw", "pq"))
    assert one == other


def test_other_measures_and_other_inputs_score_again():
    scorings = (Scoring(), Scoring(metrics=("psnr_tm",)), Scoring(inputs="virtual"))
    assert len({score_job((), None, "log", 128, DATA, scoring).key for scoring in scorings}) == 3


def test_pair_is_measured_in_the_order_it_runs(tmp_path):
    pair = artifact(tmp_path, "quantize", {"head.tflite": "h", "backbone.tflite": "b"})
    job = measure_job(pair, "local", "id", MeasureSettings(), holder="a study", max_age_hours=168.0)
    assert [path.name for path in job.arguments["files"]] == ["backbone.tflite", "head.tflite"]


def test_figures_carry_the_names_of_the_quantities(tmp_path):
    (tmp_path / "model.tflite").write_bytes(b"12345")
    pipeline = MqnPipeline(DATA, Profile(), LOCAL, Scoring())
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


def test_several_targets_have_figures_of_their_own(tmp_path):
    def measured(latency_ms: float) -> dict[str, Any]:
        return {"verdict": "ok", "figures": {"latency_ms": latency_ms, "peak_memory_mb": 9.0, "size_bytes": 5.0}}

    artifacts = {
        "measure/board": artifact(tmp_path, "measure", {}, **measured(2.0)),
        "measure/kind:pixel8": artifact(tmp_path, "measure", {}, **measured(3.0)),
    }
    devices: Any = SimpleNamespace(targets=("board", "kind:pixel8"))
    found = MqnPipeline(DATA, Profile(), devices, Scoring()).figures(Candidate(), artifacts)
    assert found.figures == {
        "latency_ms": 2.0,
        "peak_memory_mb": 9.0,
        "size_bytes": 5.0,
        "latency_ms/board": 2.0,
        "peak_memory_mb/board": 9.0,
        "latency_ms/kind:pixel8": 3.0,
        "peak_memory_mb/kind:pixel8": 9.0,
    }
    assert found.verdicts == {"board": "ok", "kind:pixel8": "ok"}


def test_no_other_target_stands_for_the_first(tmp_path):
    devices: Any = SimpleNamespace(targets=("board", "phone"))
    measured = {"verdict": "ok", "figures": {"latency_ms": 3.0}}
    artifacts = {"measure/phone": artifact(tmp_path, "measure", {}, **measured)}
    found = MqnPipeline(DATA, Profile(), devices, Scoring()).figures(Candidate(), artifacts)
    assert found.figures == {"latency_ms/phone": 3.0}


def test_a_single_target_that_the_space_names_has_figures_by_that_name(tmp_path):
    details = {"verdict": "ok", "figures": {"latency_ms": 2.0}}
    artifacts = {"measure/local": artifact(tmp_path, "measure", {}, **details)}
    found = MqnPipeline(DATA, Profile(), LOCAL, Scoring(), named=True).figures(Candidate(), artifacts)
    assert found.figures == {"latency_ms": 2.0, "latency_ms/local": 2.0}


def test_every_step_stands_behind_those_it_needs():
    pipeline = MqnPipeline(DATA, Profile(), LOCAL, Scoring())
    seen: set[str] = set()
    for step in pipeline.steps(Candidate()):
        assert set(step.needs) <= seen
        seen.add(step.name)
    assert seen == {"train", "convert", "quantize", "score", "score/float", "score/baseline", "measure/local"}


def test_fine_tuning_is_shared_by_layouts_and_is_part_of_what_is_quantized(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"weights")
    float_model = artifact(tmp_path, "convert", {"model.float32.tflite": "f"})

    def key(**plan: Any) -> str:
        given = (tmp_path / "checkpoint.pt", float_model, Plan(method="qat", **plan), DATA, 128, Training())
        return finetune_job(*given).key

    assert key() == key(layout="pair") != key(qat_steps=9)
    assert key() != key(calibration="mse")
    tuned = [artifact(tmp_path, "finetune", {"tuned.float32.tflite": name, "grid.json": "g"}) for name in "ab"]
    plan = Plan(method="qat")
    jobs = [quantize_job(float_model, plan, DATA, 128, Training(), tuned=one) for one in tuned]
    assert jobs[0].key != jobs[1].key
    assert jobs[0].arguments["tuned"] == tmp_path / "tuned.float32.tflite"
    plain = [quantize_job(float_model, Plan(qat_steps=steps), DATA, 128, Training()) for steps in (5, 6)]
    assert plain[0].key == plain[1].key
    assert plain[0].arguments["tuned"] is None


def test_pruning_is_shared_by_schemes_cuts_and_methods(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"weights")

    def key(**plan: Any) -> str:
        return prune_job(tmp_path / "checkpoint.pt", Plan(sparsity=0.5, **plan), DATA, 128, Training()).key

    shared = {"backbone": "static_wi4_ai8", "cut": "head.conv1", "method": "qat", "calibration": "mse"}
    assert key() == key(**shared) != key(qat_steps=9)
    assert key() != prune_job(tmp_path / "checkpoint.pt", Plan(sparsity=0.25), DATA, 128, Training()).key


def test_a_pruned_network_is_fine_tuned_under_its_own_name_and_taught_by_the_whole_one(tmp_path):
    for name in ("whole.pt", "pruned.pt"):
        (tmp_path / name).write_bytes(name.encode())
    plan, float_model = Plan(sparsity=0.5, method="qat"), artifact(tmp_path, "convert", {"model.float32.tflite": "f"})
    given = (float_model, plan, DATA, 128, Training())
    taught = finetune_job(tmp_path / "pruned.pt", *given, teacher=tmp_path / "whole.pt")
    assert taught.arguments["teacher"] == tmp_path / "whole.pt"
    assert taught.key != finetune_job(tmp_path / "pruned.pt", *given).key


def test_steps_of_tuning_are_those_that_the_plan_wants():
    pipeline = MqnPipeline(DATA, Profile(), LOCAL, Scoring())

    def needs(**plan: Any) -> dict[str, tuple[str, ...]]:
        found = {step.name: step.needs for step in pipeline.steps(Candidate(plan=Plan(**plan)))}
        return {name: found[name] for name in ("prune", "convert/pruned", "finetune", "quantize") if name in found}

    assert needs() == {"quantize": ("convert",)}
    assert needs(method="qat") == {"finetune": ("train", "convert"), "quantize": ("convert", "finetune")}
    pruned = {"prune": ("train",), "convert/pruned": ("prune",)}
    assert needs(sparsity=0.5) == {**pruned, "quantize": ("convert/pruned",)}
    assert needs(sparsity=0.5, method="qat") == {
        **pruned,
        "finetune": ("train", "prune", "convert/pruned"),
        "quantize": ("convert/pruned", "finetune"),
    }


def test_a_pruned_trial_has_the_cost_of_the_pruned_network(tmp_path):
    pipeline = MqnPipeline(DATA, Profile(), LOCAL, Scoring())
    artifacts = {
        "train": artifact(tmp_path, "train", {}, parameters={"total": 7}, macs={"total": 9}),
        "prune": artifact(tmp_path, "prune", {}, parameters={"total": 5}, macs={"total": 6}),
    }
    found = pipeline.figures(Candidate(plan=Plan(sparsity=0.5)), artifacts).figures
    assert found == {"parameters": 5.0, "macs": 6.0}

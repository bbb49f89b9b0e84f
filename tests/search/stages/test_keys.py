"""What every stage's artifact is called by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import pytest
from tests.support.records import make_manifest

from mqn.errors import NetworkError, WeightsError
from mqn.families.mqn.arch import MQNArch
from mqn.profile_tables.ray import RayProfile
from mqn.records import MeasureSettings, Plan, Training
from mqn.search.artifacts import Artifact
from mqn.search.space.goals import Scoring
from mqn.search.space.trained import Trained
from mqn.search.stages.adopt import adopt_job
from mqn.search.stages.choose.rank import alone, rank_job
from mqn.search.stages.convert import convert_job
from mqn.search.stages.data_view import DataView
from mqn.search.stages.finetune import finetune_job
from mqn.search.stages.keys import require_seen
from mqn.search.stages.measure import measure_job
from mqn.search.stages.prune import prune_job
from mqn.search.stages.quantize import quantize_job
from mqn.search.stages.score import score_job
from mqn.search.stages.train import train_inputs, train_job
from mqn.search.work.jobs import Part

DATA: Any = SimpleNamespace(hash="d" * 64, folder=Path("/data"), place="/data")


def view(training: Training | None = None) -> DataView:
    return DataView.of(DATA, 128, training or Training())


def artifact(folder: Path, stage: str, files: dict[str, str], **details: Any) -> Artifact:
    manifest = make_manifest(stage, files=files, details=details)
    return Artifact(folder=folder, manifest=manifest)


def train_key(arch: MQNArch | None = None, training: Training | None = None) -> str:
    arch = arch or MQNArch(encoder_weights="random")
    return train_job(arch, training or Training(), DATA, RayProfile()).key


def measure_key(model: Artifact, **changes: Any) -> str:
    given = {"target": "board", "device_id": "board-1", "settings": MeasureSettings(), "holder": "a study"}
    return measure_job(model, **{**given, "max_age_hours": 168.0, **changes}).key


def test_plans_share_a_training_and_codecs_do_not():
    assert train_key() == train_key()
    assert train_key(training=Training(codec="pq")) != train_key(training=Training(codec="linear"))
    assert train_key(MQNArch(encoder_weights="random", attention="sa")) != train_key()


def test_the_last_part_of_a_training_is_the_training(tmp_path):
    arch, training = MQNArch(encoder_weights="random"), Training(epochs=9)
    whole = train_job(arch, training, DATA, RayProfile())
    first = train_job(arch, training, DATA, RayProfile(), until=1)
    made = artifact(tmp_path, "train", {"resume.pt": "r"}, epochs=1)
    second = train_job(arch, training, DATA, RayProfile(), until=3, earlier=made)
    last = train_job(arch, training, DATA, RayProfile(), earlier=made)
    assert len({whole.key, first.key, second.key}) == 3
    assert second.key == train_job(arch, training, DATA, RayProfile(), until=3).key  # However it came about.
    assert (last.key, last.inputs) == (whole.key, whole.inputs)
    parts = [job.part for job in (whole, first, second, last)]
    assert parts == [None, *(Part(whole=whole.key, after=after, until=end) for after, end in [(0, 1), (1, 3), (1, 9)])]


def test_settings_without_effect_do_not_train_again():
    plain = Training(lambda_features=0.0)
    assert train_key(training=plain) == train_key(training=replace(plain, feature_pools=(1,), feature_weights="random"))
    assert train_key() != train_key(training=Training(feature_pools=(1,)))


def test_what_came_later_and_changes_nothing_does_not_train_again():
    inputs = train_inputs(MQNArch(encoder_weights="random"), Training(clipped_weight=1.0))
    assert "clipped_weight" not in inputs["training"]
    assert "output_channels" not in inputs["arch"]
    assert train_key(training=Training(clipped_weight=4.0)) != train_key()
    assert train_key(MQNArch(encoder_weights="random", output_channels=1)) != train_key()


def test_weights_count_by_their_bytes(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"1")
    (tmp_path / "b.npz").write_bytes(b"1")
    (tmp_path / "c.npz").write_bytes(b"2")
    keys = [train_key(MQNArch(encoder_weights=str(tmp_path / f"{name}.npz"))) for name in "abc"]
    assert keys[0] == keys[1] != keys[2]


def test_weights_behind_a_url_count_by_their_bytes_too(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"1")
    url = f"memory://{tmp_path.name}/a.npz"
    with fsspec.open(url, "wb") as stream:
        stream.write(b"1")
    keys = [train_key(MQNArch(encoder_weights=source)) for source in (str(tmp_path / "a.npz"), url)]
    assert keys[0] == keys[1]


def test_a_machine_that_does_not_see_a_file_is_named_and_no_candidate_is_to_blame(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"1")
    require_seen("imagenet", "parametric", "s3://bucket/a.npz", str(tmp_path / "a.npz"))
    with pytest.raises(NetworkError, match=r"^node \S+ does not see .*/b.npz; name a path that every machine reaches"):
        require_seen(str(tmp_path / "b.npz"))


def test_missing_weights_name_the_file(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read .*none.npz: No such file"):
        train_key(MQNArch(encoder_weights=str(tmp_path / "none.npz")))


def test_calibration_counts_only_where_a_side_is_static(tmp_path):
    float_model = artifact(tmp_path, "convert", {"model.float32.tflite": "f"})

    def key(backbone: Any, pictures: int, virtual_camera: float = 0.0) -> str:
        plan = Plan(backbone=backbone, calibration_pictures=pictures)
        return quantize_job(float_model, plan, view(Training(virtual_camera=virtual_camera))).key

    assert key("static_wi8_ai8", 4) != key("static_wi8_ai8", 8)
    assert key("float32", 4) == key("float32", 8)
    assert key("static_wi8_ai8", 4) != key("static_wi8_ai8", 4, virtual_camera=1.0)


def test_a_choice_of_rewrites_makes_another_file_from_the_same_tuning(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"weights")
    float_model = artifact(tmp_path, "convert", {"model.float32.tflite": "f"})
    plans = [Plan(method="qat", lowering=lowering) for lowering in ("auto", "none", "norms")]
    assert len({quantize_job(float_model, plan, view()).key for plan in plans}) == 3
    assert len({finetune_job(tmp_path / "checkpoint.pt", float_model, plan, view()).key for plan in plans}) == 1


def test_response_curves_count_only_where_the_virtual_camera_is_used(tmp_path):
    (tmp_path / "curves.txt").write_text("curves")
    curves = str(tmp_path / "curves.txt")
    assert train_key(training=Training(response_curves=curves)) == train_key()
    measured = train_key(training=Training(virtual_camera=0.5, response_curves=curves))
    assert measured != train_key(training=Training(virtual_camera=0.5))


def test_equal_files_share_scores_and_measurements(tmp_path):
    one = artifact(tmp_path / "1", "quantize", {"model.tflite": "same"})
    two = artifact(tmp_path / "2", "quantize", {"model.tflite": "same"})
    scores = [score_job(a, ("model.tflite",), view(), Scoring()).key for a in (one, two)]
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
    one, other = (score_job(None, (), view(Training(codec=codec)), Scoring()).key for codec in ("mulaw", "pq"))
    assert one == other


def test_other_measures_and_other_inputs_score_again():
    scorings = (Scoring(), Scoring(metrics=("psnr_tm",)), Scoring(inputs="virtual"))
    assert len({score_job(None, (), view(), scoring).key for scoring in scorings}) == 3


def test_pair_is_measured_in_the_order_it_runs(tmp_path):
    pair = artifact(tmp_path, "quantize", {"head.tflite": "h", "backbone.tflite": "b"})
    job = measure_job(pair, "local", "id", MeasureSettings(), holder="a study", max_age_hours=168.0)
    assert [path.name for path in job.arguments["files"]] == ["backbone.tflite", "head.tflite"]


def test_fine_tuning_is_shared_by_layouts_and_is_part_of_what_is_quantized(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"weights")
    float_model = artifact(tmp_path, "convert", {"model.float32.tflite": "f"})

    def key(**plan: Any) -> str:
        given = (tmp_path / "checkpoint.pt", float_model, Plan(method="qat", **plan), view())
        return finetune_job(*given).key

    assert key() == key(layout="pair") != key(qat_steps=9)
    assert key() != key(calibration="mse")
    tuned = [artifact(tmp_path, "finetune", {"tuned.float32.tflite": name, "grid.json": "g"}) for name in "ab"]
    plan = Plan(method="qat")
    jobs = [quantize_job(float_model, plan, view(), tuned=one) for one in tuned]
    assert jobs[0].key != jobs[1].key
    assert jobs[0].arguments["tuned"] == tuned[0].file("tuned.float32.tflite")
    plain = [quantize_job(float_model, Plan(qat_steps=steps), view()) for steps in (5, 6)]
    assert plain[0].key == plain[1].key
    assert plain[0].arguments["tuned"] is None


def test_pruning_is_shared_by_schemes_cuts_and_methods(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"weights")

    def key(**plan: Any) -> str:
        return prune_job(tmp_path / "checkpoint.pt", Plan(sparsity=0.5, **plan), view()).key

    shared = {"backbone": "static_wi4_ai8", "cut": "head.conv1", "method": "qat", "calibration": "mse"}
    assert key() == key(**shared) != key(qat_steps=9)
    assert key() != prune_job(tmp_path / "checkpoint.pt", Plan(sparsity=0.25), view()).key


def test_a_pruned_network_is_fine_tuned_under_its_own_name_and_taught_by_the_whole_one(tmp_path):
    for name in ("whole.pt", "pruned.pt"):
        (tmp_path / name).write_bytes(name.encode())
    plan, float_model = Plan(sparsity=0.5, method="qat"), artifact(tmp_path, "convert", {"model.float32.tflite": "f"})
    given = (float_model, plan, view())
    taught = finetune_job(tmp_path / "pruned.pt", *given, teacher=tmp_path / "whole.pt")
    assert taught.arguments["teacher"] == tmp_path / "whole.pt"
    assert taught.key != finetune_job(tmp_path / "pruned.pt", *given).key


BEFORE = {
    "train": "8dc202ee8ea71e66",
    "convert": "e09b56833dbf73a4",
    "prune": "53a8343b443114ab",
    "finetune": "bea520495c231c06",
    "quantize": "ff441fc83277ddaf",
    "quantize qat": "50dd855903a05e40",
    "score": "76d54f979ce41d09",
    "score baseline": "40596d7152dd5225",
    "measure": "f3e7b6c0d1413798",
    "rank": "268ebe83af7b0593",
    "sensitivity": "98cd0a43960326c7",
    "adopt": "0ed6701207186a13",
}
"""Beginnings of keys as an earlier mqn made them: its artifacts still serve, whatever moves inside."""


def test_artifacts_of_an_earlier_mqn_still_serve(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"weights")
    (tmp_path / "whole.pt").write_bytes(b"whole")
    training = Training(codec="pq", virtual_camera=0.5)
    seen, plan = DataView.of(DATA, 64, training), Plan(sparsity=0.5, method="qat")
    converted = artifact(tmp_path, "convert", {"model.float32.tflite": "f"})
    tuned = artifact(tmp_path, "finetune", {"tuned.float32.tflite": "t", "grid.json": "g"})
    model = artifact(tmp_path, "quantize", {"model.tflite": "q"})
    checkpoint, whole = tmp_path / "checkpoint.pt", tmp_path / "whole.pt"
    jobs = {
        "train": train_job(MQNArch(encoder_weights="random", input_size=64), training, DATA, RayProfile()),
        "adopt": adopt_job(Trained(checkpoint="/x", sha256="s")),
        "convert": convert_job(checkpoint),
        "prune": prune_job(checkpoint, plan, seen),
        "finetune": finetune_job(checkpoint, converted, plan, seen, teacher=whole),
        "quantize": quantize_job(converted, Plan(), seen),
        "quantize qat": quantize_job(converted, plan, seen, tuned=tuned),
        "score": score_job(model, ("model.tflite",), seen, Scoring()),
        "score baseline": score_job(None, (), seen, Scoring()),
        "measure": measure_job(model, "board", "board-1", MeasureSettings(), holder="h", max_age_hours=1.0),
        "rank": rank_job(converted, alone(Plan(), "static_wi8_ai8"), seen, every=False),
        "sensitivity": rank_job(converted, Plan(), seen, every=True),
    }
    assert {name: job.key[:16] for name, job in jobs.items()} == BEFORE

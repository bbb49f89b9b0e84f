"""Names of rankings of layers, under which they are found again."""

from __future__ import annotations

from pathlib import Path

from tests.support.records import make_manifest

from mqn.records import Plan, Training
from mqn.search.artifacts import Artifact
from mqn.search.stages.choose.rank import alone, rank_job
from mqn.search.stages.data_view import DataView
from mqn.search.work.data_place import DataPlace


def view(training: Training | None = None) -> DataView:
    return DataView(data=DataPlace(place="/data", hash="d" * 64), size=64, training=training or Training())


def key(plan: Plan, training: Training | None = None, weights: str = "w") -> str:
    files = {"model.float32.tflite": weights}
    manifest = make_manifest("convert", files=files)
    converted = Artifact(folder=Path("/c"), manifest=manifest)
    return rank_job(converted, plan, view(training), every=True, progress=lambda *_: None).key


def test_a_sensitivity_is_found_again_by_what_it_rests_on():
    assert key(Plan()) == key(Plan()) == key(Plan(layout="pair"))
    others = [key(Plan(cut="head.conv1")), key(Plan(), weights="x"), key(Plan(), Training(virtual_camera=1.0))]
    assert len({key(Plan()), *others}) == 4


def test_rankings_on_half_of_the_pictures_are_others():
    files = {"model.float32.tflite": "w"}
    manifest = make_manifest("convert", files=files)
    converted = Artifact(folder=Path("/c"), manifest=manifest)
    half = rank_job(converted, alone(Plan(), "static_wi8_ai8"), view(), every=False)
    assert rank_job(converted, half.arguments["plan"], view(), every=True).key != half.key

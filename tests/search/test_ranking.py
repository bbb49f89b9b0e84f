"""Names of rankings of layers, under which they are found again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mqn.records import Manifest, Plan, Training
from mqn.search.artifacts import Artifact
from mqn.search.ranking import rank_job, sensitivity_job

DATA: Any = SimpleNamespace(hash="d" * 64, folder=Path("/data"))


def key(plan: Plan, training: Training | None = None, weights: str = "w") -> str:
    files = {"model.float32.tflite": weights}
    manifest = Manifest(stage="convert", key="k", inputs={}, files=files, versions={}, seconds=1.0, details={})
    converted = Artifact(folder=Path("/c"), manifest=manifest)
    return sensitivity_job(converted, plan, DATA, 64, training or Training(), progress=lambda *_: None).key


def test_a_sensitivity_is_found_again_by_what_it_rests_on():
    assert key(Plan()) == key(Plan()) == key(Plan(layout="pair"))
    others = [key(Plan(cut="head.conv1")), key(Plan(), weights="x"), key(Plan(), Training(virtual_camera=1.0))]
    assert len({key(Plan()), *others}) == 4


def test_rankings_on_half_of_the_pictures_are_others():
    files = {"model.float32.tflite": "w"}
    manifest = Manifest(stage="convert", key="k", inputs={}, files=files, versions={}, seconds=1.0, details={})
    converted = Artifact(folder=Path("/c"), manifest=manifest)
    half = rank_job(converted, Plan(), "static_wi8_ai8", DATA, 64, Training())
    assert sensitivity_job(converted, half.arguments["plan"], DATA, 64, Training()).key != half.key

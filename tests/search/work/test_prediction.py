from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqn.errors import ModelFileError
from mqn.records import MeasureSettings
from mqn.search.artifacts import ArtifactStore
from mqn.search.work.jobs import Job
from mqn.search.work.prediction import Predictions

SETTINGS = MeasureSettings(threads=2)


def job(target: str, name: str = "model.tflite") -> Job:
    return Job(stage="measure", key=name, inputs={}, function=dict, arguments={"files": [Path(name)]}, target=target)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A predictor for `board-1` alone: a model of as many letters takes as many ms."""
    asked: list[Any] = []

    def predict(files: list[Path]) -> float:
        if files[0].name == "broken":
            raise ModelFileError("no TFLite file")
        return float(len(files[0].name))

    def load(folder: Path, device_id: str, settings: MeasureSettings) -> Any:
        asked.append((folder.name, device_id, settings))
        return SimpleNamespace(predict=predict) if device_id == "board-1" else None

    monkeypatch.setattr("mqn.device.predictor.predictor.load_predictor", load)
    return asked


def test_one_predictor_a_target(loaded: list[Any]) -> None:
    ids = {"board": "board-1", "phone": "phone-1", "gone": None}
    predictions = Predictions(ids.get, SETTINGS, ArtifactStore(Path()))
    assert [predictions(job("board", name)) for name in ("abc", "abcd", "broken")] == [3.0, 4.0, None]
    assert predictions(job("phone")) is None
    assert predictions(job("gone")) is None
    assert loaded == [("profiles", "board-1", SETTINGS), ("profiles", "phone-1", SETTINGS)]

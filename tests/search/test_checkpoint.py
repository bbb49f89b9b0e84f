"""A checkpoint goes through the steps of a trial in this process, with the export's process replaced."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mqn.errors import WeightsError
from mqn.export import process
from mqn.families.mqn.arch import MQNArch
from mqn.models import checkpoint
from mqn.models.mqn import build
from mqn.parsing import to_plain
from mqn.records import Plan, Training
from mqn.search.artifacts import ArtifactStore
from mqn.search.checkpoint import Checkpoint, export_checkpoint
from mqn.search.pipeline import CONVERT
from mqn.search.stages.convert import convert_job
from mqn.search.stages.data_view import DataView

ARCH = MQNArch(attention="none", width=0.1, encoder_weights="random", input_size=32)
TRAINING = Training(codec="pq", virtual_camera=1.0)
DATA: Any = SimpleNamespace(hash="d" * 64, folder=Path("/data"), place="/data")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "checkpoint.pt"
    torch.manual_seed(0)
    checkpoint.save(path, ARCH, TRAINING, build(ARCH).eval())
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the export's process was asked for."""
    found: list[str] = []

    def run(step: str, *, directory: Path, checkpoint: Path | None = None, **_: Any) -> None:
        found.append(step)
        files = {
            "prune": {"history.json": [{"step": 3, "loss": 0.5}]},
            "finetune": {"history.json": [{"step": 0, "loss": 1.0}], "tuned.float32.tflite": 1, "grid.json": {}},
            "convert": {
                "parity.json": {},
                "network.json": {"arch": to_plain(ARCH), "training": to_plain(TRAINING)},
                "model.float32.tflite": 1,
            },
            "quantize": {"parity.json": {}, "model.tflite": 1},
        }[step]
        for name, content in files.items():
            (directory / name).write_text(json.dumps(content))
        if step == "prune":
            assert checkpoint is not None
            (directory / "checkpoint.pt").write_bytes(checkpoint.read_bytes())

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(DataView, "_inputs", lambda view, count, seed: np.zeros((1, 32, 32, 3), np.float32))
    return found


@pytest.mark.slow
def test_a_further_plan_does_not_convert_again(trained: Path, asked: list[str], tmp_path: Path) -> None:
    store, told = ArtifactStore(tmp_path / "artifacts"), []
    exported = export_checkpoint(trained, Plan(), DATA, tmp_path / "model", store, tell=told.append)
    assert told == ["take the trained network", "convert", "quantize"]
    assert (exported.codec, exported.input_size, exported.files[0].name) == ("pq", 32, "model.tflite")
    export_checkpoint(trained, Plan(head="float32"), DATA, tmp_path / "other", store)
    assert asked == ["convert", "quantize", "quantize"]


@pytest.mark.slow
def test_a_pruned_and_fine_tuned_export_converts_only_the_pruned_network(
    trained: Path, asked: list[str], tmp_path: Path
) -> None:
    plan = Plan(sparsity=0.5, method="qat")
    exported = export_checkpoint(trained, plan, DATA, tmp_path / "model", ArtifactStore(tmp_path / "artifacts"))
    assert asked == ["prune", "convert", "finetune", "quantize"]
    assert exported.manifest.details["tuning"] == {"step": 0, "loss": 1.0}


@pytest.mark.slow
def test_a_converted_network_is_known_without_its_weights(
    trained: Path, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(tmp_path / "artifacts")
    made = Checkpoint.open(trained, DATA, store).run(Plan(), CONVERT)
    assert made[CONVERT].manifest.key == convert_job(trained).key
    monkeypatch.setattr(checkpoint, "load", lambda path: pytest.fail("torch was asked"))
    again = Checkpoint.open(trained, DATA, store)
    assert (again.network.arch, again.training) == (ARCH, TRAINING)
    assert (again.view.size, again.view.codec, again.view.judged_on) == (32, "pq", "virtual")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"checkpoint\.pt"):
        Checkpoint.open(tmp_path / "checkpoint.pt", DATA, ArtifactStore(tmp_path / "artifacts"))

"""Training on the embedded dataset, from the pictures' file to a checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mqn.data.location import locate
from mqn.families.mqn.arch import MQNArch
from mqn.models import checkpoint
from mqn.records import Training
from mqn.train.loop import train


@pytest.mark.integration
def test_the_embedded_dataset_trains_resumes_and_improves(scenes: Path, tmp_path: Path) -> None:
    dataset = locate(scenes)
    arch = MQNArch(encoder_weights="random", input_size=32)
    training = Training(
        epochs=4, lambda_features=0.05, feature_weights="random", feature_pools=(1,), learning_rate=1e-3
    )
    unbroken = train(arch, training, dataset, tmp_path / "unbroken")
    train(arch, replace(training, epochs=2), dataset, tmp_path / "broken")
    broken = train(arch, training, dataset, tmp_path / "broken")
    weights, resumed = (checkpoint.load(path)[2].state_dict() for path in (unbroken, broken))
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    history = json.loads((tmp_path / "unbroken" / "history.json").read_text())
    assert history[-1]["val_loss"] < history[0]["val_loss"]
    assert history[-1]["features"] > 0

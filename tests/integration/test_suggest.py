"""`mqn export --suggest` on a small untrained network: from a checkpoint to a space that can be searched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from mqn.cli.app import run
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.parsing import read_json
from mqn.records import Suggestion, Training
from mqn.search.space.space_file import load_space

pytestmark = pytest.mark.integration

ARCH = MQNArch(attention="none", width=0.1, decoder_width=0.5, encoder_weights="random", input_size=32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "checkpoint.pt"
    torch.manual_seed(3)
    network = assemble(ARCH).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
    checkpoint.save(path, ARCH, Training(lambda_features=0.0), network)
    return path


def test_plans_are_suggested_checked_and_written_as_a_space(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    words = ["export", str(trained), "--suggest", "--output", str(tmp_path / "out"), "--budget", "0.3"]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    found = read_json(Suggestion, tmp_path / "out" / "suggestion.json")
    assert [one["time"] for one in document["plans"]] == [one.time for one in found.plans]
    assert (found.allocated_on, found.checked_on) == (4, 4)
    assert found.kept
    assert all(one.size_bytes > 0 and one.measured_loss.n == 4 for one in found.plans)
    space = load_space(str(tmp_path / "out" / "space.toml"))
    assert [space.candidate(point).plan for point in space.start] == [one.plan for one in found.kept]
    assert (tmp_path / "out" / "suggestion.png").stat().st_size > 10_000

    # What was cut short goes on: the work is kept.
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "home" / "artifacts").rglob("manifest.json")}
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert f"next: mqn search {tmp_path / 'out' / 'space.toml'}" in shown
    assert "PSNR-TM" in shown
    assert {path: path.stat().st_mtime_ns for path in before} == before

    # A cut that makes no two files is refused before layers are looked at.
    assert run([*words, "--set", "plan.layout=pair", "--set", "plan.cut=backbone.encoder.block_9"]) == 1
    assert "cannot be cut at" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((tmp_path / "home" / "artifacts" / "rank").glob("*/manifest.json"))) == 3

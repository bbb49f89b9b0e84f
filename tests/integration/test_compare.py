"""`mqn compare` for real: exported, measured by an agent, scored on pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.integration.test_suggest import QUICK

from mqn.cli.app import run
from mqn.data.location import locate
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.records import Training

pytestmark = pytest.mark.integration


def test_families_and_a_checkpoint_stand_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    (tmp_path / "quick.toml").write_text(QUICK + 'accept = ["ok", "contended", "unsteady", "throttled"]\n')
    arch = MQNArch(attention="none", width=0.1, decoder_width=0.5, encoder_weights="random", input_size=32)
    torch.manual_seed(3)
    checkpoint.save(tmp_path / "checkpoint.pt", arch, Training(lambda_features=0.0), assemble(arch).eval())
    words = ["compare", "mqn", "lhdr", f"{tmp_path}/checkpoint.pt@float16", "--size", "32"]
    words += [
        "--profile",
        str(tmp_path / "quick.toml"),
        "--output",
        str(tmp_path / "out"),
        "--data",
        str(locate().folder),
    ]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    mine, peer, trained = document["networks"]
    assert [one["plan"] for one in (mine, peer, trained)] == ["int8+dynamic", "float32+float32", "float16+float16"]
    assert (mine["family"], peer["family"], trained["family"]) == ("mqn", "lhdr", "mqn")
    assert (mine["trained"], trained["trained"]) == (False, True)
    for one in (mine, peer, trained):
        assert one["latency_ms"] > 0
        assert one["peak_memory_mb"] > 0
        assert one["why"] == ""
    assert peer["parameters"] == 271_112
    assert mine["accuracy"] == {}
    assert set(trained["accuracy"]) == {"psnr_tm", "ssim_tm"}
    names = ["comparison.csv", "comparison.json", "comparison.md", "comparison.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names

"""`mqn compare` for real: exported, measured by an agent, scored on pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.integration.test_suggest import QUICK

from mqn.cli.app import run
from mqn.families.contract import build_network, find_family
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.records import Training

pytestmark = pytest.mark.integration


def test_a_family_a_peer_and_a_checkpoint_stand_beside_each_other(
    scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "quick.toml").write_text(QUICK + 'accept = ["ok", "contended", "unsteady", "throttled"]\n')
    arch = MQNArch(attention="none", width=0.1, decoder_width=0.5, encoder_weights="random", input_size=32)
    torch.manual_seed(3)
    checkpoint.save(tmp_path / "checkpoint.pt", arch, Training(lambda_features=0.0), assemble(arch).eval())
    torch.save(build_network(find_family("lhdr").arch()).state_dict(), tmp_path / "lhdr.pth")
    peer_word, data = f"lhdr:{tmp_path}/lhdr.pth", ["--data", str(scenes), "--limit", "3"]
    words = ["compare", "mqn", peer_word, f"{tmp_path}/checkpoint.pt@float16", "--size", "32", *data]
    words += ["--profile", str(tmp_path / "quick.toml"), "--output", str(tmp_path / "out"), "--pictures", "2"]
    assert run([*words, "--json"]) == 0
    printed = capsys.readouterr()
    mine, peer, trained = json.loads(printed.out)["networks"]
    assert [one["plan"] for one in (mine, peer, trained)] == ["int8+dynamic", "float32+float32", "float16+float16"]
    assert (mine["family"], peer["family"], trained["family"]) == ("mqn", "lhdr", "mqn")
    assert (mine["trained"], peer["trained"], trained["trained"]) == (False, True, True)
    for one in (mine, peer, trained):
        assert one["latency_ms"] > 0
        assert one["peak_memory_mb"] > 0
        assert one["why"] == ""
    assert peer["parameters"] == 271_112
    assert mine["accuracy"] == {}
    assert set(trained["accuracy"]) == {"hdrvdp_q_p3", "hdrvdp_q", "psnr_tm", "ssim_tm"}
    names = ["comparison.csv", "comparison.json", "comparison.md", "comparison.png", "pictures.html", "pictures.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert "left out of the pictures: mqn: not trained" in printed.err
    page = (tmp_path / "out" / "pictures.html").read_text()
    assert page.count("visible differences from the truth</figcaption>") == 2
    assert "lhdr:lhdr.pth: Q " in page

    # The exported file is judged as its authors' network is, but for float32's rounding.
    score = ["score", peer_word, *data, "--size", "32", "--metrics", "hdrvdp_q,psnr_tm", "--workers", "1", "--json"]
    assert run(score) == 0
    expected = json.loads(capsys.readouterr().out)["scores"]
    for metric in ("hdrvdp_q", "psnr_tm"):
        assert peer["accuracy"][metric]["mean"] == pytest.approx(expected[metric]["mean"], abs=1e-3)

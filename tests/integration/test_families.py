"""A study over two families: networks of both are trained, exported, scored and measured side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support import own_family

from mqn.cli.app import run

pytestmark = pytest.mark.integration

SPACE = f"""
sampler = "grid"
objectives = [{{ metric = "psnr_tm" }}, {{ metric = "latency_ms" }}]
[fixed]
"arch.encoder_weights" = "random"
"arch.decoder_width" = 0.5
"arch.attention" = "none"
"arch.input_size" = 32
"training.epochs" = 1
"training.lambda_features" = 0.0
"plan.backbone" = "float32"
"plan.head" = "float32"
[dimensions."arch.family"]
choices = ["mqn", "{own_family.NAME}"]
[dimensions."arch.channels"]
choices = [4]
when = {{ "arch.family" = ["{own_family.NAME}"] }}
"""
PROFILE = """
[measure]
processes = 1
runs = 2
seconds = 0.01
accept = ["ok", "contended", "unsteady", "throttled"]
"""


def test_a_space_over_two_families_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "space.toml").write_text(SPACE)
    (tmp_path / "profile.toml").write_text(PROFILE)
    assert (
        run(["search", str(tmp_path / "space.toml"), "--profile", str(tmp_path / "profile.toml"), "--study", "two"])
        == 0
    )
    capsys.readouterr()
    assert run(["trials", "two", "--profile", str(tmp_path / "profile.toml"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["trials"]
    assert [(row["arch.family"], row["state"]) for row in rows] == [("mqn", "complete"), (own_family.NAME, "complete")]
    assert all(row["psnr_tm"] > 0 and row["parameters"] > 0 for row in rows)
    assert rows[1]["arch.channels"] == 4
    assert rows[1].get("arch.width") is None
    assert rows[1]["label"].startswith(own_family.NAME)

"""A study with a gate: untrained networks are really exported and measured on this machine, and one is not trained."""

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
constraints = [{{ metric = "macs", max = 1e6 }}, {{ metric = "undelegated_operators", max = 0 }}]
gate = {{ hard = ["macs", "undelegated_operators"] }}
[fixed]
"arch.family" = "{own_family.NAME}"
"arch.input_size" = 32
"training.epochs" = 1
"training.lambda_features" = 0.0
"plan.head" = "float32"
[dimensions."arch.channels"]
choices = [4, 32]
[dimensions."plan.backbone"]
choices = ["float32", "static_wi8_ai8"]
"""
PROFILE = """
[measure]
processes = 2
runs = 2
seconds = 0.01
accept = ["ok", "contended", "unsteady", "throttled"]
"""


def test_what_breaks_a_hard_constraint_is_measured_and_not_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "space.toml").write_text(SPACE)
    (tmp_path / "profile.toml").write_text(PROFILE)
    options = ["--profile", str(tmp_path / "profile.toml")]
    assert run(["search", str(tmp_path / "space.toml"), *options, "--study", "gated"]) == 0
    capsys.readouterr()
    assert run(["trials", "gated", *options, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["trials"]
    assert [(row["arch.channels"], row["state"]) for row in rows] == [
        (4, "complete"),
        (4, "complete"),
        (32, "gated"),
        (32, "gated"),
    ]
    for row in rows:
        assert row["gate/latency_ms.p50/local"] > 0
        assert row["gate/undelegated_operators/local"] == 0
        assert row["gate/macs"] == (row["macs"] or row["gate/macs"])
        assert (row["artifact.train"] is None) == (row["state"] == "gated")
    # The untrained file has the shape of the trained one.
    assert [row["gate/size_bytes"] for row in rows[:2]] == [row["size_bytes"] for row in rows[:2]]
    assert run(["status", "gated", *options]) == 0
    told = capsys.readouterr().out
    assert "gated: 2 complete, 2 gated" in told
    assert "trainings: 1" in told
    assert "latency of untrained and trained files:" in told

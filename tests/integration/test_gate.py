"""A study of two families with a gate: untrained networks are really exported and measured here, one is not trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support import own_family
from tests.support.made_once import furnish

from mqn.cli.app import run
from mqn.data.location import locate
from mqn.export.choose.agreement import agree
from mqn.export.lower.lowering import lower
from mqn.home import home
from mqn.parsing import read_json
from mqn.profile import load_profile
from mqn.records import Candidate, Plan, RewriteTimes, Training
from mqn.records.plan import DEFAULT_LOWERINGS
from mqn.search.artifacts import ArtifactStore
from mqn.search.pipeline import TrialPipeline
from mqn.search.space.goals import Scoring
from mqn.search.work.devices import Devices
from mqn.search.work.steps import Step, run_steps
from mqn.tflite.flatbuffer import Network

pytestmark = pytest.mark.integration

SPACE = f"""
sampler = "grid"
objectives = [{{ metric = "psnr_tm" }}, {{ metric = "latency_ms" }}]
constraints = [{{ metric = "macs", max = 1e8 }}, {{ metric = "undelegated_operators", max = 0 }}]
gate = {{ hard = ["macs", "undelegated_operators"] }}
[fixed]
"arch.encoder_weights" = "random"
"arch.decoder_width" = 0.5
"arch.attention" = "none"
"arch.input_size" = 32
"training.epochs" = 1
"training.lambda_features" = 0.0
"plan.head" = "float32"
[dimensions."arch.family"]
choices = ["mqn", "{own_family.NAME}"]
[dimensions."arch.channels"]
choices = [4, 4096]
when = {{ "arch.family" = ["{own_family.NAME}"] }}
[dimensions."plan.backbone"]
choices = ["float32", "static_wi8_ai8"]
when = {{ "arch.family" = ["{own_family.NAME}"] }}
"""
PROFILE = """
[measure]
processes = 2
runs = 2
seconds = 0.01
accept = ["ok", "contended", "unsteady", "throttled"]
"""


def test_networks_of_two_families_are_trained_but_for_one_that_breaks_a_hard_constraint(
    scenes: Path, tracking_database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    furnish(home(), scenes=scenes, database=tracking_database)
    (tmp_path / "space.toml").write_text(SPACE)
    (tmp_path / "profile.toml").write_text(PROFILE)
    options = ["--profile", str(tmp_path / "profile.toml")]
    assert run(["search", str(tmp_path / "space.toml"), *options, "--study", "gated"]) == 0
    capsys.readouterr()
    assert run(["trials", "gated", *options, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["trials"]
    assert [(row["arch.family"], row.get("arch.channels"), row["state"]) for row in rows] == [
        ("mqn", None, "complete"),
        (own_family.NAME, 4, "complete"),
        (own_family.NAME, 4, "complete"),
        (own_family.NAME, 4096, "gated"),
        (own_family.NAME, 4096, "gated"),
    ]
    for row in rows:
        assert row["gate/latency_ms.p50/local"] > 0
        assert row["gate/undelegated_operators/local"] == 0
        assert row["gate/macs"] == (row["macs"] or row["gate/macs"])
        assert (row["artifact.train"] is None) == (row["state"] == "gated")
    assert all(row["psnr_tm"] > 0 and row["parameters"] > 0 for row in rows[:3])
    assert all(row["label"].startswith(own_family.NAME) and row.get("arch.width") is None for row in rows[1:])
    # The untrained file has the shape of the trained one.
    assert [row["gate/size_bytes"] for row in rows[1:3]] == [row["size_bytes"] for row in rows[1:3]]
    assert run(["status", "gated", *options]) == 0
    told = capsys.readouterr().out
    assert "gated: 3 complete, 2 gated" in told
    assert "trainings: 2" in told
    assert "latency of untrained and trained files:" in told


LOCAL = """
[devices.here]
url = "loopback"
[devices.there]
url = "loopback"
[measure]
processes = 2
runs = 20
seconds = 0.0
warmup_seconds = 0.0
warmup_limit_seconds = 0.0
"""


def test_devices_agree_on_one_file_of_an_untrained_network(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqn.export.choose.tuning.WIDEST", 10.0)  # However busy this machine is.
    (tmp_path / "profile.toml").write_text(LOCAL)
    profile, store = load_profile(str(tmp_path / "profile.toml")), ArtifactStore(tmp_path / "artifacts")
    arch = own_family.OwnArch(channels=8, input_size=32)
    candidate = Candidate(arch=arch, training=Training(codec="log"), plan=Plan(head="float32"))
    with Devices(profile, ("here", "there"), "study") as devices:
        pipeline = TrialPipeline(locate(scenes), profile, Scoring(), devices, gate=True, tune="all")

        def place(step: Step) -> Step:
            """The step with its job on the device, as the scheduler has it."""
            return replace(step, make=lambda made: devices.place(step.make(made)) or pytest.fail("no device"))

        gate = [step for step in pipeline.steps(candidate) if step.name.startswith("gate/")]
        steps = [place(step) if step.name.startswith(("gate/tune/", "gate/rewrite_times/")) else step for step in gate]
        made = run_steps(store, steps, "gate/quantize")
        lowering = pipeline.figures(candidate, made).lowering
    assert made["gate/tune/here"] == made["gate/tune/there"]  # Two names of one machine: it is tuned once.
    times = read_json(RewriteTimes, made["gate/rewrite_times/here"].path("rewrite_times.json"))
    choice = agree([{one.rewrites: one.over_none for one in times.tried}])
    assert times.tried[0].rewrites == DEFAULT_LOWERINGS
    assert set(lowering.items()) == {(name, ",".join(choice) or "none") for name in ("here", "there")}
    # What was chosen is what is done to the file that was timed.
    network = Network.read(made["gate/quantize/unlowered"].path("model.tflite"))
    lower(network, choice)
    assert made["gate/quantize"].path("model.tflite").read_bytes() == network.to_bytes()

"""`mqn measure` and `mqn devices` on this machine, through a real agent."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from mqn.cli.app import run
from mqn.device.reference_models import chain

pytestmark = pytest.mark.integration

# Whatever else this machine does: the figures are not looked at, only what becomes of them.
PROFILE = """
[devices.here]
url = "loopback"
kind = "host"
[measure]
processes = 2
runs = 20
seconds = 0.2
warmup_seconds = 0.05
warmup_limit_seconds = 0.2
accept = ["ok", "unsteady", "contended", "throttled"]
attempts = 1
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    path = tmp_path / "lab.toml"
    path.write_text(PROFILE)
    return ["--profile", str(path)]


@pytest.fixture
def models(tmp_path):
    files = {name: tmp_path / f"{name}.tflite" for name in ("small", "large")}
    files["small"].write_bytes(chain(32, 8, ("spatial",)))
    files["large"].write_bytes(chain(32, 8, ("spatial", "pointwise", "depthwise") * 3))
    return files


def test_two_models_are_compared_profiled_and_drawn(lab, models, tmp_path, capsys):
    picture = tmp_path / "ab.png"
    words = [str(models["small"]), "--against", str(models["large"]), "--profile-ops", "--histogram", str(picture)]
    assert run(["measure", *words, "--device", "kind:host", "--json", *lab]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["p50"]["value"] > 1.2
    assert found["p50"]["range"]["low"] < found["p50"]["value"] < found["p50"]["range"]["high"]
    assert found["sentence"].startswith(("B (large.tflite) takes ", "cannot be told apart"))
    assert len(found["process_rounds"]) >= 2
    assert [len(found[key]["ops"]) for key in ("op_profile", "op_profile_against")] == [1, 9]
    assert all(op["delegated"] for op in found["op_profile_against"]["ops"])
    with Image.open(picture) as drawn:
        assert drawn.width > 1000
    assert len(list((tmp_path / "home" / "profiles").glob("*/*.json"))) == 2


def test_a_measurement_tells_ranges_memory_and_what_the_delegate_took(lab, models, capsys):
    assert run(["measure", str(models["large"]), *lab]) == 0
    shown = capsys.readouterr().out
    assert "xnnpack took 9 of 9 operators in 1 partition" in shown
    assert " to " in next(line for line in shown.splitlines() if line.strip().startswith("model"))
    assert "without a delegate" in shown


def test_this_machine_is_found_to_work(lab, capsys):
    assert run(["devices", "check", *lab]) == 0
    assert "measures: a tiny model in " in capsys.readouterr().out

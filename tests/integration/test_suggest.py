"""`mqn export` with what it chooses by itself, on a small untrained network: plans to search; rewrites by device."""

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
from mqn.parsing import read_json, to_plain
from mqn.records import Suggestion, Training, Tuning
from mqn.records.plan import DEFAULT_LOWERINGS, LOWERINGS
from mqn.search.space.space_file import load_space

pytestmark = pytest.mark.integration

ARCH = MQNArch(attention="none", width=0.1, decoder_width=0.5, encoder_weights="random", input_size=32)


QUICK = """
targets = ["here"]
[devices.here]
url = "loopback"
[measure]
processes = 2
runs = 20
seconds = 0.0
warmup_seconds = 0.0
warmup_limit_seconds = 0.0
"""


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

    # A device times each side under each scheme, once, and plans are chosen by that.
    (tmp_path / "quick.toml").write_text(QUICK)
    timed = [*words, "--device", "here", "--profile", str(tmp_path / "quick.toml")]
    assert run([*timed, "--json"]) == 0
    times = read_json(Suggestion, tmp_path / "out" / "suggestion.json").times
    assert times is not None
    assert {one.side for one in times.tried} == {"backbone", "head"}
    assert all(one.loss is not None and one.over_float.value > 0 for one in times.tried)
    capsys.readouterr()
    assert run(timed) == 0
    assert "time (float32 1)" in capsys.readouterr().out
    assert read_json(Suggestion, tmp_path / "out" / "suggestion.json").times == times
    # The audit of an export says the same, from what was kept.
    audit = ["export", str(trained), "--output", str(tmp_path / "model"), "--audit", *timed[-4:], "--json"]
    assert run([*audit, "--set", "plan.head=float32"]) == 0
    assert json.loads(capsys.readouterr().out)["schemes"] == to_plain(times)

    # A cut that makes no two files is refused before layers are looked at.
    assert run([*words, "--set", "plan.layout=pair", "--set", "plan.cut=backbone.encoder.block_9"]) == 1
    assert "cannot be cut at" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((tmp_path / "home" / "artifacts" / "rank").glob("*/manifest.json"))) == 3


UNCHANGED = "changes nothing in this network"


def test_a_file_is_tuned_for_a_device_and_what_was_found_is_kept(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("mqn.export.choose.tuning.WIDEST", 10.0)  # However busy this machine is.
    monkeypatch.setattr("mqn.search.stages.choose.tune.LIMIT_SECONDS", 1.0)  # One rewrite is tried.
    (tmp_path / "quick.toml").write_text(QUICK)
    folder = tmp_path / "out"
    words = ["export", str(trained), "--output", str(folder), "--set", "plan.head=float32"]
    words += ["--profile", str(tmp_path / "quick.toml")]
    assert run([*words, "--tune", "here"]) == 0
    shown = capsys.readouterr().out
    assert "time without it" in shown
    found = read_json(Tuning, folder / "tuning.json")
    assert f"plan.lowering={found.lowering}" in shown
    assert {one.name for one in found.tried} == set(LOWERINGS)
    assert [one.without is not None for one in found.tried if one.why != UNCHANGED][:2] == [True, False]
    manifest = json.loads((folder / "manifest.json").read_text())
    made = DEFAULT_LOWERINGS if found.over_default is None else found.rewrites
    assert tuple(manifest["details"]["lowering"]) == made
    # Timed once only: a second call finds what was kept, another device's name or not.
    assert run([*words, "--tune", "here", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["tuned_for"] == json.loads((folder / "tuning.json").read_text())
    assert again["tuned_for"]["seconds"] == found.seconds
    assert run(words) == 0
    assert not (folder / "tuning.json").exists()
    assert json.loads((folder / "manifest.json").read_text())["details"]["lowering"] == list(DEFAULT_LOWERINGS)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--tune", "nowhere"], 2, "nowhere"),
        (["--tune", "away"], 1, "no agent answers"),
        (["--tune", "here", "--set", "plan.lowering=norms"], 2, "--tune chooses plan.lowering"),
        (["--tune", "here", "--suggest"], 2, "--tune and --suggest are two questions"),
        (["--set", "plan.lowering=norm"], 2, "norms"),
    ],
)
def test_a_tuning_that_cannot_be_is_refused_in_a_line(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    (tmp_path / "quick.toml").write_text(QUICK + '[devices.away]\nurl = "http://127.0.0.1:9"\n')
    given = ["export", str(trained), "--output", str(tmp_path / "out"), "--profile", str(tmp_path / "quick.toml")]
    assert run([*given, *words]) == code
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("mqn:")]
    assert message in line
    assert not (tmp_path / "out").exists()

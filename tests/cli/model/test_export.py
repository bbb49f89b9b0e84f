"""`mqn export` on files that are there already."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.cli.test_app import fails
from tests.support.records import write_manifest
from tests.support.tflite_models import islands

from mqn.cli.app import run
from mqn.errors import DataError
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.records import Training
from mqn.search.artifacts import ArtifactStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "islands.tflite"
    path.write_bytes(islands(8, 4))
    return path


def test_any_file_is_audited(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", str(file), "--audit", "--json"]) == 0
    (audit,) = json.loads(capsys.readouterr().out)["audit"]
    assert (audit["file"], audit["operators"], audit["delegated"], audit["partitions"]) == ("islands.tflite", 6, 4, 2)
    assert [one["kind"] for one in audit["outside"]] == ["CAST", "CAST"]


def test_a_table_says_the_same(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", str(file), "--audit"]) == 0
    shown = capsys.readouterr().out
    assert "XNNPACK takes 4 of 6 operators in 2 partitions; left outside: 2 CAST" in shown
    assert f"islands.tflite: {file.stat().st_size:,} bytes" in shown


def test_an_audit_says_which_rewrites_an_export_has(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = file.rename(file.with_name("model.tflite"))
    told = {"codec": "log", "input_size": 32, "tuned_for": "board", "lowering": ["phases", "norms"]}
    folder = str(write_manifest(model, **told))
    assert run(["export", folder, "--audit", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["tuned_for"], document["lowering"]) == ("board", ["phases", "norms"])
    assert run(["export", folder, "--audit"]) == 0
    assert "rewrites: phases, norms\n" in capsys.readouterr().out


def test_a_folder_is_audited_file_by_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("backbone.tflite", "head.tflite"):
        (file.parent / name).write_bytes(file.read_bytes())
    assert run(["export", str(file.parent), "--audit", "--json"]) == 0
    audits = json.loads(capsys.readouterr().out)["audit"]
    assert [audit["file"] for audit in audits] == ["backbone.tflite", "head.tflite"]


@pytest.mark.parametrize(
    ("name", "words", "code", "message"),
    [
        ("islands.tflite", [], 2, "is exported already; give a checkpoint.pt, or --audit"),
        ("absent.tflite", ["--audit"], 2, "no checkpoint or model at"),
        ("checkpoint.pt", [], 2, "--output is missing"),
        (".", [], 2, "--output is missing"),
        ("checkpoint.pt", ["--audit"], 2, "--output is missing"),
        ("damaged.tflite", ["--audit"], 1, "is no TFLite file"),
        ("notes.md", ["--audit"], 1, "notes.md is no TFLite file"),
        ("checkpoint.pt", ["--output", "notes.md"], 2, "notes.md is a file; name a folder"),
        ("checkpoint.pt", ["--output", "."], 2, "holds a model.tflite that no export put there"),
        ("checkpoint.pt", ["--output", "new", "--set", "arch.attention=sa"], 2, "only plan.* can be set here"),
        ("checkpoint.pt", ["--sensitivity", "--set", "training.codec=pq"], 2, "--set training.codec: network and"),
        ("checkpoint.pt", ["--output", "new", "--set", "plan.cat=x"], 2, "unknown key 'plan.cat'; did you mean"),
    ],
)
def test_what_cannot_be_done(
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    words: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(file.parent)
    for other in ("checkpoint.pt", "damaged.tflite", "model.tflite", "notes.md"):
        Path(other).write_bytes(b"nothing")
    found, line = fails(capsys, "export", str(file.parent / name), *words)
    assert found == code
    assert message in line
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "checkpoint.pt",
        "damaged.tflite",
        "islands.tflite",
        "model.tflite",
        "notes.md",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("question", [[], ["--sensitivity"], ["--suggest"], ["--set", "plan.sparsity=0.5"]])
def test_the_profile_says_where_artifacts_are(
    question: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def stop(store: ArtifactStore, job: object) -> None:
        seen.append(store.shown)
        raise DataError("far enough")

    arch = MQNArch(width=0.1, encoder_weights="random", input_size=32)
    checkpoint.save(tmp_path / "checkpoint.pt", arch, Training(), assemble(arch))
    (tmp_path / "lab.toml").write_text(f'[storage]\nartifacts = "{tmp_path / "shared"}"\n')
    dataset = SimpleNamespace(
        hash="d", folder=tmp_path, place="", count=lambda split: 4, sources=lambda split: list("abcd")
    )
    monkeypatch.setattr("mqn.data.location.locate", lambda data: dataset)
    monkeypatch.setattr("mqn.search.work.steps.complete", stop)
    words = ["export", str(tmp_path / "checkpoint.pt"), "--output", str(tmp_path / "out"), *question]
    assert run([*words, "--profile", str(tmp_path / "lab.toml")]) == 1
    assert seen == [str(tmp_path / "shared")]

"""`mqn features`: what is refused before anything is exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tests.cli.test_app import fails

from mqn.cli.app import run
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.records import Training


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks of one size and one of another, and an exported folder that came from neither."""
    folder = tmp_path_factory.mktemp("features")
    torch.manual_seed(0)
    for name, attention, size in (("ca", "ca", 32), ("sa", "sa", 32), ("large", "ca", 64)):
        arch = MQNArch(attention=attention, width=0.1, encoder_weights="random", input_size=size)  # type: ignore[arg-type]
        (folder / name).mkdir()
        checkpoint.save(folder / name / "checkpoint.pt", arch, Training(), assemble(arch))
    (folder / "text.txt").write_text("nothing")
    (folder / "picture.png").write_text("nothing")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["absent.pt"], 2, "no checkpoint or exported model at"),
        (["text.txt"], 2, "is no model; give a training's checkpoint.pt, or a folder"),
        (["."], 1, "manifest.json"),
        (["ca", "--channels", "60"], 2, "60 channels a picture are too many for one figure; give at most 59"),
        (["ca", "--channels", "20", "--data", "photos"], 2, "give at most 19"),
        (["ca", *["--picture", "picture.png"] * 31], 2, "31 pictures are too many for one figure; give at most 30"),
        (["ca/checkpoint.pt", "large/checkpoint.pt"], 2, "ca takes 32 x 32 pixels and large 64 x 64"),
        (["ca/checkpoint.pt", "--by", "differnt"], 2, "did you mean 'different'"),
        (["ca/checkpoint.pt", "--interface", "irlb_4"], 2, "no interface 'irlb_4'"),
        (["ca/checkpoint.pt", "--channel", "8"], 2, "no channel 8; the features have channels 0 to 7"),
        (["ca/checkpoint.pt", "--picture", "picture.png"], 1, "picture.png"),
        (["ca/checkpoint.pt", "sa/checkpoint.pt", "--set", "plan.head=float32"], 2, "give one checkpoint alone"),
        (
            ["ca/checkpoint.pt", "--set", "arch.width=0.5"],
            2,
            "--set arch.width: network and training are the checkpoint",
        ),
    ],
)
def test_what_cannot_be_done(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    found, line = fails(capsys, "features", *words, "--output", "seen")
    assert found == code
    assert message in line
    assert not list((folder / "seen").glob("*"))


def test_an_output_that_is_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, "features", str(folder), "--output", str(folder / "text.txt"))
    assert code == 2
    assert "cannot make" in line


@pytest.mark.slow
def test_networks_stand_side_by_side(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = [str(folder / "sa" / "checkpoint.pt"), str(folder / "ca")]
    assert run(["features", *words, "--output", str(tmp_path / "seen"), "--channels", "2", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(row["model"], row["attention"], len(row["chosen"])) for row in document["attention"]["models"]] == [
        ("sa", "sa", 2),
        ("ca", "ca", 2),
    ]
    assert document["quantized"] == []
    names = ["features.html", "attention.png", "features.json"]
    assert document["files"] == [str(tmp_path / "seen" / name) for name in names]
    written = json.loads((tmp_path / "seen" / "features.json").read_text())
    assert written["attention"] == document["attention"]

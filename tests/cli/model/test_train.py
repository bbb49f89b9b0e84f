"""What `mqn train` says when it is interrupted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqn.cli.app import run


def test_ctrl_c_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any, **given: Any) -> None:
        given["on_start"](3)
        raise KeyboardInterrupt

    monkeypatch.setattr("mqn.data.location.locate", lambda data, progress: SimpleNamespace(hash="d"))
    monkeypatch.setattr("mqn.train.loop.train", interrupt)
    out = tmp_path / "a run"
    assert run(["train", "--output", str(out), "--data", "my photos", "--set", "training.epochs=9"]) == 130
    command = f"mqn train --output '{out}' --data 'my photos' --set training.epochs=9"
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"interrupted; what is trained is kept, go on with: {command}"


def test_a_full_disk_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "history.json"))

    monkeypatch.setattr("mqn.data.location.locate", fill)
    assert run(["train", "--output", str(tmp_path / "run")]) == 1
    line = f"mqn: No space left on device ({tmp_path / 'history.json'}): make room there"
    assert capsys.readouterr().err.splitlines()[-1] == line


def test_a_checkpoint_that_nobody_knows_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "checkpoint.pt").write_text("mine")
    assert run(["train", "--output", str(tmp_path)]) == 2
    assert "holds a checkpoint.pt and no resume.pt" in capsys.readouterr().err
    assert (tmp_path / "checkpoint.pt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]

"""Paths of the command line are paths: a URL among them is named at once, and makes no folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqn.cli.app import COMMANDS, run
from mqn.cli.lazy import load
from mqn.cli.paths import LocalPath


def _paths(command: object) -> list[object]:
    own = [parameter.type for parameter in command.params if parameter.type.name in ("path", "file")]  # type: ignore[attr-defined]
    return own + [kind for below in getattr(command, "commands", {}).values() for kind in _paths(below)]


def test_every_path_of_every_command_refuses_urls() -> None:
    kinds = [kind for name, (folder, _) in COMMANDS.items() for kind in _paths(load(name, folder))]
    assert len(kinds) > 20
    assert all(isinstance(kind, LocalPath) for kind in kinds)


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--output", "s3://bucket/run"],
        ["data", "fetch", "ward", "--output", "file:///tmp/ward"],
        ["convert", "https://x.org/clip.mp4", "--model", "m"],
        ["convert", "clip.mp4", "--model", "gs://b/model"],
        ["export", "file:///tmp/checkpoint.pt"],
        ["measure", "https://x.org/model.tflite"],
    ],
)
def test_a_url_is_one_line_and_makes_no_folder(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    assert run(words) != 0
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert "is a URL; only a path on this machine is supported" in told[0]
    assert {path.name for path in tmp_path.iterdir()} <= {"home"}

"""`mqn data prepare`: what it tells of the files that it read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from mqn.cli.app import run
from mqn.hdr.primaries import primaries

NOTE = "its colours are brought from acescg to BT.709 and adapted from the white 0.3217, 0.3377 to D65"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for seed, name in enumerate(("a", "b", "c", "d", "e")):
        image = np.random.default_rng(seed).random((32, 40, 3)).astype(np.float32)
        header = {"chromaticities": primaries("acescg").chromaticities}
        OpenEXR.File(header, {"RGB": image}).write(str(pictures / f"{name}.exr"))
    return pictures


def test_notes_of_files_are_printed_once_for_all_that_share_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "prepare", str(folder), "--output", str(tmp_path / "out")]) == 0
    assert f"note: a.exr, b.exr, c.exr and 2 more: {NOTE}\n" in capsys.readouterr().out


def test_json_has_the_notes_of_every_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "prepare", str(folder), "--output", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == {f"{name}.exr": [NOTE] for name in "abcde"}

"""From a publisher's archive to a contact sheet, as a user goes: fetch, prepare, inspect."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mqn.cli.app import run
from mqn.data.dataset import Dataset
from mqn.hdr.io.files import write, write_png

SCENES = ("00001", "00002", "00003")


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """HDR-Real's archive made small: a folder for each pair; the last truth is cut short. Its path has spaces."""
    archive = tmp_path / "my downloads" / "HDR-Real.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for seed, scene in enumerate((*SCENES, "00004")):
            light = np.random.default_rng(seed).uniform(0.1, 4, (32, 40, 3)).astype(np.float32)
            write(tmp_path / "gt.hdr", light)
            # A PNG under a JPEG's name is read by its content.
            write_png(tmp_path / "input.png", np.clip(light, 0, 1) ** (1 / 2.2))
            truth = (tmp_path / "gt.hdr").read_bytes()
            file.writestr(f"HDR-Real/{scene}/gt.hdr", truth if scene in SCENES else truth[:200])
            file.writestr(f"HDR-Real/{scene}/input.jpg", (tmp_path / "input.png").read_bytes())
        file.writestr("__MACOSX/HDR-Real/00001/._gt.hdr", b"no picture")
    return archive


def test_an_archive_becomes_a_dataset_and_a_sheet(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched, ready, sheet = tmp_path / "HDR Real", tmp_path / "HDR Real 32", tmp_path / "a sheet.html"

    assert run(["data", "fetch", "hdr-real", "--from", str(packed), "-o", str(fetched), "--json"]) == 0
    arrived = json.loads(capsys.readouterr().out)
    assert (arrived["pictures"], arrived["pairs"], arrived["sources"]) == (4, 4, 4)
    assert arrived["shortfall"] == 1838 - 4

    assert run(["data", "prepare", str(fetched), "-o", str(ready), "--side", "32", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["counts"], report["inputs"]) == ({"train": 2, "val": 1}, {"train": 2, "val": 1})
    assert [file for file, _ in report["skipped"]] == ["HDR-Real/HDR-Real/00004/gt.hdr"]
    dataset = Dataset.open(ready)
    sides = dataset.inputs("train") + dataset.inputs("val")
    assert {(one.name, one.picture) for one in sides} == {
        (f"HDR-Real/HDR-Real/{scene}/input.jpg", f"HDR-Real/HDR-Real/{scene}/gt.hdr") for scene in SCENES
    }

    assert run(["data", "inspect", str(ready), "-o", str(sheet), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [summary["splits"][split]["pictures"] for split in ("train", "val")] == [2, 1]
    assert summary["splits"]["val"]["camera_inputs"] == {"camera": 1}
    assert summary["damaged"] == []
    page = sheet.read_text()
    # Three pictures a tile of a truth, two a tile of a camera's own.
    assert page.count("<img") == 3 * 3 + 3 * 2
    assert "HDR-Real/HDR-Real/00004/gt.hdr" in page


def test_what_was_interrupted_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mqn.data.preparation import prepare

    def interrupted(*_: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "prepare", interrupted)
    assert run(["data", "prepare", str(tmp_path), "-o", str(tmp_path / "out")]) == 130
    assert "the pictures that are done are kept: the same command goes on" in capsys.readouterr().err

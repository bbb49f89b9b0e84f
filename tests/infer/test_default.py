"""The model in the box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mqn
from mqn.cli.app import run
from mqn.hdr.transfer import srgb_decode
from mqn.infer.default import FOLDER
from mqn.infer.exported import model_files, open_exported
from mqn.scoring.methods import parse_method


def test_it_is_whole_small_and_goes_by_its_name() -> None:
    exported = open_exported(Path("default"))
    assert (exported.folder, exported.codec, exported.input_size) == (FOLDER, "gain", 256)
    assert model_files([Path("default")]) == exported.files
    assert parse_method("default").path == FOLDER
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 2_000_000


def test_its_card_says_what_it_is() -> None:
    card = (FOLDER / "MODEL_CARD.md").read_text(encoding="utf-8")
    for words in ("CC0", "BSD", "mqn train", "95 %", "Limits"):
        assert words in card
    manifest = (FOLDER / "manifest.json").read_text(encoding="utf-8")
    assert '"/' not in manifest  # no path of the machine that made it


def test_a_folder_of_that_name_is_given_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("default").mkdir()
    assert open_exported(Path("default")).folder == FOLDER
    assert run(["score", "./default", "--output", str(tmp_path / "scores")]) != 0  # It is empty.


@pytest.mark.slow
def test_it_keeps_what_a_picture_shows_and_brightens_what_is_clipped() -> None:
    rows, columns = np.mgrid[0:192, 0:256] / 256
    scene = 0.3 + 0.4 * rows + 6 * np.exp(-40 * ((rows - 0.3) ** 2 + (columns - 0.5) ** 2))
    ldr = np.repeat(np.clip(scene, 0, 1)[..., None], 3, axis=2).astype(np.float32) ** (1 / 2.2)
    light = mqn.load_bundle("default").predict(ldr)
    shown, clipped = ldr[..., 1] < 0.6, ldr[..., 1] > 0.999
    level = light[shown] / srgb_decode(ldr)[shown]
    assert level.std() < 1e-3 * level.mean()
    assert light[clipped].mean() > 1.3 * level.mean()

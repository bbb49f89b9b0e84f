from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import ModelFileError
from mqn.export import exported as module
from mqn.export.exported import files_of, open_exported, place
from mqn.export.quantize import quantize
from mqn.parsing import file_hash
from mqn.records import Plan


def _model(toy_file: Path, pictures: np.ndarray, folder: Path, plan: Plan) -> Path:
    quantize(toy_file, plan, pictures, folder)
    files = {path.name: file_hash(path) for path in folder.iterdir() if path.name != "manifest.json"}
    manifest = {"stage": "quantize", "key": "k", "inputs": {}, "files": files, "versions": {}, "seconds": 0.0}
    (folder / "manifest.json").write_text(json.dumps({**manifest, "details": {"codec": "log", "input_size": 32}}))
    return folder


def test_a_model_of_one_file_takes_the_place_of_one_of_two(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    pair, fused = (
        _model(toy_file, pictures, tmp_path / layout, Plan(layout=layout))  # type: ignore[arg-type]
        for layout in ("pair", "fused")
    )
    assert [file.name for file in place(pair, tmp_path / "out").files] == ["backbone.tflite", "head.tflite"]
    assert [file.name for file in place(fused, tmp_path / "out").files] == ["model.tflite"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in fused.iterdir()}


def test_a_copy_cut_short_is_no_model(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _model(toy_file, pictures, tmp_path / "pair", Plan(layout="pair"))
    target = tmp_path / "out"
    place(model, target)
    copy = module.shutil.copyfile

    def full(source: Path, temporary: Path) -> None:
        copy(source, temporary)
        if source.name == "head.tflite":
            temporary.write_bytes(temporary.read_bytes()[:100])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        place(model, target)
    with pytest.raises(ModelFileError, match=r"holds neither model.tflite nor"):
        files_of(target)
    with pytest.raises(ModelFileError, match=r"manifest.json"):
        open_exported(target)
    monkeypatch.undo()
    assert len(place(model, target).files) == 2


def test_what_is_not_whole_is_not_copied(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    model = _model(toy_file, pictures, tmp_path / "model", Plan())
    (model / "model.tflite").write_bytes(b"1234TFL3")
    with pytest.raises(ModelFileError, match="is not the file its manifest names"):
        place(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()

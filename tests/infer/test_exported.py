from __future__ import annotations

import itertools
import json
import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import ModelFileError, UsageError
from mqn.export.quantize.quantization import quantize
from mqn.infer import exported as module
from mqn.infer.exported import files_of, open_exported, place
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
    with pytest.raises(UsageError, match=r"cannot write to .*out: No space left on device; make room there"):
        place(model, target)
    with pytest.raises(ModelFileError, match=r"holds neither model.tflite nor"):
        files_of(target)
    with pytest.raises(ModelFileError, match=r"manifest.json"):
        open_exported(target)
    monkeypatch.undo()
    assert len(place(model, target).files) == 2


def test_what_was_cut_short_leaves_nothing_behind(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = _model(toy_file, pictures, tmp_path / "pair", Plan(layout="pair"))
    plain = _model(toy_file, pictures, tmp_path / "plain", Plan(backbone="float32"))
    for copies in range(1, 2 + len(open_exported(pair).manifest.files)):
        with monkeypatch.context() as patch:
            patch.setattr(module.shutil, "copyfile", _killed_after(copies))
            with pytest.raises(KeyboardInterrupt):
                place(pair, tmp_path / "out")
        with pytest.raises(ModelFileError):
            open_exported(tmp_path / "out")
        place(plain, tmp_path / "out")
        # Without calibration.json, which a plan without ranges has none of.
        assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in plain.iterdir()}


def _killed_after(copies: int) -> Callable[[Path, Path], None]:
    done = itertools.count(1)
    copy = shutil.copyfile

    def copy_or_die(source: Path, target: Path) -> None:
        copy(source, target)
        if next(done) == copies:
            raise KeyboardInterrupt

    return copy_or_die


@pytest.mark.slow
def test_two_that_copy_at_once_do_so_in_turns(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    models = [
        _model(toy_file, pictures, tmp_path / layout, Plan(layout=layout))  # type: ignore[arg-type]
        for layout in ("pair", "fused")
    ]
    order = random.Random(0).choices(models, k=24)
    with ThreadPoolExecutor(4) as pool:
        placed = list(pool.map(lambda model: place(model, tmp_path / "out"), order))
    assert [len(one.files) for one in placed] == [len(open_exported(model).files) for model in order]
    (whole,) = (m for m in models if {p.name for p in m.iterdir()} == {p.name for p in (tmp_path / "out").iterdir()})
    assert open_exported(tmp_path / "out").manifest == open_exported(whole).manifest


def _manifest(text: str) -> str:
    return f'{{"stage": "{text}", "key": "k", "inputs": {{}}, "files": {{}}, "versions": {{}}, "seconds": 0.0}}'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.tflite", "mine", "holds a model.tflite that no export put there"),
        ("head.tflite", "mine", "holds a head.tflite that no export put there"),
        ("manifest.json", '{"name": "a web page"}', "holds a manifest.json that is none of an export"),
        ("manifest.json", _manifest("bundle"), "holds what 'bundle' made, not an export; give another folder"),
    ],
)
def test_what_is_somebody_elses_stays(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, name: str, content: str, message: str
) -> None:
    model = _model(toy_file, pictures, tmp_path / "model", Plan())
    target = tmp_path / "out"
    target.mkdir()
    (target / name).write_text(content)
    with pytest.raises(UsageError, match=message):
        place(model, target)
    assert [path.name for path in target.iterdir()] == [name]
    assert (target / name).read_text() == content


def test_a_file_is_no_folder_and_a_model_need_not_go_to_itself(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path
) -> None:
    model = _model(toy_file, pictures, tmp_path / "model", Plan())
    with pytest.raises(UsageError, match=r"float32\.tflite is a file; name a folder"):
        place(model, toy_file)
    assert place(model, tmp_path / "model").files == open_exported(model).files


def test_what_is_not_whole_is_not_copied(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    model = _model(toy_file, pictures, tmp_path / "model", Plan())
    (model / "model.tflite").write_bytes(b"1234TFL3")
    with pytest.raises(ModelFileError, match="is not the file its manifest names"):
        place(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["../mine.txt", "/etc/hostname", "a/b", "..", "", "."])
def test_a_manifest_that_names_files_elsewhere_is_refused(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, name: str
) -> None:
    model = _model(toy_file, pictures, tmp_path / "model", Plan())
    (tmp_path / "mine.txt").write_text("mine")
    manifest = json.loads((model / "manifest.json").read_text())
    manifest["files"][name] = file_hash(tmp_path / "mine.txt")
    (model / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFileError, match="which is no file beside it"):
        place(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_codec_of_another_version_is_named(toy_file: Path, pictures: np.ndarray, tmp_path: Path) -> None:
    model = _model(toy_file, pictures, tmp_path / "model", Plan())
    manifest = json.loads((model / "manifest.json").read_text())
    manifest["details"]["codec"] = "hologram"
    (model / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFileError, match=r"does not know the codec 'hologram'; it knows linear, .*, gain"):
        open_exported(model)


@pytest.mark.slow
@pytest.mark.parametrize("size", [-1, 0, 10**12, 10**30, 1e9])
def test_a_manifest_of_an_absurd_size_is_refused(
    toy_file: Path, pictures: np.ndarray, tmp_path: Path, size: float
) -> None:
    model = _model(toy_file, pictures, tmp_path / "model", Plan())
    manifest = json.loads((model / "manifest.json").read_text())
    manifest["details"]["input_size"] = size
    (model / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFileError, match="does not say codec and input_size"):
        open_exported(model)

"""The camera's own LDR pictures: stored beside their truth, at its size, and read back as pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.pairs.evaluation import camera_pictures
from mqn.data.preparation.decoding import label
from mqn.data.preparation.prepare import prepare
from mqn.errors import DataError

Photos = Callable[..., Path]


def _manifest(folder: Path, *rows: str) -> None:
    (folder / "manifest.csv").write_text("\n".join(["file,source,split,ldr", *rows]) + "\n")


def _photograph(path: Path, height: int = 40, width: int = 56) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    cv2.imwrite(str(path), pixels[..., ::-1])
    return pixels


@pytest.fixture
def folder(photos: Photos) -> Path:
    return photos("pairs/a.exr", "pairs/b.exr")


def test_inputs_are_stored_beside_their_truth(folder: Path, tmp_path: Path) -> None:
    ev0, over = _photograph(folder / "pairs/a__ev0.png"), _photograph(folder / "pairs/a__over.png")
    _manifest(folder, "pairs/a.exr,night,val,a__ev0.png; a__over.png", "pairs/b.exr,day,train,")

    report = prepare(folder, tmp_path / "out")

    dataset = Dataset.open(tmp_path / "out")
    assert report.inputs == {"train": 0, "val": 2}
    assert dataset.inputs("train") == []
    assert [(e.name, e.picture, e.label, e.source) for e in dataset.inputs("val")] == [
        ("pairs/a__ev0.png", "pairs/a.exr", "ev0", "night"),
        ("pairs/a__over.png", "pairs/a.exr", "over", "night"),
    ]
    np.testing.assert_array_equal(dataset.input_pixels("val", 0), ev0)
    np.testing.assert_array_equal(dataset.input_pixels("val", 1), over)
    assert dataset.damaged() == []


def test_camera_pictures_are_pairs_of_input_and_scaled_truth(folder: Path, tmp_path: Path) -> None:
    pixels = _photograph(folder / "pairs/a__under.png")
    _manifest(folder, "pairs/a.exr,night,val,a__under.png", "pairs/b.exr,day,train,")
    prepare(folder, tmp_path / "out")

    pairs = camera_pictures(Dataset.open(tmp_path / "out"))

    [pair] = pairs
    assert (len(pairs), pair.name, pair.operator) == (1, "pairs/a__under.png", "camera:under")
    np.testing.assert_array_equal(np.rint(pair.ldr * 255), pixels)
    assert np.percentile(pair.truth, 99.9) == pytest.approx(1, rel=1e-3)
    assert len(pairs[0:5]) == 1
    with pytest.raises(IndexError):
        pairs[1]


def test_an_input_is_brought_down_with_its_truth(folder: Path, tmp_path: Path) -> None:
    # Columns of black and of white average to half the light, which is code 188 and not 128.
    stripes = np.zeros((40, 56, 3), np.uint8)
    stripes[:, ::2] = 255
    cv2.imwrite(str(folder / "pairs/a__ev0.png"), cv2.resize(stripes, (112, 80), interpolation=cv2.INTER_NEAREST))
    _manifest(folder, "pairs/a.exr,night,val,a__ev0.png", "pairs/b.exr,day,train,")

    prepare(folder, tmp_path / "out", side=32)

    dataset = Dataset.open(tmp_path / "out")
    assert dataset.input_pixels("val", 0).shape == dataset.picture("val", 0).shape == (32, 45, 3)
    assert abs(float(dataset.input_pixels("val", 0)[:, 10:30].mean()) - 188) < 12


def test_an_input_outside_the_folder_is_refused_with_its_place_in_the_manifest(folder: Path, tmp_path: Path) -> None:
    _manifest(folder, "pairs/a.exr,night,val,../../secret.png", "pairs/b.exr,day,train,")

    with pytest.raises(DataError, match=r"line 2, column 'ldr': '\.\./\.\./secret\.png' leads out of the folder"):
        prepare(folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "spoil", "reason"),
    [
        ("a__ev0.png", lambda path: _photograph(path, 40, 40), "another shape"),
        ("a__ev0.png", lambda path: _photograph(path, 20, 28), "fewer than the 56 x 40"),
        ("a__ev0.png", lambda path: path.write_bytes(b"\x89PNG nothing"), ""),
        ("a__ev0.png", lambda path: None, "no such file"),
    ],
)
def test_an_input_that_cannot_be_used_is_named_and_its_truth_stays(
    name: str, spoil: Callable[[Path], object], reason: str, folder: Path, tmp_path: Path
) -> None:
    spoil(folder / "pairs" / name)
    _manifest(folder, f"pairs/a.exr,night,val,{name}", "pairs/b.exr,day,train,")

    report = prepare(folder, tmp_path / "out")

    [(file, said)] = report.skipped
    assert report.counts == {"train": 1, "val": 1}
    assert report.inputs == {"train": 0, "val": 0}
    assert file.endswith(Path(name).name)
    assert said
    assert reason in said
    assert not (tmp_path / "out" / "inputs.npy").exists()


def test_the_hash_is_of_the_inputs_too(folder: Path, tmp_path: Path) -> None:
    _manifest(folder, "pairs/a.exr,night,val,", "pairs/b.exr,day,train,")
    without = prepare(folder, tmp_path / "out")
    _photograph(folder / "pairs/a__ev0.png")
    _manifest(folder, "pairs/a.exr,night,val,a__ev0.png", "pairs/b.exr,day,train,")

    assert prepare(folder, tmp_path / "out").hash != without.hash


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p/beach__y1.jpg", "camera"),
        ("p/beach__y1__over.jpg", "over"),
        ("p/other__ev0.jpg", "ev0"),
        ("x.jpg", "camera"),
    ],
)
def test_labels_stand_behind_the_pictures_name(name: str, expected: str) -> None:
    assert label(name, "p/beach__y1.exr") == expected

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PictureError, UsageError
from mqn.hdr.io.files import read, write
from mqn.scoring.judging.evaluation import Listed, PictureSet
from mqn.scoring.predictions import PredictionFolder


def test_predictions_are_found_whatever_their_format(predictions: Path, pictures: PictureSet) -> None:
    folder = PredictionFolder(predictions)
    assert not folder.check(pictures.listing())
    np.testing.assert_array_equal(folder.read("b.exr"), read(predictions / "b.tif"))
    assert folder.find("a1.jpg") == predictions / "a1.exr"


def test_everything_that_is_wrong_is_named(predictions: Path, pictures: PictureSet) -> None:
    (predictions / "a1.exr").unlink()
    (predictions / "a2.hdr").rename(predictions / "a3.hdr")
    write(predictions / "b.tif", np.ones((8, 16, 3), np.float32))
    (predictions / "c.pfm").write_bytes(b"PF\n16 16\n-1.0\n")
    findings = PredictionFolder(predictions).check(pictures.listing())
    assert findings.missing == ("a1.exr", "a2.exr")
    assert findings.misnamed == ("a3.hdr",)
    assert findings.unusable["b.exr"] == f"{predictions / 'b.tif'} is 16 x 8, its picture 16 x 16"
    assert str(predictions / "c.pfm") in findings.unusable["c.exr"]
    assert str(findings).startswith("2 missing: a1.exr, a2.exr; 1 named as no picture: a3.hdr; 2 unusable: ")


def test_pictures_that_a_suffix_alone_tells_apart_cannot_be_predicted(predictions: Path) -> None:
    pictures = [Listed("b.exr", "b", 16, 16), Listed("b.hdr", "b", 16, 16)]
    with pytest.raises(UsageError, match=r"cannot predict b\.exr and b\.hdr"):
        PredictionFolder(predictions).check(pictures)


def test_folders_are_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    write(tmp_path / "x" / "p.exr", np.ones((4, 4, 3), np.float32))
    assert PredictionFolder(tmp_path).find("x/p.png") == tmp_path / "x" / "p.exr"
    with pytest.raises(PictureError, match=r"holds no prediction of p\.png"):
        PredictionFolder(tmp_path).find("p.png")


def test_only_suffixes_of_pictures_are_no_part_of_a_name(tmp_path: Path) -> None:
    write(tmp_path / "scene.2.exr", np.ones((4, 4, 3), np.float32))
    assert PredictionFolder(tmp_path).find("scene.2") == tmp_path / "scene.2.exr"


def test_no_picture_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds neither an exported model"):
        PredictionFolder(tmp_path)
    for suffix in (".exr", ".hdr"):
        write(tmp_path / f"a{suffix}", np.ones((4, 4, 3), np.float32))
    with pytest.raises(UsageError, match="predict the same picture"):
        PredictionFolder(tmp_path)

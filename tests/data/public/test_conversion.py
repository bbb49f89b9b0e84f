"""Datasets whose truth is published in codes of its own, as small as can be."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from mqn.data.public.conversion import convert
from mqn.data.public.fetch import fetch, is_fetched
from mqn.errors import PictureError
from mqn.hdr.io.files import read
from mqn.hdr.primaries import matrix
from mqn.hdr.transfer import pq_encode


def write_png(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))


def pq_png(path: Path, nits: tuple[float, float, float]) -> None:
    codes = np.rint(pq_encode(np.array(nits)) * 65535).astype(np.uint16)
    write_png(path, np.tile(codes, (4, 6, 1)))


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_television_in_pq(tmp_path: Path) -> None:
    given = tmp_path / "given"
    # Grey is grey in all primaries; a red that BT.709 can show, told in BT.2020, comes back as that red.
    pq_png(given / "training_set" / "train_hdr" / "0001.png", (100.0, 100.0, 100.0))
    pq_png(given / "test_set" / "test_hdr" / "001.png", tuple(matrix("bt709", "bt2020") @ [800.0, 20.0, 10.0]))
    for name in ("training_set/train_sdr/0001.png", "test_set/test_sdr/001.png"):
        write_png(given / name, np.zeros((4, 6, 3), np.uint8))

    outcome = fetch("hdrtv1k", source=given, output=tmp_path / "out")

    assert (outcome.pictures, outcome.pairs, outcome.sources, outcome.unusable) == (2, 2, 2, ())
    assert rows(tmp_path / "out") == [
        {
            "file": "test_set/test_hdr/001.exr",
            "source": "test-001",
            "split": "val",
            "ldr": "../test_sdr/001.png",
        },
        {
            "file": "training_set/train_hdr/0001.exr",
            "source": "train-0001",
            "split": "train",
            "ldr": "../train_sdr/0001.png",
        },
    ]
    np.testing.assert_allclose(read(tmp_path / "out/training_set/train_hdr/0001.exr"), 100.0, rtol=1e-3)
    red = read(tmp_path / "out/test_set/test_hdr/001.exr")[0, 0]
    np.testing.assert_allclose(red, [800.0, 20.0, 10.0], rtol=2e-2)
    assert not (given / "test_set" / "test_hdr" / "001.exr").exists()


def test_colour_beyond_bt709_is_clipped(tmp_path: Path) -> None:
    pq_png(tmp_path / "green.png", (0.0, 100.0, 0.0))
    convert(tmp_path / "green.png", "pq-bt2020")
    red, green, blue = read(tmp_path / "green.exr")[0, 0]
    assert (red, blue) == (0.0, 0.0)
    assert green > 100.0


def test_challenge_frames(tmp_path: Path) -> None:
    given = tmp_path / "given"
    for number, code in (("0007", 65535), ("0008", 32768), ("0100", 0)):
        write_png(given / f"{number}_gt.png", np.full((4, 6, 3), code, np.uint16))
        write_png(given / f"{number}_medium.png", np.zeros((4, 6, 3), np.uint8))
        np.save(given / f"{number}_alignratio.npy", np.float64(65535))
        np.save(given / f"{number}_exposures.npy", np.zeros(3))

    outcome = fetch("ntire2021", source=given, output=tmp_path / "out")

    assert (outcome.pictures, outcome.pairs, outcome.sources) == (3, 3, 2)
    assert rows(tmp_path / "out")[0] == {"file": "0007_gt.exr", "source": "00", "ldr": "0007_medium.png"}
    np.testing.assert_allclose(read(tmp_path / "out" / "0007_gt.exr"), 1.0)
    np.testing.assert_allclose(read(tmp_path / "out" / "0008_gt.exr"), 0.5**2.24, rtol=1e-4)
    assert not (tmp_path / "out" / "0007_exposures.npy").exists()


def test_what_cannot_be_converted_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    given = tmp_path / "given"
    for number in ("0001", "0002", "0003", "0004"):
        write_png(given / f"{number}_gt.png", np.full((4, 6, 3), 1000, np.uint16))
        np.save(given / f"{number}_alignratio.npy", np.float64(65535))
    (given / "0002_alignratio.npy").write_bytes(b"no array")
    (given / "0003_gt.png").write_bytes((given / "0003_gt.png").read_bytes()[:50])
    write_png(given / "0004_gt.png", np.zeros((4, 6, 3), np.uint8))

    outcome = fetch("ntire2021", source=given, output=tmp_path / "out")

    assert outcome.pictures == 1
    assert [row["file"] for row in rows(tmp_path / "out")] == ["0001_gt.exr"]
    assert sorted(Path(reason.partition(":")[0]).name for reason in outcome.unusable) == [
        "0002_gt.png",
        "0003_gt.png",
        "0004_gt.png",
    ]
    assert not any("\n" in reason for reason in outcome.unusable)
    assert not is_fetched("ntire2021", tmp_path / "out")


@pytest.mark.parametrize("ratio", [0.0, -1.0, np.nan])
def test_ratio_must_be_positive(tmp_path: Path, ratio: float) -> None:
    write_png(tmp_path / "0001_gt.png", np.ones((4, 6, 3), np.uint16))
    np.save(tmp_path / "0001_alignratio.npy", ratio)
    with pytest.raises(PictureError, match=r"0001_alignratio\.npy says .*positive ratio"):
        convert(tmp_path / "0001_gt.png", "ntire2021")


def test_converted_once(tmp_path: Path) -> None:
    pq_png(tmp_path / "a.png", (1.0, 1.0, 1.0))
    (tmp_path / "a.exr").write_bytes(b"done before")
    convert(tmp_path / "a.png", "pq-bt2020")
    assert (tmp_path / "a.exr").read_bytes() == b"done before"

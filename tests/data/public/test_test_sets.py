"""The paper's test sets, from small archives of the real layouts to figures: fetch, prepare, score."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.hdr.kinds.test_raw import bayer, write_dng

from mqn.cli.app import run
from mqn.data.dataset import Dataset
from mqn.hdr.io.files import write

Pack = Callable[[Path], Path]


def light(seed: int) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).standard_normal((32, 40, 3))).astype(np.float32)


def write_jpeg(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    codes = np.rint(255 * np.clip(image / 3, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    assert cv2.imwrite(str(path), codes[..., ::-1])


def singlehdr(title: str) -> Pack:
    """A folder for each pair, with results of the publishers beside it."""

    def pack(folder: Path) -> Path:
        archive = folder / f"{title}.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for seed, scene in enumerate(("00001", "00002", "00003")):
                write(folder / "gt.hdr", light(seed))
                write_jpeg(folder / "input.jpg", light(seed))
                for name in ("gt.hdr", "input.jpg"):
                    file.write(folder / name, f"{title}/{scene}/{name}")
                file.write(folder / "gt.hdr", f"{title}/{scene}/ours.hdr")
        return archive

    return pack


def hdr_eye(folder: Path) -> Path:
    """The FTP server's folder: each picture with the exposures that it was merged from."""
    given = folder / "HDREye"
    for seed, scene in enumerate(("C01", "C40", "C41")):
        target = given / "images/HDR" / f"{scene}_HDR.hdr"
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, light(seed))
        for exposure in (0.5, 1.0, 2.0):
            name = f"{scene}_{exposure:g}.JPG".replace("_0.5", "_0").replace(scene, "DSC0")
            write_jpeg(given / "images/Bracketed_images" / scene / name, exposure * light(seed))
    return given


def raise_1k(folder: Path) -> Path:
    """Raw pictures as its table names them, and the table."""
    given = folder / "RAISE"
    given.mkdir()
    for place, name in enumerate(("r000da54ft", "r001d260dt", "r002fc3e2t")):
        counts = bayer(900, 1200 + 300 * place, 700) + np.arange(48, dtype=np.uint16)
        write_dng(folder / "raw.dng", counts).rename(given / f"{name}.NEF")
    (given / "RAISE_1k.csv").write_text("File,NEF\n")
    return given


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "pack", "inputs", "pictures"),
    [
        ("hdr-eye-singlehdr", singlehdr("HDR-Eye"), "camera", 3),
        ("hdr-real", singlehdr("HDR-Real"), "camera", 3),
        ("hdr-eye", hdr_eye, "camera", 9),
        ("raise-1k", raise_1k, "operators", 3),
    ],
)
def test_a_test_set_is_scored_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, pack: Pack, inputs: str, pictures: int
) -> None:
    fetched, ready = tmp_path / "fetched", tmp_path / "ready"
    assert run(["data", "fetch", name, "--from", str(pack(tmp_path)), "-o", str(fetched)]) == 0
    assert run(["data", "prepare", str(fetched), "-o", str(ready), "--workers", "1"]) == 0
    dataset = Dataset.open(ready)
    assert (dataset.catalogue.published, dataset.catalogue.skipped) == (name, {})
    capsys.readouterr()

    score = ["score", "do-nothing", "--data", str(ready), "--inputs", inputs, "--metrics", "psnr_tm", "--workers", "1"]
    sizes = ["--size", "32"] if inputs == "operators" else []
    counts = []
    for some in (["--split", "all"], ["--split", "all", "--limit", "2"]):
        assert run([*score, *sizes, *some, "--json"]) == 0
        counts.append(json.loads(capsys.readouterr().out)["pictures"])
    assert counts == [pictures, 2]

"""A tiny dataset: four pictures to judge, of three sources, two of which a camera took too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.preparation.prepare import prepare
from mqn.hdr.io.files import write, write_png
from mqn.hdr.transfer import srgb_encode
from mqn.scoring.judging.evaluation import PictureSet

SIDE = 32
NAMES = ("a1.exr", "a2.exr", "b.exr", "c.exr")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("photos")
    rows = ["file,source,split,ldr"]
    for seed, name in enumerate((*NAMES, "d.exr")):
        generator = np.random.default_rng(seed)
        light = np.exp(1.5 * generator.standard_normal((SIDE, SIDE, 3))).astype(np.float32)
        write(folder / name, light)
        stem = name.removesuffix(".exr")
        inputs = {"a1": {"ev0": 0.3, "over": 2.0}, "b": {"over": 2.0}}.get(stem, {})
        for label, exposure in inputs.items():
            write_png(folder / f"{stem}__{label}.png", srgb_encode(np.clip(exposure * light / 10, 0, 1)))
        ldr = ";".join(f"{stem}__{label}.png" for label in inputs)
        rows.append(f"{name},{stem[0]},{'train' if stem == 'd' else 'val'},{ldr}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    output = tmp_path_factory.mktemp("prepared") / "set"
    prepare(folder, output, workers=1)
    return Dataset.open(output)


@pytest.fixture
def pictures(dataset: Dataset) -> PictureSet:
    return PictureSet(dataset=dataset.folder, hash=dataset.hash, size=16)


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Predictions of all four pictures at 16 x 16, in three formats."""
    folder = tmp_path / "predictions"
    folder.mkdir()
    for seed, name in enumerate(("a1.exr", "a2.hdr", "b.tif", "c.pfm")):
        write(folder / name, np.random.default_rng(seed).random((16, 16, 3)).astype(np.float32))
    return folder

"""A bundle is verified by what its study scores: its own measures, on its own kind of inputs."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.licence import origin_of
from mqn.data.preparation.prepare import prepare
from mqn.data.public.lockfile import LOCK_FILE, Fetched
from mqn.errors import ModelFileError, StudyError
from mqn.hdr import scenes
from mqn.hdr.io import files
from mqn.parsing import write_json
from mqn.records import Training
from mqn.report.bundle.bundle import load_bundle, write_bundle
from mqn.report.bundle.verification import check_data, verify
from mqn.search.space.goals import Scoring
from mqn.search.stages.data_view import DataView
from mqn.search.stages.score import score


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two pictures, one of them with the camera's own; its folder was fetched."""
    folder = tmp_path_factory.mktemp("photos")
    for seed, name in enumerate(("a", "b")):
        files.write(folder / f"{name}.exr", scenes.scene(40, seed))
    cv2.imwrite(str(folder / "a__ev0.png"), np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    (folder / "manifest.csv").write_text("file,source,split,ldr\na.exr,night,val,a__ev0.png\nb.exr,day,train,\n")
    write_json(folder / LOCK_FILE, Fetched(dataset="ward", licence="CC BY 4.0", complete=True))
    prepare(folder, folder.parent / "prepared")
    return Dataset.open(folder.parent / "prepared")


@pytest.mark.slow
@pytest.mark.parametrize(
    "scoring",
    [
        Scoring(),
        Scoring(metrics=("pu21_psnr", "angular_error_deg"), inputs="virtual"),
        Scoring(metrics=("pu21_ssim",), inputs="camera"),
    ],
)
def test_what_a_stage_scored_is_found_again_and_anything_else_is_refused(stored, dataset, tmp_path, scoring):
    record, store = stored()
    bundle = load_bundle(write_bundle(record, store, tmp_path / "bundle"))
    (tmp_path / "scored").mkdir()
    view = DataView.of(dataset, 32, Training(codec="mulaw"))
    details = score(tmp_path / "scored", files=bundle.files, view=view, scoring=scoring)
    record = replace(record, figures=details["scores"])
    verified = verify(bundle, record, scoring, dataset)
    assert set(verified.figures) == set(scoring.metrics)
    assert verified.figures == pytest.approx(details["scores"])
    assert (verified.pictures, verified.inputs) == (1, scoring.inputs)
    first = scoring.metrics[0]
    other = replace(record, figures={**record.figures, first: record.figures[first] + 0.1})
    with pytest.raises(ModelFileError, match=f"trial 3 scores {first}"):
        verify(bundle, other, scoring, dataset)


def test_data_that_has_changed_is_said_to_have(dataset):
    check_data(dataset, dataset.hash, "s")
    check_data(dataset, "", "s")
    with pytest.raises(StudyError, match="the data of study 's' has changed"):
        check_data(dataset, "0" * 64, "s")


def test_an_address_is_told_without_its_password(dataset, monkeypatch):
    catalogue = replace(dataset.catalogue, made_from="s3://key:marked@bucket/photos")
    monkeypatch.setattr(dataset, "catalogue", catalogue)
    origin = origin_of(dataset)
    assert (origin.licence, "marked" in origin.name, "bucket/photos" in origin.name) == (None, False, True)


def test_a_dataset_knows_what_was_fetched_for_it(dataset):
    origin = origin_of(dataset)
    assert (origin.name, origin.licence, origin.procedural) == ("ward", "CC BY 4.0", False)
    assert origin.counts == {"train": 1, "val": 1}

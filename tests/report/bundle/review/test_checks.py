"""What `mqn bundle verify` asks of a bundle, and what it says of one that is damaged, old, or none."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.report.bundle.review.conftest import change_manifest
from tests.report.conftest import write_sigmoid

from mqn.errors import ModelFileError
from mqn.parsing import file_hash
from mqn.report.bundle.bundle import load_bundle
from mqn.report.bundle.review import checks as module
from mqn.report.bundle.review.checks import check_bundle, difference_in_stops, passed


def states(folder: Path) -> dict[str, str]:
    return {check.name: check.state for check in check_bundle(folder)}


def said(folder: Path, name: str) -> str:
    return next(check.said for check in check_bundle(folder) if check.name == name)


def reseal(bundle: Path, *names: str) -> None:
    """Have the manifest name what lies there now, as whoever tampers with a file would."""
    change_manifest(bundle, lambda manifest: manifest["files"].update({n: file_hash(bundle / n) for n in names}))


def test_a_bundle_is_whole_wherever_it_is_copied(bundle: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(bundle, tmp_path / "elsewhere" / "copy"))
    shutil.rmtree(bundle)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = states(copied)
    assert found == {
        **dict.fromkeys(("manifest", "files", "runs", "output", "metadata", "app"), "ok"),
        "texts": "lacks",  # It was written without the pictures of a dataset.
    }
    assert "bit by bit (32 x 32 pixels)" in said(copied, "output")
    assert said(copied, "texts") == "pictures.png"
    assert passed(check_bundle(copied))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_every_file_that_is_missing_or_changed_is_named(bundle: Path) -> None:
    (bundle / "scores.json").unlink()
    (bundle / "samples" / "convert.py").write_text("import os")
    (bundle / "samples" / "mine.txt").write_text("mine")
    assert said(bundle, "files") == (
        "missing: scores.json; changed: samples/convert.py; no part of the bundle: samples/mine.txt"
    )
    assert not passed(check_bundle(bundle))
    assert states(bundle)["output"] == "ok"  # What is whole is asked all the same.


def test_a_model_that_is_cut_short_runs_no_more(bundle: Path) -> None:
    model = bundle / "model.tflite"
    model.write_bytes(model.read_bytes()[:-10])
    found = states(bundle)
    assert (found["files"], found["runs"], found["output"], found["app"]) == ("failed",) * 4


def test_another_model_under_its_name_is_found_by_what_it_gives(bundle: Path) -> None:
    write_sigmoid(bundle / "model.tflite", "ldr", "hdr", 32, inner="x")
    reseal(bundle, "model.tflite")
    assert said(bundle, "output").startswith("not what it was where it was written: mean ")
    found = states(bundle)
    assert (found["files"], found["runs"], found["output"]) == ("ok", "ok", "failed")
    assert (found["metadata"], found["app"]) == ("failed", "failed")
    assert "is not the bundle's model.tflite" in said(bundle, "app")


def test_rounding_of_another_processor_is_let_through_and_more_is_not(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = module.output_of
    # A network of floats; where there are integers, more is let through.
    for step, integers, state in (
        (1e-5, False, "ok"),
        (0.003, False, "failed"),
        (0.003, True, "ok"),
        (0.2, True, "failed"),
    ):
        monkeypatch.setattr(module, "_counts_in_integers", lambda _, integers=integers: integers)
        monkeypatch.setattr(module, "output_of", lambda *given, step=step: run(*given) + np.float32(step))
        assert states(bundle)["output"] == state
        assert ("as where it was written but for rounding" in said(bundle, "output")) == (state == "ok")


def test_differences_count_in_stops_above_a_floor() -> None:
    found = difference_in_stops(np.array([2.0, 0.5, 0.0, -1.0]), np.array([1.0, 1.0, 2.0**-10, 0.0]))
    np.testing.assert_allclose(found, [1, 1, 1, 0], atol=0.002)


def test_an_old_bundle_opens_and_says_what_it_lacks(old_bundle: Path) -> None:
    assert load_bundle(old_bundle).input_size == 32
    found = states(old_bundle)
    assert found == {
        **dict.fromkeys(("manifest", "files", "runs"), "ok"),
        **dict.fromkeys(("output", "metadata", "app", "texts"), "lacks"),
    }
    assert passed(check_bundle(old_bundle))
    assert said(old_bundle, "manifest").startswith("format 1, study 's', trial 3")
    assert said(old_bundle, "texts") == "pictures.png, sbom.json"


def test_what_is_no_bundle_is_said_to_be_none(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(bundle / "model.tflite", "model.tflite")
    (tmp_path / "empty").mkdir()
    for given, words in (
        (tmp_path / "none", "no bundle at"),
        (tmp_path / "b.zip", "is a zip archive; unpack it"),
        (bundle / "README.md", "is a file; give a folder"),
        (tmp_path / "empty", "so it is no bundle; give a folder"),
        (tmp_path, r"did you mean .*bundle\?"),
        (Path("default"), "holds what 'quantize' made, no bundle"),
    ):
        with pytest.raises(ModelFileError, match=words):
            check_bundle(given)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest["details"].update(format=3), "has the format 3; this version of mqn knows"),
        (lambda manifest: manifest["details"].update(format="x"), "has the format"),
        (lambda manifest: manifest["files"].update({"../../mine": "0" * 64}), "which is no file in its folder"),
        (lambda manifest: manifest.pop("files"), "files"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(bundle: Path, change, words: str) -> None:
    change_manifest(bundle, change)
    with pytest.raises(ModelFileError, match=words):
        check_bundle(bundle)


@pytest.mark.parametrize("details", [{"reference": 7}, {"reference": {"input": "README.md"}}, {"samples": {}}])
def test_details_that_somebody_made_up_fail_by_name(bundle: Path, details: dict) -> None:
    change_manifest(bundle, lambda manifest: manifest["details"].update(details))
    assert "failed" in states(bundle).values()

"""Resuming looks through what complete trials rest on: real loop, store and study, trivial stages."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.support.search_fakes import FakePipeline

from mqn.search.artifacts import ArtifactStore
from mqn.search.study.studies import open_study
from mqn.search.study.trials import records

pytestmark = pytest.mark.integration  # Whole studies run in a database.


def begun(log: Path) -> Counter[str]:
    return Counter(line.split()[1] for line in log.read_text().splitlines() if line.startswith("begin"))


@pytest.fixture
def finished(small: Any, make_study: Any, make_loop: Any, tmp_path: Path) -> Any:
    study = make_study(small)
    make_loop(study, FakePipeline(tmp_path / "first")).run()
    return study


def resume(study: Any, make_loop: Any, log: Path) -> Any:
    log.touch()
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log)).run()
    return again


@pytest.mark.parametrize(
    ("stage", "harm"),
    [
        ("train", "cut"),
        ("convert", "folder"),
        ("quantize", "change"),
        ("score", "remove"),
        ("measure", "manifest"),
        ("quantize", "empty"),
    ],
)
def test_what_a_complete_trial_rests_on_is_made_again(harm, stage, finished, make_loop, tmp_path, capsys):
    before = records(finished)
    number = 3
    folder = tmp_path / "artifacts" / stage / next(k for s, k in before[number].artifacts.items() if s[:5] == stage[:5])
    file = folder / "out.json"
    if harm == "folder":
        shutil.rmtree(folder)
    elif harm == "remove":
        file.unlink()
    elif harm == "manifest":
        (folder / "manifest.json").write_text("{")
    else:
        file.write_text({"change": "another", "cut": file.read_text()[:1], "empty": ""}[harm])
    log = tmp_path / "second"
    again = resume(finished, make_loop, log)
    assert begun(log) == {stage: 1}
    assert records(again) == before
    store = ArtifactStore(tmp_path / "artifacts")
    for record in before:
        assert all(store.find(step.partition("/")[0], key) for step, key in record.artifacts.items())
    told = [line for line in capsys.readouterr().err.splitlines() if "missing or damaged" in line]
    assert len(told) == {"train": 2, "convert": 2}.get(stage, 1)  # Plans of one network share these.
    assert f"made again: {before[number].artifacts and stage}" in told[-1]
    assert told[-1].endswith("its figures stay")


def test_a_whole_store_is_only_looked_through(finished, make_loop, tmp_path, capsys):
    resume(finished, make_loop, tmp_path / "second")
    assert begun(tmp_path / "second") == {}
    assert "damaged" not in capsys.readouterr().err


def test_everything_at_once_is_made_again_in_order(finished, make_loop, tmp_path):
    before = records(finished)
    shutil.rmtree(tmp_path / "artifacts")
    again = resume(finished, make_loop, tmp_path / "second")
    assert begun(tmp_path / "second") == {"train": 2, "convert": 2, "quantize": 4, "score": 4, "measure": 4}
    assert records(again) == before


def test_what_cannot_be_made_again_ends_no_study(finished, make_loop, tmp_path, capsys):
    before = records(finished)
    shutil.rmtree(tmp_path / "artifacts" / "convert")
    again = open_study("tiny", finished.url)
    make_loop(again, FakePipeline(tmp_path / "second", sick={"convert": -1.0})).run()
    assert records(again) == before
    assert "cannot be made again: convert (not the same network); its figures stay" in capsys.readouterr().err


def test_what_comes_out_as_another_is_found_under_its_new_name(finished, make_loop, tmp_path, capsys):
    class Other(FakePipeline):
        """Whose conversion goes by another name by now, as that of a checkpoint made on another machine."""

        def _make(self, stage: str, name: str, value: float, **options: Any) -> Any:
            return super()._make(stage, f"{name} anew" if stage == "convert" else name, value, **options)

    before = records(finished)
    shutil.rmtree(tmp_path / "artifacts" / "convert")
    again = open_study("tiny", finished.url)
    make_loop(again, Other(tmp_path / "second")).run()
    assert "made again: convert; not the same bit for bit: convert" in capsys.readouterr().err
    after = records(open_study("tiny", finished.url))
    store = ArtifactStore(tmp_path / "artifacts")
    for old, new in zip(before, after, strict=True):
        assert new.figures == old.figures
        assert new.artifacts["convert"] != old.artifacts["convert"]
        assert store.find("convert", new.artifacts["convert"])


def test_a_tuned_file_is_made_again_with_the_rewrites_that_were_chosen_before(small, make_study, make_loop, tmp_path):
    study = make_study(small)
    make_loop(study, FakePipeline(tmp_path / "first", gate=True, tune=True)).run()
    before = records(study)
    for record in before:
        shutil.rmtree(tmp_path / "artifacts" / "quantize" / record.artifacts["quantize"], ignore_errors=True)
        shutil.rmtree(tmp_path / "artifacts" / "untrained" / record.artifacts["gate/untrained"], ignore_errors=True)
    log = tmp_path / "second"
    log.touch()
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log, gate=True, tune=True)).run()
    assert begun(log) == {"quantize": len({record.artifacts["quantize"] for record in before})}
    assert [record.artifacts for record in records(again)] == [record.artifacts for record in before]

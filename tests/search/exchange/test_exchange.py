"""A study from one database into another: the same trials, the same front, and nothing half imported."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.shared_study import TELLING, fill, shared_space

from mqn.errors import StudyError, UsageError
from mqn.home import home
from mqn.parsing import to_plain
from mqn.search.artifacts import ArtifactStore
from mqn.search.budget.ledger import Ledger
from mqn.search.budget.opening import spent_of
from mqn.search.exchange.archive import open_archive
from mqn.search.exchange.exporting import choose_artifacts, write_archive
from mqn.search.exchange.importing import check_archive, insert_study, keep_space, store_artifacts
from mqn.search.exchange.moment import take_moment
from mqn.search.space.space import changed_keys
from mqn.search.space.space_file import load_space
from mqn.search.storage.store import connect
from mqn.search.storage.study_rows import read_trial_rows
from mqn.search.study.about import About
from mqn.search.study.studies import create_study, list_studies, open_study
from mqn.search.study.trials import records

pytestmark = pytest.mark.slow

TRIALS, FRONT = 12, {0, 1}


@pytest.fixture
def store(tmp_path):
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture
def study(make_study, store):
    made = make_study(shared_space(), "shared")
    fill(made, store, TRIALS)
    ledger = Ledger(made.store, "shared", "driver")
    ledger.open()
    ledger.write({("train-1", "training"): 5.0, ("driver", "hours"): 1.5, ("slot/driver", "training"): 0.0})
    return made


@pytest.fixture(scope="module")
def exported(tmp_path_factory, empty_database):
    """A file with the study, made once."""
    folder = tmp_path_factory.mktemp("exported")
    shutil.copy(empty_database, folder / "study.db")
    space, store = shared_space(), ArtifactStore(folder / "artifacts")
    about = About(space=space.definition, space_hash=space.hash, space_name="tiny")
    made = create_study("shared", f"sqlite:///{folder / 'study.db'}", about)
    fill(made, store, TRIALS)
    return export(made, store, folder / "s.zip")


@pytest.fixture
def other(tmp_path, empty_database):
    """The URL of another database."""
    shutil.copy(empty_database, tmp_path / "other.db")
    return f"sqlite:///{tmp_path / 'other.db'}"


def export(study, store, path, which="front"):
    moment = take_moment(study)
    load = choose_artifacts(moment.records, FRONT, store, which)
    write_archive(path, moment, load, store, licence="CC0", pages={"front.html": b"<p>"})
    return path


def bring(path, store, url, name=None):
    """Import a study, as the command does."""
    with open_archive(path) as archive:
        parcel = check_archive(archive, name)
        store_artifacts(archive, parcel, store)
        insert_study(archive, keep_space(archive, parcel), connect(url))
    return open_study(parcel.name, url)


def rows(study):
    return study.store.read(lambda session: read_trial_rows(session, study.optuna._study_id))


def test_trials_are_the_same_afterwards_but_for_what_tells_of_the_machine(study, store, tmp_path, other):
    there = ArtifactStore(tmp_path / "there")
    found = bring(export(study, store, tmp_path / "s.zip"), there, other)
    before, after = rows(study), rows(found)
    for one, two in zip(before, after, strict=True):
        assert replace(one, user={}, params={}) == replace(two, user={}, params={})
        assert {name: row.value for name, row in one.params.items()} == {n: row.value for n, row in two.params.items()}
    assert [trial.state for trial in after[-2:]] == ["RUNNING", "WAITING"]
    mine, theirs = records(study)[0], records(found)[0]
    assert (theirs.figures, theirs.device_figures) == (mine.figures, mine.device_figures)
    assert theirs.spans["train"] == replace(mine.spans["train"], host="machine-1")
    assert records(found)[9].error == "machine-1 cannot read x.png; ssh *** failed"
    assert spent_of(found.optuna, found.store).trainings == 1
    assert spent_of(found.optuna, found.store).hours == 1.5
    assert found.goal == TRIALS
    assert "tracked" not in found.optuna.user_attrs
    assert found.incomplete == TRIALS + 2


def test_nothing_in_the_file_tells_of_the_machine(study, store, tmp_path):
    path = export(study, store, tmp_path / "s.zip", "all")
    with zipfile.ZipFile(path) as file:
        texts = {info.filename: file.read(info).decode(errors="replace") for info in file.infolist()}
    words = (*TELLING, str(tmp_path), "log.txt", "mlflow.lab")
    assert {(name, word) for name, text in texts.items() for word in words if word in text + name} == set()
    assert "board-1a2b3c4d" in texts["study.json"]


@pytest.mark.parametrize(
    ("which", "stages"),
    [
        ("front", {"quantize": 2, "score": 2, "measure": 2, "history": TRIALS}),
        ("all", {"train": TRIALS, "quantize": TRIALS, "score": TRIALS, "measure": TRIALS}),
        ("none", {"history": TRIALS}),
    ],
)
def test_artifacts_that_were_asked_for_travel(which, stages, study, store, tmp_path, other):
    there = ArtifactStore(tmp_path / "there")
    found = bring(export(study, store, tmp_path / "s.zip", which), there, other)
    assert {stage: len(there.keys(stage)) for stage in stages} == stages
    assert len(there.keys()) == sum(stages.values())
    assert all(there.verify(there.get(*key)) for key in there.keys())  # noqa: SIM118 - no mapping
    assert found.incomplete == (0 if which == "all" else TRIALS + 2)


def test_the_space_file_makes_the_study_s_space_again(exported, tmp_path, other):
    with zipfile.ZipFile(exported) as file:
        (tmp_path / "space.toml").write_bytes(file.read("space.toml"))
    found = bring(exported, ArtifactStore(tmp_path / "there"), other)
    assert changed_keys(load_space(str(tmp_path / "space.toml")).definition, found.space.definition) == {}
    assert found.about.space_hash == found.space.hash


def test_a_study_of_the_same_name_stays_and_another_name_is_taken(study, store, tmp_path):
    path, url = export(study, store, tmp_path / "s.zip"), study.url
    before = rows(study)
    with pytest.raises(StudyError, match=r"study 'shared' exists already; import it under another name: --study NAME"):
        bring(path, store, url)
    assert rows(study) == before
    found = bring(path, store, url, "again")
    assert {record.study for record in records(found)} == {"again"}
    assert list(list_studies(url)) == ["shared", "again"]


def test_an_imported_study_is_exported_again(exported, tmp_path, other):
    there = ArtifactStore(tmp_path / "there")
    found = bring(exported, there, other)
    again = bring(export(found, there, tmp_path / "t.zip"), ArtifactStore(tmp_path / "third"), other, "again")
    assert to_plain(rows(again)[0].params) == to_plain(rows(found)[0].params)
    assert again.optuna.user_attrs["imported"]["from"] == "shared"
    assert len(ArtifactStore(tmp_path / "third").keys("history")) == TRIALS


def test_a_space_of_a_file_is_kept_for_resuming(study, store, tmp_path, other):
    about = {**study.optuna.user_attrs["mqn"], "space_name": "/home/alice/lab/my.toml", "data": "/home/alice/photos"}
    study.optuna.set_user_attr("mqn", about)
    found = bring(
        export(open_study("shared", study.url), store, tmp_path / "s.zip"), ArtifactStore(tmp_path / "t"), other
    )
    assert found.about.space_name == str(home() / "imported" / "shared.toml")
    assert Path(found.about.space_name).is_file()
    assert found.about.data == "photos"


def test_a_damaged_artifact_is_not_handed_on(study, store, tmp_path):
    model = store.path("quantize", "quantize-0") / "model.tflite"
    moment = take_moment(study)
    load = choose_artifacts(moment.records, FRONT, store, "front")
    model.write_bytes(b"other")
    with pytest.raises(
        StudyError, match=r"quantize/quantize-0 is damaged: model\.tflite is not what its manifest says"
    ):
        write_archive(tmp_path / "s.zip", moment, load, store, licence=None, pages={})
    assert not (tmp_path / "s.zip").exists()
    load = choose_artifacts(moment.records, FRONT, store, "front")
    assert load.missing == (("quantize", "quantize-0"),)


def _lines(change):
    """Change the trials of an archive, and its contents so that they agree."""

    def apply(files):
        trials = [json.loads(line) for line in files["trials.jsonl"].splitlines()]
        change(trials)
        files["trials.jsonl"] = "".join(json.dumps(trial) + "\n" for trial in trials).encode()

    return apply


def _study(change):
    def apply(files):
        study = json.loads(files["study.json"])
        change(study)
        files["study.json"] = json.dumps(study).encode()

    return apply


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_lines(lambda trials: trials[1].update(number=7)), "line 2: is trial 7, not 1"),
        (_lines(lambda trials: trials.pop()), "has 13 trials, not 14"),
        (_lines(lambda trials: trials[0].update(values=[])), "has 0 values for 2 objectives"),
        (_lines(lambda trials: trials[0].update(state="DONE")), "state"),
        (_lines(lambda trials: trials[0].update(begun="yesterday")), "yesterday"),
        (_lines(lambda trials: trials[0]["params"]["training.seed"].update(distribution={"name": "No"})), "line 1"),
        (_lines(lambda trials: trials[0]["user"]["record"].update(figures="x")), "line 1: 'str' object"),
        (_lines(lambda trials: trials[0]["user"].update({"k" * 600: 1})), "more than 512 characters"),
        (_study(lambda study: study["user"].pop("mqn")), "must be a table"),
        (_study(lambda study: study.update(directions=["MINIMIZE", "MINIMIZE"])), "directions"),
        (_study(lambda study: study["user"]["mqn"]["space"].update(sampler="none-such")), "none-such"),
        (lambda files: files.update({"artifacts/quantize/quantize-0/more": b"x"}), "belongs to no artifact"),
        (lambda files: files.pop("artifacts/quantize/quantize-0/model.tflite"), "names other files"),
        (lambda files: files.update({"histories/x.lock.json": b"[]"}), "cannot be the stage or key"),
        (lambda files: files.pop("space.toml"), r"has no space\.toml"),
    ],
)
def test_records_that_are_wrong_are_refused_before_anything_is_written(change, words, exported, tmp_path, other):
    path = Path(shutil.copy(exported, tmp_path / "s.zip"))
    _reseal(path, change)
    there = ArtifactStore(tmp_path / "there")
    with pytest.raises((StudyError, UsageError), match=words):
        bring(path, there, other)
    assert list_studies(other) == {}
    assert there.keys() == []


def _reseal(path, change):
    with zipfile.ZipFile(path) as file:
        files = {info.filename: file.read(info) for info in file.infolist()}
    contents = json.loads(files.pop("manifest.json"))
    change(files)
    contents["files"] = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        for name, content in files.items()
    }
    with zipfile.ZipFile(path, "w") as file:
        for name, content in (*files.items(), ("manifest.json", json.dumps(contents).encode())):
            file.writestr(name, content)


def test_a_kill_before_the_end_leaves_no_study(exported, tmp_path, other, monkeypatch):
    def killed(*_words):
        raise KeyboardInterrupt

    monkeypatch.setattr("mqn.search.exchange.importing.keep_spent", killed)
    there = ArtifactStore(tmp_path / "there")
    with pytest.raises(KeyboardInterrupt):
        bring(exported, there, other)
    assert list_studies(other) == {}
    monkeypatch.undo()
    assert bring(exported, there, other).begun() == TRIALS + 1

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.search_fakes import FakePipeline

from mqn.errors import TrackingError
from mqn.parsing import read_json
from mqn.search.artifacts import ArtifactStore
from mqn.search.retracking import Retracking
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.track.entries import RunEntry
from mqn.track.tracker import Tracker

pytestmark = pytest.mark.slow  # Whole studies of trivial stages.
AWAY = "http://127.0.0.1:9"


@pytest.fixture
def tracker(tmp_path, monkeypatch):
    """Writes into its spool and sends nothing; MLflow is what `mlflow` says."""
    monkeypatch.setattr("mqn.track.sending.delivery.Delivery.ask", lambda _: None)
    found: set[int] = set()

    def make(name: str = "spool") -> Tracker:
        made = Tracker(AWAY, tmp_path / name)
        made.logged_anywhere = lambda _: frozenset(found)
        made.found = found
        return made

    return make


@pytest.fixture
def finished(small, make_study, make_loop, tmp_path, monkeypatch) -> Callable[[Tracker], Study]:
    """A study of four trials whose driver had a tracker."""
    pipeline = FakePipeline(tmp_path / "log")

    def run(tracker: Tracker) -> Study:
        study = make_study(small)
        loop = make_loop(study, pipeline)
        loop.tracker, loop.tags = tracker, {"data_hash": "d"}
        loop.run()
        return open_study("tiny", study.url)

    return run


def entries(folder: Path) -> dict[int, RunEntry]:
    found = [read_json(RunEntry, path) for path in folder.rglob("[0-9]*.json")]
    return {entry.trial: entry for entry in found}


def timeless(entry: RunEntry) -> RunEntry:
    points = tuple(dataclasses.replace(point, at=0) for point in entry.points)
    return dataclasses.replace(entry, id="", started=0, ended=0, points=points)


def retracking(study: Study, tracker: Tracker, tmp_path: Path, **options: object) -> Retracking:
    return Retracking(
        study,
        tracker,
        ArtifactStore(tmp_path / "artifacts"),
        FakePipeline(tmp_path).logged,
        tags={"data_hash": "d"},
        **options,
    )


def test_the_same_is_logged_as_the_dead_driver_would_have(finished, tracker, tmp_path):
    dead, alive = tracker("dead"), tracker("alive")
    study, said = finished(dead), []
    dead.found.add(2)
    with retracking(study, alive, tmp_path, say=said.append):
        assert said == ["logging 3 trials that another driver finished and did not send to MLflow"]
    wanted, made = entries(tmp_path / "dead"), entries(tmp_path / "alive")
    assert made.keys() == {0, 1, 3}
    for number, entry in made.items():
        assert timeless(entry) == timeless(wanted[number])
        assert abs(entry.ended - wanted[number].ended) < 5000
        assert len(entry.points) > 0
    assert len(said) == 1  # Nothing more when it is left.


def test_a_study_whose_runs_are_all_complete_is_not_looked_up_again(finished, tracker, tmp_path):
    alive = tracker()
    study = finished(alive)
    with retracking(study, alive, tmp_path) as first:
        pass
    first.confirm()
    later = tracker("later")

    def fail(_: str) -> frozenset[int]:
        raise AssertionError("asked")

    later.logged_anywhere = fail
    again = open_study("tiny", study.url)
    with retracking(again, later, tmp_path):
        pass
    assert entries(tmp_path / "later") == {}
    # Another server knows nothing of them.
    other = Tracker("http://127.0.0.1:10", tmp_path / "other")
    other.logged_anywhere = lambda _: frozenset()
    assert retracking(again, other, tmp_path).mend() == 4


def test_what_a_living_driver_has_just_finished_is_its_own_to_log(finished, tracker, tmp_path):
    study, alive = finished(tracker("dead")), tracker("alive")
    busy = retracking(study, alive, tmp_path, others=lambda: ["another"])
    assert busy.mend() == 0
    busy.confirm()
    assert "tracked" not in study.optuna.user_attrs
    later = max(trial.datetime_complete.timestamp() for trial in study.trials()) + 61
    assert retracking(study, alive, tmp_path, others=lambda: ["another"], now=lambda: later).mend() == 4


def test_a_server_that_is_away_is_asked_at_the_end_again(finished, tracker, tmp_path):
    study, alive, said = finished(tracker("dead")), tracker("alive"), []

    def away(_: str) -> frozenset[int]:
        raise TrackingError("away")

    known, alive.logged_anywhere = alive.logged_anywhere, away
    with retracking(study, alive, tmp_path, say=said.append) as mending:
        mending.confirm()
        assert "tracked" not in study.optuna.user_attrs
        alive.logged_anywhere = known
    assert said[0] == "away; runs of trials that another driver finished may be missing there"
    assert entries(tmp_path / "alive").keys() == {0, 1, 2, 3}
    third = tracker("third")
    third.logged_anywhere = away
    with pytest.raises(TrackingError, match="away"):
        retracking(study, third, tmp_path).mend(strict=True)


def test_without_tracking_nothing_happens(finished, tracker, tmp_path):
    study, nowhere = finished(tracker("dead")), Tracker("", tmp_path)
    with retracking(study, nowhere, tmp_path) as mending:
        pass
    mending.confirm()
    assert "tracked" not in study.optuna.user_attrs

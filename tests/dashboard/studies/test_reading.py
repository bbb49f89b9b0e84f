"""A study is read anew where it has changed, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.watched_study import WatchedStudy

from mqn.dashboard.studies import live as live_module
from mqn.dashboard.studies.live import PERIOD_SECONDS, Live
from mqn.dashboard.studies.reading import StudyReader
from mqn.errors import DatabaseAwayError, NothingSatisfiesError, UnknownNameError
from mqn.search.artifacts import ArtifactStore
from mqn.search.storage.store import connect

pytestmark = pytest.mark.slow


@pytest.fixture
def watched(tmp_path: Path) -> WatchedStudy:
    return WatchedStudy("grown", f"sqlite:///{tmp_path / 'study.db'}")


@pytest.fixture
def reader(watched: WatchedStudy) -> StudyReader:
    return StudyReader("grown", connect(watched.store.url))


def states(reader: StudyReader) -> dict[int, str]:
    return {record.number: record.state for record in reader.look().records}


def test_trials_are_seen_as_they_begin_and_end(watched: WatchedStudy, reader: StudyReader) -> None:
    assert states(reader) == {}
    trial = watched.begin()
    assert states(reader) == {0: "running"}
    watched.end(trial)
    watched.add(state="failed", error="train: no", figures={}, verdicts={})
    assert states(reader) == {0: "complete", 1: "failed"}
    assert reader.state.counts["complete"] == 1
    assert reader.state.devices == ["board"]


def test_what_has_not_changed_is_not_read_again(
    watched: WatchedStudy, reader: StudyReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.add()
    first = reader.look()
    monkeypatch.setattr("mqn.dashboard.studies.reading.records", lambda _: pytest.fail("read again"))
    again = reader.look()
    assert (again.version, again.pulse, again.records) == (first.version, first.pulse, first.records)


def test_a_running_trial_that_comes_to_wait_is_seen(watched: WatchedStudy, reader: StudyReader) -> None:
    trial = watched.begin()
    before = reader.look().version
    watched.end(trial, state="held", waits="measure/board: unsteady", figures={}, verdicts={"board": "unsteady"})
    found = reader.look()
    assert found.version == before + 1
    assert [(record.state, record.waits) for record in found.records] == [("held", "measure/board: unsteady")]


def test_what_a_driver_says_is_a_pulse_and_changes_no_trial(watched: WatchedStudy, reader: StudyReader) -> None:
    watched.add()
    before = reader.look()
    watched.say(active=7)
    after = reader.look()
    assert (after.version, after.pulse) == (before.version, before.pulse + 1)
    assert [one.snapshot.active for one in after.told if one.snapshot] == [7]


def test_a_database_that_is_away_leaves_what_was_known(
    watched: WatchedStudy, reader: StudyReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.add()
    before = reader.look()

    def away(*_: Any) -> None:
        raise DatabaseAwayError("the database does not answer")

    with monkeypatch.context() as patch:
        patch.setattr("mqn.dashboard.studies.reading.read_told", away)
        lost = reader.look()
    assert (lost.records, lost.trouble) == (before.records, "the database does not answer; looking again")
    assert reader.look().trouble == ""


class Clocked:
    """Counts the looks, by a clock that stands still."""

    def __init__(self, watched: WatchedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.looks = 0.0, 0
        look = StudyReader.look

        def counted(reader: StudyReader) -> Any:
            self.looks += 1
            return look(reader)

        monkeypatch.setattr(live_module.StudyReader, "look", counted)
        self.live = Live(watched.store, ArtifactStore(tmp_path / "artifacts"), clock=lambda: self.now)


def test_however_many_ask_it_is_read_once_a_period(
    watched: WatchedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked = Clocked(watched, tmp_path, monkeypatch)
    assert [len(clocked.live.state("grown").records) for _ in range(3)] == [0, 0, 0]
    watched.add()
    clocked.now += PERIOD_SECONDS / 2
    assert (len(clocked.live.state("grown").records), clocked.looks) == (0, 1)
    clocked.now += PERIOD_SECONDS
    assert (len(clocked.live.state("grown").records), clocked.looks) == (1, 2)


def test_views_are_made_once_for_each_state_and_device(
    watched: WatchedStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked = Clocked(watched, tmp_path, monkeypatch)
    with pytest.raises(NothingSatisfiesError, match="no trials yet"):
        clocked.live.view("grown")
    watched.add()
    clocked.now += 1
    first = clocked.live.view("grown")
    assert clocked.live.view("grown") is first
    assert clocked.live.view("grown", "board") is not first
    watched.add()
    clocked.now += 1
    assert len(clocked.live.view("grown").records) == 2


def test_unknown_studies_are_named(watched: WatchedStudy, tmp_path: Path) -> None:
    artifacts = ArtifactStore(tmp_path / "artifacts")
    with pytest.raises(UnknownNameError, match="did you mean 'grown'"):
        Live(watched.store, artifacts, ["grwn"])
    live = Live(watched.store, artifacts)
    assert live.names == ["grown"]
    with pytest.raises(UnknownNameError):
        live.state("other")

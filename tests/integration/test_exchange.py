"""A study goes from SQLite to a real PostgreSQL server and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.rigs.postgres import Postgres, missing
from tests.support.shared_study import fill, shared_space

from mqn.errors import StudyError
from mqn.search.artifacts import ArtifactStore
from mqn.search.exchange.archive import open_archive
from mqn.search.exchange.exporting import choose_artifacts, write_archive
from mqn.search.exchange.importing import check_archive, insert_study, store_artifacts
from mqn.search.exchange.moment import take_moment
from mqn.search.storage.store import connect
from mqn.search.storage.study_rows import TrialRows, read_trial_rows
from mqn.search.study.about import About
from mqn.search.study.studies import create_study, open_study
from mqn.search.study.study import Study

pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(missing()), reason=missing())]


def carry(study: Study, store: ArtifactStore, file: Path, url: str) -> Study:
    moment = take_moment(study)
    load = choose_artifacts(moment.records, {0}, store, "front")
    write_archive(file, moment, load, store, licence=None, pages={})
    with open_archive(file) as archive:
        parcel = check_archive(archive, None)
        store_artifacts(archive, parcel, store)
        insert_study(archive, parcel, connect(url))
    return open_study(study.name, url)


def rows(study: Study) -> list[TrialRows]:
    key = study.optuna._study_id
    return study.store.read(lambda session: read_trial_rows(session, key))


def test_a_study_goes_to_postgresql_and_back(tmp_path: Path) -> None:
    space, store = shared_space(), ArtifactStore(tmp_path / "artifacts")
    about = About(space=space.definition, space_hash=space.hash, space_name="shared", data="/home/alice/photos")
    first = create_study("shared", f"sqlite:///{tmp_path / 'first.db'}", about)
    fill(first, store, 40)
    with Postgres() as server:
        second = carry(first, store, tmp_path / "one.zip", server.url)
        with pytest.raises(StudyError, match="exists already"):
            carry(first, store, tmp_path / "one.zip", server.url)
        third = carry(second, store, tmp_path / "two.zip", f"sqlite:///{tmp_path / 'third.db'}")
        assert rows(second) == rows(third)
        assert [trial.begun for trial in rows(second)] == [trial.begun for trial in rows(first)]
        trial = second.ask()  # The study goes on where it is.
        assert trial is not None
        assert trial.number == 41

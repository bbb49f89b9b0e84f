from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy.event
from sqlalchemy.engine import Engine

sys.path.insert(0, str(Path(__file__).parent))

from search_fakes import FakePipeline, grid_definition

from mqn.search.about import About
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine import InProcessEngine
from mqn.search.loop import Limits, Loop
from mqn.search.progress import Progress
from mqn.search.scheduler import Scheduler
from mqn.search.space import Space, parse_space
from mqn.search.study import Study, create_study
from mqn.track.tracker import Tracker


@sqlalchemy.event.listens_for(Engine, "connect")
def _do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    """No test of this room cuts the power: databases are not synced, which takes most of their time."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(autouse=True)
def _sync_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def grid() -> Space:
    return parse_space(grid_definition(), source="tiny.toml")


@pytest.fixture
def small() -> Space:
    """Two networks with two plans each."""
    dimensions = {"arch.attention": {"choices": ["none", "sa"]}}
    points = grid_definition()["points"][:2]
    return parse_space(grid_definition(dimensions=dimensions, points=points), source="small.toml")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables and no study: making them takes longer than most tests."""
    path = tmp_path_factory.mktemp("database") / "study.db"
    optuna.storages.RDBStorage(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture
def make_study(tmp_path: Path, empty_database: Path) -> Callable[..., Study]:
    def make(space: Space, name: str = "tiny", seed: int = 0) -> Study:
        if not (tmp_path / "study.db").exists():
            shutil.copy(empty_database, tmp_path / "study.db")
        about = About(space=space.definition, space_hash=space.hash, space_name="tiny", seed=seed)
        return create_study(name, f"sqlite:///{tmp_path / 'study.db'}", about)

    return make


@pytest.fixture
def make_loop(tmp_path: Path) -> Callable[..., Loop]:
    def make(
        study: Study,
        pipeline: FakePipeline,
        *,
        trials: int = 12,
        parallel: int = 3,
        hours: float | None = None,
        engine: InProcessEngine | None = None,
        **options: Any,
    ) -> Loop:
        store = ArtifactStore(tmp_path / "artifacts")
        return Loop(
            study=study,
            pipeline=pipeline,
            scheduler=Scheduler(store, engine or InProcessEngine(), **options),
            tracker=Tracker("", tmp_path / "spool"),
            progress=Progress(study.name, study.space, trials, []),
            limits=Limits(trials=trials, parallel=parallel, hours=hours),
        )

    return make

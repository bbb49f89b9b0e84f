from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy.event
from sqlalchemy.engine import Engine
from tests.support.in_process_engine import InProcessEngine
from tests.support.search_fakes import FakePipeline, grid_definition

from mqn.cli.study.live_progress import LiveProgress
from mqn.search.artifacts import ArtifactStore
from mqn.search.budget.budgets import Budgets
from mqn.search.budget.limits import Limits
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.study.loop import Loop
from mqn.search.study.studies import create_study
from mqn.search.study.study import Study
from mqn.search.work.scheduler import Scheduler
from mqn.track.tracker import Tracker


@sqlalchemy.event.listens_for(Engine, "connect")
def _do_not_wait_for_the_disk(connection: Any, _record: object) -> None:
    """No test of this room cuts the power: databases are not synced, which takes most of their time."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


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
        budgets: Budgets | None = None,
        engine: InProcessEngine | None = None,
        **options: Any,
    ) -> Loop:
        store = ArtifactStore(tmp_path / "artifacts")
        budgets = budgets or Budgets()
        return Loop(
            study=study,
            pipeline=pipeline,
            scheduler=Scheduler(store, engine or InProcessEngine(), account=budgets, **options),
            tracker=Tracker("", tmp_path / "spool"),
            progress=LiveProgress(study.name, study.space, trials, []),
            limits=Limits(trials=trials, parallel=parallel),
            budgets=budgets,
        )

    return make

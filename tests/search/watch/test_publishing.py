from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from mqn.search.storage import snapshots, tables
from mqn.search.storage.snapshots import make_snapshots, read_snapshots, remove_snapshot, write_snapshot
from mqn.search.watch import publishing
from mqn.search.watch.observing import Observer
from mqn.search.watch.publishing import Publisher
from mqn.search.watch.snapshot import read_snapshot


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path / 'study.db'}")
    tables.make_tables(engine)
    return engine


def read(engine: Engine, study: str = "s") -> list[Any]:
    with engine.connect() as connection:
        return read_snapshots(connection, study)


def test_a_driver_has_one_row_and_its_age(engine: Engine) -> None:
    assert read(engine) == []
    make_snapshots(engine, "s")
    write_snapshot(engine, "a", "s", "first")
    write_snapshot(engine, "b", "s", "other")
    write_snapshot(engine, "c", "another study", "x")
    write_snapshot(engine, "a", "s", "second")
    assert {row.driver: row.body for row in read(engine)} == {"a": "second", "b": "other"}
    assert all(0 <= row.age_seconds < 5 for row in read(engine))
    remove_snapshot(engine, "a")
    assert [row.driver for row in read(engine)] == ["b"]


def test_what_drivers_that_are_gone_left_is_removed(engine: Engine) -> None:
    make_snapshots(engine, "s")
    write_snapshot(engine, "gone", "s", "x")
    write_snapshot(engine, "elsewhere", "another study", "x")
    make_snapshots(engine, "s")
    assert read(engine) == []
    assert len(read(engine, "another study")) == 1


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_loop_s_steps_are_written_and_the_row_goes_with_the_driver(engine: Engine, busy: Any) -> None:
    now = [0.0]
    with Publisher(engine, "a", "s", Observer("s", goal=5), clock=lambda: now[0]) as publisher:
        publisher.step({}, busy())
        wait_for(lambda: read(engine))
        first = publisher.last
        now[0] = 1.0
        publisher.step({}, busy())
        assert publisher.last is first
        assert publisher.stepped == 1.0
        now[0] = 2.0
        publisher.step({}, busy())
        assert publisher.last is not first
        snapshot = read_snapshot(read(engine)[0].body)
        assert snapshot is not None
        assert snapshot.goal == 5
    assert read(engine) == []


def test_a_database_that_is_away_costs_the_row_only(engine: Engine, busy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def away(*_: Any) -> None:
        tries.append(1)
        raise sqlalchemy.exc.OperationalError("", {}, Exception("away"))

    monkeypatch.setattr(publishing, "write_snapshot", away)
    now = [0.0]
    with Publisher(engine, "a", "s", Observer("s"), clock=lambda: now[0]) as publisher:
        publisher.step({}, busy())
        wait_for(lambda: len(tries) == 1)
        monkeypatch.setattr(publishing, "write_snapshot", snapshots.write_snapshot)
        now[0] = 3.0
        publisher.step({}, busy())
        wait_for(lambda: read(engine))


def test_two_drivers_make_the_table_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: Any) -> None:
        raise sqlalchemy.exc.OperationalError("", {}, Exception("table mqn_snapshots already exists"))

    make_snapshots(engine, "s")
    monkeypatch.setattr(snapshots._TABLES, "create_all", made)
    make_snapshots(engine, "s")

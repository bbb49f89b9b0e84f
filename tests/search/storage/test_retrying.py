from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy.exc
from tests.support.records import make_trial

from mqn.errors import DatabaseAwayError, DiskError, FaultError, MissingLibraryError, StudyError
from mqn.search.storage.database import Database, as_named, open_database
from mqn.search.storage.retrying import Patience
from mqn.search.storage.store import connect
from mqn.search.study.studies import create_study, list_studies, open_study
from mqn.search.study.trials import count_states

URL = "postgresql://me:secret@far/studies"

FIGURES = {"psnr_tm": 1.0, "latency_ms/board": 2.0, "latency_ms": 2.0}


def sqlite_error(name: str, words: str = "the words") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorname = name
    return error


def wrapped(orig: Exception, kind: Any = sqlalchemy.exc.OperationalError, *, dead: bool = False) -> Exception:
    return kind("SELECT 1", {}, orig, connection_invalidated=dead)


def server_error(state: str | None, words: str = "server closed the connection unexpectedly\n\tat once") -> Exception:
    error = Exception(words)
    error.sqlstate = state  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (wrapped(sqlite_error("SQLITE_BUSY")), DatabaseAwayError),
        (wrapped(sqlite_error("SQLITE_BUSY_SNAPSHOT")), DatabaseAwayError),
        (wrapped(sqlite_error("SQLITE_LOCKED")), DatabaseAwayError),
        (wrapped(sqlite_error("SQLITE_FULL")), DiskError),
        (wrapped(sqlite_error("SQLITE_IOERR_WRITE")), DiskError),
        (wrapped(sqlite_error("SQLITE_READONLY_DBMOVED")), DiskError),
        (wrapped(sqlite_error("SQLITE_CORRUPT"), sqlalchemy.exc.DatabaseError), StudyError),
        (wrapped(sqlite_error("SQLITE_ERROR", "no such table: studies")), StudyError),
        (wrapped(server_error(None)), DatabaseAwayError),
        (wrapped(server_error("57P01"), dead=True), DatabaseAwayError),
        (wrapped(server_error("57P03")), DatabaseAwayError),
        (wrapped(server_error("40P01")), DatabaseAwayError),
        (wrapped(server_error("25006"), sqlalchemy.exc.InternalError), DatabaseAwayError),
        (wrapped(server_error("53100")), DiskError),
        (wrapped(server_error("28P01")), StudyError),
        (wrapped(server_error(None, 'FATAL:  database "studies" does not exist')), StudyError),
        (wrapped(server_error(None, 'FATAL:  password authentication failed for user "me"')), StudyError),
        (wrapped(server_error(None, "FATAL:  the database system is starting up")), DatabaseAwayError),
        (wrapped(server_error("42P01"), sqlalchemy.exc.ProgrammingError), StudyError),
        (sqlalchemy.exc.TimeoutError("QueuePool limit of size 5 overflow 10 reached"), DatabaseAwayError),
    ],
)
def test_every_failure_of_a_database_has_a_name(error, kind):
    named = as_named(error, URL)
    assert type(named) is kind
    assert "secret" not in str(named)
    assert "\n" not in str(named)
    assert "the study database postgresql://me:***@far/studies" in str(named)


@pytest.mark.parametrize(
    "error",
    [
        wrapped(sqlite_error("SQLITE_CONSTRAINT"), sqlalchemy.exc.IntegrityError),
        wrapped(server_error("22001"), sqlalchemy.exc.DataError),
        sqlalchemy.exc.InvalidRequestError("this session is closed"),
        ValueError("a"),
    ],
)
def test_a_programs_own_mistake_has_none(error):
    assert as_named(error, URL) is None


class Clock:
    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def away(until: float, clock: Clock) -> Callable[[bool], str]:
    def call(again: bool) -> str:
        assert again == (clock.now > 0)
        if clock.now < until:
            raise wrapped(server_error(None))
        return "answer"

    return call


def test_a_database_that_is_away_for_20_seconds_is_waited_for_with_growing_pauses():
    clock, told = Clock(), list[str]()
    patience = Patience(URL, 1800, clock=clock, sleep=clock.sleep)
    patience.say = told.append
    assert patience(away(20, clock)) == "answer"
    assert clock.slept == [0.5, 1, 2, 4, 8, 15]
    assert told == [
        "the study database postgresql://me:***@far/studies does not answer: server closed the connection "
        "unexpectedly; waiting for it, up to 30 minutes",
        "the study database is back after 30 s",
    ]


def test_patience_ends():
    clock = Clock()
    with pytest.raises(DatabaseAwayError, match="does not answer"):
        Patience(URL, 60, clock=clock, sleep=clock.sleep)(away(1e9, clock))
    assert 45 <= clock.now <= 60


def test_who_has_no_patience_asks_once():
    clock = Clock()
    with pytest.raises(DatabaseAwayError):
        Patience(URL, 0, clock=clock, sleep=clock.sleep)(away(1, clock))
    assert clock.slept == []


def test_a_database_that_is_away_when_a_study_is_resumed_is_waited_for(tmp_path, monkeypatch):
    clock, told = Clock(), list[str]()

    def open_late(url: str):
        if clock.now < 20:
            raise DatabaseAwayError("the study database does not answer: refused")
        return open_database(f"sqlite:///{tmp_path / 'study.db'}")

    monkeypatch.setattr("mqn.search.storage.store.open_database", open_late)
    patient = {"patience_seconds": 1800, "say": told.append, "clock": clock, "sleep": clock.sleep}
    with pytest.raises(DatabaseAwayError):
        connect(URL, **patient)
    assert list_studies(connect(URL, wait=True, **patient)) == {}
    assert told == [
        "the study database does not answer: refused; waiting for it, up to 30 minutes",
        "the study database is back after 30 s",
    ]


@pytest.mark.parametrize("state", ["28P01", "42P01"])
def test_what_a_database_refuses_is_not_asked_again(state):
    clock = Clock()

    def call(_again: bool) -> None:
        raise wrapped(server_error(state))

    with pytest.raises(StudyError, match="cannot be used"):
        Patience(URL, 1800, clock=clock, sleep=clock.sleep)(call)
    assert clock.slept == []


@pytest.fixture
def lossy(monkeypatch) -> Callable[[bool], None]:
    """Have the next commit fail once: before it is done, or behind it, so that only the answer is lost."""
    from sqlalchemy.orm import Session

    real, plan = Session.commit, list[bool]()

    def commit(session: Session) -> None:
        if not plan:
            return real(session)
        done = plan.pop()
        if done:
            real(session)
        raise wrapped(server_error(None), dead=True)

    monkeypatch.setattr(Session, "commit", commit)
    monkeypatch.setitem(Patience.__init__.__kwdefaults__, "sleep", lambda _: None)
    return plan.append


@pytest.mark.slow
@pytest.mark.parametrize("done", [True, False])
def test_what_lost_its_answer_is_done_once(done, grid, make_study, lossy):
    url = make_study(grid).url
    study = open_study("tiny", connect(url, patience_seconds=60))
    lossy(done)
    study.enqueue(grid.grid()[:2])
    assert count_states(study)["waiting"] == 2
    lossy(done)
    trial = study.ask()
    assert trial is not None
    assert (count_states(study)["interrupted"], count_states(study)["waiting"]) == (1, 1)
    record = make_trial(trial.number, study="tiny", candidate=grid.candidate(trial.params), figures=FIGURES)
    lossy(done)
    study.note(trial, record)
    lossy(done)
    study.finish(trial, record)
    assert count_states(study)["complete"] == 1
    (finished,) = [frozen for frozen in study.trials() if frozen.values]
    assert (finished.values, study.noted(finished)) == ([1.0, 2.0], record)


@pytest.mark.slow
@pytest.mark.parametrize("done", [True, False])
def test_a_drawn_trial_that_lost_its_answer_is_made_once(done, make_study, lossy, grid):
    from dataclasses import replace

    sampled = replace(grid, sampler="random", points=())
    study = open_study("tiny", connect(make_study(sampled).url, patience_seconds=60))
    lossy(done)
    assert study.ask() is not None
    assert len(study.trials()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("done", [True, False])
def test_a_study_that_lost_its_answer_is_made_once(done, grid, make_study, lossy, tmp_path):
    about = make_study(grid, "first").about
    store = connect(f"sqlite:///{tmp_path / 'study.db'}", patience_seconds=60)
    lossy(done)
    create_study("second", store, about)
    assert list(list_studies(store)) == ["first", "second"]


def test_a_locked_database_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("mqn.search.storage.database._SQLITE_SECONDS", 0)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    database = open_database(url)
    other = sqlite3.connect(tmp_path / "study.db")
    other.execute("BEGIN EXCLUSIVE")
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now > 20:
            other.rollback()

    def write(_again: bool) -> int:
        with database.engine.begin() as connection:
            return connection.execute(sqlalchemy.text("DELETE FROM trials")).rowcount

    assert Patience(url, 1800, clock=clock, sleep=sleep)(write) == 0
    assert clock.now > 20


@pytest.mark.parametrize(
    ("url", "kind", "message"),
    [
        ("no url", StudyError, "no such URL; check storage.study in the profile"),
        ("postgresql://me:secret@127.0.0.1:1/x", DatabaseAwayError, r"does not answer: .*refused"),
        ("postgres://me:secret@far/x", StudyError, "cannot open the study database"),
        (
            "mysql+pymysql://me:secret@far/x",
            MissingLibraryError,
            "needs the database driver pymysql: pip install pymysql",
        ),
        ("sqlite://", StudyError, "is forgotten when a command ends"),
        ("sqlite:///:memory:", StudyError, "is forgotten when a command ends"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line(url, kind, message):
    with pytest.raises(kind, match=message) as caught:
        connect(url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_postgresql_without_its_driver_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingLibraryError, match=r"needs the database driver psycopg: pip install .*\[postgres\]"):
        connect("postgresql://me:secret@far/x")


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "study.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StudyError, match="file is not a database"):
        connect(f"sqlite:///{tmp_path / 'study.db'}")


def test_faults_are_what_may_pass():
    assert issubclass(DatabaseAwayError, FaultError)


@pytest.mark.parametrize(
    "error",
    [
        sqlalchemy.exc.IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed: alembic_version")),
        sqlalchemy.exc.OperationalError("CREATE", {}, Exception("table studies already exists")),
    ],
)
def test_a_database_that_another_makes_at_the_same_time_is_opened_once_it_is_made(tmp_path, monkeypatch, error):
    tries, made = [], Database.__init__

    def make(database, url):
        tries.append(url)
        if len(tries) == 1:
            raise error
        made(database, url)

    monkeypatch.setattr(Database, "__init__", make)
    monkeypatch.setattr("mqn.search.storage.database.time.sleep", lambda _: None)
    assert connect(f"sqlite:///{tmp_path}/s.db").storage.get_all_studies() == []
    assert len(tries) == 2

"""The study's database: how it is opened, and how its failures are named.

Exceptions of SQLAlchemy, of its drivers and of Optuna become errors of `mqn.errors` here and nowhere else. A failure
that may pass is a `FaultError` (`DatabaseAwayError`, `DiskError`); `mqn.search.storage.retrying` tries again then.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import optuna
import sqlalchemy
import sqlalchemy.event
import sqlalchemy.exc
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.orm import Session

from mqn.distribution import database_driver
from mqn.errors import DatabaseAwayError, DiskError, FaultError, MissingLibraryError, MqnError, StudyError
from mqn.net.database_urls import sqlite_file
from mqn.net.sqlite_journal import keep_log
from mqn.text.redaction import redact

MARK = "mqn:mark"
"""System attribute of a trial that tells it from every other, so that a trial whose making was confirmed is not made
again where the confirmation was lost."""

_SQLITE_SECONDS = 20
_STALLED_SECONDS = 60
_OPENING_TRIES = 5
# libpq's options: a dead connection is noticed after about half a minute. The last is in milliseconds, the others in
# seconds.
_POSTGRES = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
# SQLSTATE classes of a server that refuses: data, constraints, password, no such database, syntax.
_REFUSALS = ("22", "23", "28", "3D", "42")
# The same in words, where there is no SQLSTATE: refused connections have none.
_REFUSING_WORDS = ("does not exist", "authentication failed", "no pg_hba.conf entry")
# SQLSTATEs of a standby that is not the primary yet, and of a stalled transaction.
_PASSING = ("25006", "25P03")


class Database(RDBStorage):
    """Optuna's storage. It makes a trial only once. A guard may stop each commit.

    `made` is called with each running trial that is made, in the transaction that makes it.
    """

    def __init__(self, url: str) -> None:
        """Connect, and make the tables where there are none. Use `open_database`."""
        super().__init__(url, engine_kwargs=_engine_arguments(url))
        self.guard: Callable[[Session], None] = lambda _: None
        self.made: Callable[[Session, int], None] = lambda _session, _trial: None
        self._begun: set[str] = set()
        _end_stalled_transactions(self.engine)
        file = sqlite_file(url)
        if file is not None:
            keep_log(self.engine, file)
        sqlalchemy.event.listen(self.scoped_session, "before_commit", lambda session: self.guard(session))

    def _get_prepared_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None, session: Session
    ) -> models.TrialModel:
        # Called within the transaction that locks the study. Optuna itself tries a failed one again.
        mark = None if template_trial is None else template_trial.system_attrs.get(MARK)
        if mark in self._begun:
            attribute = models.TrialSystemAttributeModel
            made = (
                session.query(models.TrialModel)
                .join(attribute, attribute.trial_id == models.TrialModel.trial_id)
                .filter(models.TrialModel.study_id == study_id)
                .filter(attribute.key == MARK, attribute.value_json == json.dumps(mark))
                .first()
            )
            if made is not None:
                return made
        if mark is not None:
            self._begun.add(mark)
        trial = super()._get_prepared_new_trial(study_id, template_trial, session)
        if trial.state == TrialState.RUNNING:
            self.made(session, trial.trial_id)
        return trial


def open_database(url: str) -> Database:
    """Connect to a database by its SQLAlchemy URL, and make its tables where there are none.

    Raises:
        DatabaseAwayError: it does not answer.
        DiskError: its disk is full or fails.
        MissingLibraryError: the driver of such databases is not installed.
        StudyError: the URL is malformed, or names no database of studies. Every message names the URL.
    """
    _check_url(url)
    for tries in range(_OPENING_TRIES):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return Database(url)
        except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            if _made_meanwhile(error) and tries + 1 < _OPENING_TRIES:
                time.sleep(0.2 * (tries + 1))
                continue
            raise _opening_error(url, error) from error
        except ImportError as error:
            raise MissingLibraryError(f"{shown(url)} {database_driver(url, error)}") from error
        except RuntimeError as error:  # Optuna on a database that another version has made.
            if _is_mlflows(url):
                raise StudyError(
                    f"cannot use the study database {shown(url)}: it is MLflow's; studies need a database of their own"
                ) from error
            raise StudyError(f"cannot use the study database {shown(url)}: {one_line(error)}") from error
    raise AssertionError("unreachable")


def _is_mlflows(url: str) -> bool:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
    with engine.connect() as connection:
        tables = sqlalchemy.inspect(connection)
        return tables.has_table("experiments") and tables.has_table("runs")


def _made_meanwhile(error: BaseException) -> bool:
    """Whether another process opened the empty database at the same time and made the tables first."""
    return isinstance(_database_error(error), sqlalchemy.exc.IntegrityError) or "already exists" in str(error)


def as_named(error: BaseException, url: str) -> MqnError | None:
    """The name of a failure that a call to Optuna's storage or to SQLAlchemy raised.

    Returns:
        A `FaultError` where another try may succeed, a `StudyError` where the database refuses; None where the
        program is wrong.
    """
    found = _database_error(error)
    if found is None or isinstance(found, (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.DataError)):
        return None
    kind, reason = _sort(found)
    if kind is None:
        return None
    if kind is StudyError:
        return StudyError(f"the study database {shown(url)} cannot be used: {reason}{_advise(reason)}")
    words = "fails" if kind is DiskError else "does not answer"
    return kind(f"the study database {shown(url)} {words}: {reason}")


def shown(url: str) -> str:
    """A URL as it may be printed: without its password."""
    return redact(url)


def one_line(error: BaseException) -> str:
    """The first line of an error, without secrets."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return redact(lines[0]) if lines else type(error).__name__


def _sort(error: sqlalchemy.exc.SQLAlchemyError) -> tuple[type[MqnError] | None, str]:
    """What kind of failure it is, and the driver's own words."""
    if isinstance(error, (sqlalchemy.exc.TimeoutError, sqlalchemy.exc.DisconnectionError)):
        return DatabaseAwayError, one_line(error)
    if not isinstance(error, sqlalchemy.exc.DBAPIError) or error.orig is None:
        return None, ""
    reason = one_line(error.orig)
    name = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return _sort_sqlite(str(name)), reason
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
    if state == "53100":
        return DiskError, reason
    if error.connection_invalidated or state in _PASSING:
        return DatabaseAwayError, reason
    if isinstance(error, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)):
        refused = state.startswith(_REFUSALS) or (not state and any(word in reason for word in _REFUSING_WORDS))
        return (StudyError if refused else DatabaseAwayError), reason
    return StudyError, reason


def _sort_sqlite(name: str) -> type[MqnError] | None:
    kind = name.removeprefix("SQLITE_").partition("_")[0]
    if kind in ("BUSY", "LOCKED"):
        return DatabaseAwayError
    if kind in ("FULL", "IOERR", "READONLY", "CANTOPEN", "PERM", "NOLFS", "PROTOCOL", "NOMEM"):
        return DiskError
    return None if kind == "MISUSE" else StudyError


def _database_error(error: BaseException | None) -> sqlalchemy.exc.SQLAlchemyError | None:
    while error is not None and not isinstance(error, sqlalchemy.exc.SQLAlchemyError):
        error = error.__cause__  # Optuna wraps them.
    return error


def _opening_error(url: str, error: BaseException) -> MqnError:
    named = as_named(error, url)
    found = _database_error(error)
    reason = one_line(getattr(found, "orig", None) or found or error)
    cannot_open = "unable to open database file" in reason
    if isinstance(named, FaultError) and not cannot_open:
        return named
    advice = _advise(reason) or "; check storage.study in the profile"
    return StudyError(f"cannot open the study database {shown(url)}: {reason}{advice}")


def _advise(reason: str) -> str:
    """What to do about a user of the database who may not do enough."""
    words = reason.lower()
    if "permission denied" not in words and "command denied" not in words:
        return ""
    return "; a driver's user has to read, write and make tables there"


def _check_url(url: str) -> None:
    """Refuse a malformed URL, and a database in memory, which is lost when the process ends."""
    try:
        parsed = make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise StudyError(
            f"cannot open the study database {shown(url)}: no such URL; check storage.study in the profile"
        ) from error
    if parsed.get_backend_name() == "sqlite" and (parsed.database or ":memory:") == ":memory:":
        raise StudyError(
            f"storage.study = {shown(url)!r} is forgotten when a command ends; name a file: sqlite:///FILE"
        )


def _engine_arguments(url: str) -> dict[str, Any]:
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return {"connect_args": {"timeout": _SQLITE_SECONDS}}
    if backend in ("mysql", "mariadb"):  # As the others: a transaction sees what another one committed meanwhile.
        return {"pool_pre_ping": True, "isolation_level": "READ COMMITTED"}
    if backend != "postgresql":
        return {"pool_pre_ping": True}
    arguments: dict[str, Any] = {key: value for key, value in _POSTGRES.items() if key not in parsed.query}
    return {"pool_pre_ping": True, "connect_args": arguments}


def _end_stalled_transactions(engine: Engine) -> None:
    """Have PostgreSQL end a transaction that stays open, so that a stopped driver does not block the others."""
    if engine.dialect.name != "postgresql":
        return

    def ask(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET SESSION idle_in_transaction_session_timeout = '{_STALLED_SECONDS}s'")
        cursor.close()
        connection.commit()

    sqlalchemy.event.listen(engine, "connect", ask)
    engine.dispose()  # Connections that are open already were not asked.

"""Our tables beside Optuna's: the drivers, the trials that they hold, and what they have claimed.

Times come from the database's clock: the clocks of two hosts are never compared.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
import sqlalchemy.exc
from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, String, Table, UniqueConstraint
from sqlalchemy.engine import Connection, Engine

_TABLES = MetaData()
_TRIES = 10

DRIVERS = Table(
    "mqn_drivers",
    _TABLES,
    Column("id", String(32), primary_key=True),
    Column("study", String(512), nullable=False),
    # 0, 1, ... of drivers; -1, -2, ... of one that needs the study alone. Older versions know 0 only.
    Column("seat", Integer, nullable=False),
    Column("host", String(255), nullable=False),
    Column("process", Integer, nullable=False),
    Column("machine", String(255), nullable=False),
    Column("started", String(64), nullable=False),
    Column("since", Float, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("beaten", Float, nullable=False),
    UniqueConstraint("study", "seat"),
)
HOLDS = Table(
    "mqn_holds",
    _TABLES,
    Column("trial", Integer, primary_key=True, autoincrement=False),
    Column("study", String(512), nullable=False),
    Column("driver", String(32), nullable=False),
)
CLAIMS = Table(
    "mqn_claims",
    _TABLES,
    Column("stage", String(64), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("driver", String(32), nullable=False, index=True),
)
"""A job, by stage and key, that a driver has done; or a lock between the drivers of a study."""


def make_tables(engine: Engine) -> None:
    """Make the tables where there are none."""
    for tries in range(_TRIES):
        try:
            _TABLES.create_all(engine)
        except sqlalchemy.exc.SQLAlchemyError as error:
            # Another driver is making them at the same time.
            made = isinstance(error, sqlalchemy.exc.IntegrityError) or "already exists" in str(error)
            if not made or tries + 1 == _TRIES:
                raise
        else:
            return


def now(connection: Connection) -> Any:
    """The database's clock as an SQL expression: seconds since 1970."""
    name = connection.dialect.name
    if name == "sqlite":
        return sqlalchemy.literal_column("((julianday('now') - 2440587.5) * 86400.0)", Float)
    if name in ("mysql", "mariadb"):
        return sqlalchemy.literal_column("unix_timestamp(now(6))", Float)
    return sqlalchemy.literal_column("cast(extract(epoch from clock_timestamp()) as double precision)", Float)

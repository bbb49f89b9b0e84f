"""What drivers say of themselves while they run: one row a driver, written every few seconds, read by `mqn status`.

A table of its own: it is written often, holds nothing that anybody needs later, and whoever lacks it loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy
from sqlalchemy import Column, Float, MetaData, String, Table, Text, delete, insert, select, update
from sqlalchemy.engine import Connection, Engine

from mqn.search.storage.tables import DRIVERS, now

LARGEST_CHARACTERS = 60_000
"""A row's text is no longer: MySQL's TEXT holds 65,535 bytes."""

_TABLES = MetaData()
_SNAPSHOTS = Table(
    "mqn_snapshots",
    _TABLES,
    Column("driver", String(32), primary_key=True),
    Column("study", String(512), nullable=False),
    Column("written", Float, nullable=False),
    Column("body", Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a driver said last: its id, how long ago by the database's clock, and the text."""

    driver: str
    age_seconds: float
    body: str


def make_snapshots(engine: Engine, study: str) -> None:
    """Make the table where there is none, and remove what drivers that are gone have left of a study."""
    try:
        _TABLES.create_all(engine)
    except sqlalchemy.exc.SQLAlchemyError as error:  # Another driver may have made it at the same time.
        if "already exists" not in str(error):
            raise
    with engine.begin() as connection:
        alive = select(DRIVERS.c.id)
        mine = _SNAPSHOTS.c.study == study
        connection.execute(delete(_SNAPSHOTS).where(mine, _SNAPSHOTS.c.driver.not_in(alive)))


def write_snapshot(engine: Engine, driver: str, study: str, body: str) -> None:
    """Replace what a driver said last. `body` has at most `LARGEST_CHARACTERS`."""
    with engine.begin() as connection:
        values = {"written": now(connection), "body": body}
        mine = _SNAPSHOTS.c.driver == driver
        if connection.execute(update(_SNAPSHOTS).where(mine).values(**values)).rowcount == 0:
            connection.execute(insert(_SNAPSHOTS).values(driver=driver, study=study, **values))


def remove_snapshot(engine: Engine, driver: str) -> None:
    """Remove what a driver said."""
    with engine.begin() as connection:
        connection.execute(delete(_SNAPSHOTS).where(_SNAPSHOTS.c.driver == driver))


def read_snapshots(connection: Connection, study: str) -> list[Row]:
    """What the drivers of a study said last, dead ones too; empty where no driver ever said anything."""
    if not sqlalchemy.inspect(connection).has_table(_SNAPSHOTS.name):
        return []
    columns = _SNAPSHOTS.c.driver, (now(connection) - _SNAPSHOTS.c.written).label("age"), _SNAPSHOTS.c.body
    rows = connection.execute(select(*columns).where(_SNAPSHOTS.c.study == study))
    return [Row(driver=row.driver, age_seconds=float(row.age), body=row.body) for row in rows]

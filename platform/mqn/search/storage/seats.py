"""A driver's row in the database: taken, kept by signs of life, left, or removed by another driver."""

from __future__ import annotations

import sqlalchemy.exc
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection, Engine

from mqn.search.storage.drivers import Driver, own_row, read_drivers
from mqn.search.storage.tables import CLAIMS, DRIVERS, HOLDS, now


def take_seat(engine: Engine, driver: str, study: str, *, alone: bool) -> bool:
    """Take the first free seat of a study: 0, 1, ...; below 0 where the driver needs the study alone.

    Returns:
        Whether the driver has a seat; False where another was faster: try again.
    """
    with engine.connect() as connection:
        if has_seat(connection, driver):  # An earlier try was carried out, and its answer was lost.
            return True
        taken = {other.seat for other in read_drivers(connection, study)}
    seat = -1 if alone else 0
    while seat in taken:
        seat += -1 if alone else 1
    try:
        with engine.begin() as connection:
            moment = now(connection)
            row = own_row(driver, study, seat)
            connection.execute(insert(DRIVERS).values(**row, since=moment, beaten=moment))
    except sqlalchemy.exc.IntegrityError:
        return False
    return True


def has_seat(connection: Connection, driver: str) -> bool:
    """Whether a driver has a seat."""
    return connection.execute(select(DRIVERS.c.id).where(DRIVERS.c.id == driver)).first() is not None


def give_sign(engine: Engine, driver: str) -> bool:
    """Give a sign of life. Returns whether the driver still has its seat."""
    with engine.begin() as connection:
        mine = update(DRIVERS).where(DRIVERS.c.id == driver)
        return connection.execute(mine.values(beat=DRIVERS.c.beat + 1, beaten=now(connection))).rowcount == 1


def leave_seat(engine: Engine, driver: str) -> None:
    """Leave a seat, with all that the driver held and had claimed."""
    with engine.begin() as connection:
        connection.execute(delete(DRIVERS).where(DRIVERS.c.id == driver))
        _release(connection, driver)


def remove_driver(engine: Engine, driver: Driver) -> None:
    """Remove a driver that is dead, with all that it held, unless it gave a sign of life meanwhile."""
    with engine.begin() as connection:
        unchanged = (DRIVERS.c.id == driver.id) & (DRIVERS.c.beat == driver.beat)
        if connection.execute(delete(DRIVERS).where(unchanged)).rowcount == 1:
            _release(connection, driver.id)


def _release(connection: Connection, driver: str) -> None:
    connection.execute(delete(HOLDS).where(HOLDS.c.driver == driver))
    connection.execute(delete(CLAIMS).where(CLAIMS.c.driver == driver))

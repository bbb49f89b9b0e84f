"""What a study has spent, as its database keeps it: a table beside Optuna's.

A driver has a row for each kind of hours, in which it writes its own sum, so that writing twice changes nothing. A
training has a row with its epochs, so that it counts once, however many drivers begin it. All drivers together have
spent the sum of the rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy
import sqlalchemy.exc
from sqlalchemy import (
    Column,
    Float,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Connection

from mqn.profile_tables.budget import TIMED, BudgetProfile
from mqn.search.budget.spent import Spent
from mqn.search.storage.drivers import read_drivers
from mqn.search.storage.store import StudyStore

TRAINING = "training"
"""Rows of this kind are trainings: `source` is the key, `amount` the epochs."""

PART = "part"
"""Rows of this kind are later parts of trainings: `source` is the key of the part, `amount` its epochs."""

RESERVED = "reserved"
"""The same for trainings that have their place and have not begun: their trials may still end at the gate."""

_SLOT, _LOCK = "slot/", "lock"
_TABLES = MetaData()
SPENT = Table(
    "mqn_spent",
    _TABLES,
    Column("study", String(512), nullable=False),
    Column("source", String(80), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("amount", Float, nullable=False),
    PrimaryKeyConstraint("study", "source", "kind"),
)
Rows = Mapping[tuple[str, str], float]
"""By source and kind."""


class Ledger:
    """The rows of one study."""

    def __init__(self, store: StudyStore, study: str, driver: str) -> None:
        """Prepare; `driver` is unique to this run of the driver."""
        self._engine, self._patiently = store.database.engine, store.patience
        self.study, self.driver = study, driver

    def open(self) -> None:
        """Make the table where there is none, and forget the places that drivers took which are gone."""

        def make(_again: bool) -> None:
            make_spent(self._engine)
            with self._engine.begin() as connection:
                alive = [_SLOT + driver.id for driver in read_drivers(connection, self.study)]
                slots = SPENT.c.source.startswith(_SLOT) & SPENT.c.source.not_in(alive)
                connection.execute(delete(SPENT).where(self._ours, slots))

        self._patiently(make)

    def totals(self) -> Spent:
        """What all drivers have spent."""
        return self._patiently(lambda _: self._totals())

    def trainings(self) -> frozenset[str]:
        """The keys of the trainings that were begun or have their place."""

        def read(_again: bool) -> frozenset[str]:
            with self._engine.connect() as connection:
                keys = select(SPENT.c.source).where(self._ours, SPENT.c.kind.in_((TRAINING, RESERVED)))
                return frozenset(connection.execute(keys).scalars())

        return self._patiently(read)

    def write(self, rows: Rows, *, patient: bool = True) -> None:
        """Set rows to these amounts, all or none of them; `patient` waits for a database that is away."""

        def put(_again: bool) -> None:
            with self._engine.begin() as connection:
                for (source, kind), amount in rows.items():
                    self._put(connection, source, kind, amount)
                    if kind == TRAINING:
                        self._drop(connection, source, RESERVED)

        if rows and patient:
            self._patiently(put)
        elif rows:
            with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
                put(False)

    def take_place(self, limits: BudgetProfile) -> bool:
        """Take the place of one more training, before it is known which; False where the budget has none left.

        Drivers that ask at the same time come one after the other.
        """

        def take(_again: bool) -> bool:
            with self._engine.begin() as connection:
                self._put(connection, _LOCK, _LOCK, 0.0)  # Holds others back until this transaction has ended.
                count, epochs = self._count(connection, but=_SLOT + self.driver)
                free = count < (limits.trainings or count + 1) and epochs < (limits.epochs or epochs + 1)
                if free:
                    self._put(connection, _SLOT + self.driver, TRAINING, 0.0)
                return free

        return self._patiently(take)

    def fill_place(self, key: str | None, epochs: int) -> None:
        """Say which training has the place that was taken; None gives it back."""

        def fill(_again: bool) -> None:
            with self._engine.begin() as connection:
                self._drop(connection, _SLOT + self.driver, TRAINING)
                begun = select(SPENT.c.source).where(self._ours, SPENT.c.source == key, SPENT.c.kind == TRAINING)
                if key is not None and connection.execute(begun).first() is None:
                    self._put(connection, key, RESERVED, epochs)

        self._patiently(fill)

    def release(self, key: str) -> None:
        """Give back the place of a training that nobody has begun."""

        def drop(_again: bool) -> None:
            with self._engine.begin() as connection:
                self._drop(connection, key, RESERVED)

        self._patiently(drop)

    @property
    def _ours(self) -> Any:
        return SPENT.c.study == self.study

    def _put(self, connection: Connection, source: str, kind: str, amount: float) -> None:
        row = {"study": self.study, "source": source, "kind": kind}
        same = self._ours & (SPENT.c.source == source) & (SPENT.c.kind == kind)
        if connection.execute(update(SPENT).where(same).values(amount=amount)).rowcount == 0:
            connection.execute(insert(SPENT).values(**row, amount=amount))

    def _drop(self, connection: Connection, source: str, kind: str) -> None:
        connection.execute(delete(SPENT).where(self._ours, SPENT.c.source == source, SPENT.c.kind == kind))

    def _count(self, connection: Connection, but: str) -> tuple[int, float]:
        told = select(func.count(), func.sum(SPENT.c.amount))
        counted = told.where(self._ours, SPENT.c.kind.in_((TRAINING, RESERVED)), SPENT.c.source != but)
        count, epochs = connection.execute(counted).one()
        _, more = connection.execute(told.where(self._ours, SPENT.c.kind == PART)).one()
        return int(count), float(epochs or 0.0) + float(more or 0.0)

    def _totals(self) -> Spent:
        told = select(SPENT.c.kind, func.count(), func.sum(SPENT.c.amount))
        with self._engine.connect() as connection:
            if not sqlalchemy.inspect(connection).has_table(SPENT.name):
                return Spent()
            rows = connection.execute(told.where(self._ours).group_by(SPENT.c.kind)).all()
        count = {kind: int(number) for kind, number, _ in rows}
        amount = {kind: float(total) for kind, _, total in rows}
        return Spent(
            trainings=count.get(TRAINING, 0) + count.get(RESERVED, 0),
            epochs=round(sum(amount.get(kind, 0.0) for kind in (TRAINING, RESERVED, PART))),
            **{name: amount.get(name, 0.0) for name in TIMED},
        )


def spent_rows(store: StudyStore, study: str) -> dict[tuple[str, str], float]:
    """What a study has spent, by source and kind, without places that drivers only hold: another database keeps it."""

    def read(_again: bool) -> dict[tuple[str, str], float]:
        with store.database.engine.connect() as connection:
            if not sqlalchemy.inspect(connection).has_table(SPENT.name):
                return {}
            asked = select(SPENT.c.source, SPENT.c.kind, SPENT.c.amount).where(SPENT.c.study == study)
            rows = connection.execute(asked.order_by(SPENT.c.source, SPENT.c.kind)).all()
        lasting = [row for row in rows if row.kind not in (RESERVED, _LOCK) and not row.source.startswith(_SLOT)]
        return {(row.source, row.kind): float(row.amount) for row in lasting}

    return store.patience(read)


def keep_spent(connection: Connection, study: str, rows: Rows) -> None:
    """Write what a new study has spent, in the connection's transaction; the table is there (`make_spent`)."""
    connection.execute(delete(SPENT).where(SPENT.c.study == study))  # A study of that name that is gone.
    values = [
        {"study": study, "source": source, "kind": kind, "amount": amount} for (source, kind), amount in rows.items()
    ]
    if values:
        connection.execute(insert(SPENT), values)


def forget_spent(store: StudyStore, study: str) -> None:
    """Remove a study's rows."""
    with store.database.engine.begin() as connection:
        if sqlalchemy.inspect(connection).has_table(SPENT.name):
            connection.execute(delete(SPENT).where(SPENT.c.study == study))


def make_spent(engine: sqlalchemy.Engine) -> None:
    """Make the table where there is none."""
    try:
        _TABLES.create_all(engine)
    except sqlalchemy.exc.SQLAlchemyError as error:
        if "already exists" not in str(error):
            raise

"""Writes trials into Optuna's tables, as Optuna would: many in one transaction, and each with all it has at once."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from mqn.search.storage.database import MARK
from mqn.search.storage.trial_reading import (
    PARAMS,
    SYSTEM_ATTRIBUTES,
    TRIALS,
    USER_ATTRIBUTES,
    VALUES,
    last_trial,
)

_LATER = (
    select(TRIALS.c.trial_id, TRIALS.c.number)
    .where(TRIALS.c.study_id == bindparam("of_study"), TRIALS.c.trial_id > bindparam("last"))
    .order_by(TRIALS.c.number)
)

Value = tuple[Any, BaseDistribution]
"""A parameter's value and what it was drawn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTrial:
    """A trial that is made.

    Attributes:
        state: `WAITING` or `RUNNING`.
        params: values by name; none while it waits.
        system: Optuna's attributes.
        user: ours.
    """

    state: TrialState
    params: Mapping[str, Value] = field(default_factory=dict)
    system: Mapping[str, Any] = field(default_factory=dict)
    user: Mapping[str, Any] = field(default_factory=dict)


class OutrunError(Exception):
    """Another driver made a trial meanwhile."""


def make_trials(
    session: Session, study: int, trials: Sequence[NewTrial], *, mark: str, number: int | None = None, again: bool
) -> list[tuple[int, int]]:
    """Make trials, in a transaction that holds the study alone (`StudyStore.write`).

    Args:
        session: of the database.
        study: Optuna's id of the study.
        trials: what is made, in this order.
        mark: tells these trials from all others, so that they are not made twice.
        number: what the first one's number has to be; None: it may be any.
        again: whether an earlier try may have made them.

    Returns:
        Each trial's id and number.

    Raises:
        OutrunError: the next number is another one.
    """
    if again and (made := _find_marked(session, study, mark)):
        return made
    last, latest = last_trial(session, study)
    if number is not None and number != latest + 1:
        raise OutrunError
    now = _now()
    rows = [
        {
            "study_id": study,
            "number": latest + 1 + i,
            "state": trial.state,
            "datetime_start": now if trial.state == TrialState.RUNNING else None,
        }
        for i, trial in enumerate(trials)
    ]
    _insert(session, TRIALS, rows)
    asked = {"of_study": study, "last": last}
    made = [(row.trial_id, row.number) for row in session.connection().execute(_LATER, asked)]
    pairs = [(made_id, trial) for (made_id, _), trial in zip(made, trials, strict=True)]
    _insert(session, PARAMS, [row for made_id, trial in pairs for row in _param_rows(made_id, trial.params)])
    marked = [(made_id, {**trial.system, MARK: mark}) for made_id, trial in pairs]
    _insert(session, SYSTEM_ATTRIBUTES, [row for made_id, attrs in marked for row in _attribute_rows(made_id, attrs)])
    _insert(session, USER_ATTRIBUTES, [row for made_id, trial in pairs for row in _attribute_rows(made_id, trial.user)])
    return made


def begin_trial(
    session: Session, trial: int, params: Mapping[str, Value], system: Mapping[str, Any], *, again: bool
) -> bool:
    """Set a waiting trial running, with its values.

    Returns:
        Whether it is running by this; False: another driver was faster. `again`: an earlier try may have done it.
    """
    begun = _change_state(session, trial, TrialState.WAITING, state=TrialState.RUNNING, datetime_start=_now())
    if begun:
        _insert(session, PARAMS, _param_rows(trial, params))
        _insert(session, SYSTEM_ATTRIBUTES, _attribute_rows(trial, system))
    elif again:
        state = session.execute(select(TRIALS.c.state).where(TRIALS.c.trial_id == trial)).scalar()
        return state == TrialState.RUNNING
    return begun


def add_params(session: Session, trial: int, params: Mapping[str, Value]) -> None:
    """Give a running trial values, in place of those it has under the same names."""
    session.execute(delete(PARAMS).where(PARAMS.c.trial_id == trial, PARAMS.c.param_name.in_(list(params))))
    _insert(session, PARAMS, _param_rows(trial, params))


def set_aside(session: Session, trial: int, user: Mapping[str, Any]) -> None:
    """End a trial that has not ended as failed, with some attributes."""
    for state in (TrialState.WAITING, TrialState.RUNNING):
        if _change_state(session, trial, state, state=TrialState.FAIL, datetime_complete=_now()):
            put_attributes(session, USER_ATTRIBUTES, trial, user)


def put_attributes(session: Session, table: Any, trial: int, attributes: Mapping[str, Any]) -> None:
    """Write attributes of a trial, in place of those it has under the same keys."""
    if not attributes:
        return
    session.connection().execute(_deletion(table), {"of_trial": trial, "keys": list(attributes)})
    _insert(session, table, _attribute_rows(trial, attributes))


def end_trial(session: Session, trial: int, state: TrialState, values: Sequence[float] | None) -> bool:
    """End a running trial. False: it has ended already, and stays as it is."""
    ended = _change_state(session, trial, TrialState.RUNNING, state=state, datetime_complete=_now())
    if ended and values is not None:
        stored = [models.TrialValueModel.value_to_stored_repr(value) for value in values]
        rows = [
            {"trial_id": trial, "objective": i, "value": value, "value_type": kind}
            for i, (value, kind) in enumerate(stored)
        ]
        _insert(session, VALUES, rows)
    return ended


def _change_state(session: Session, trial: int, old: TrialState, **values: Any) -> bool:
    changing = _change(tuple(values))
    found = session.connection().execute(changing, {"of_trial": trial, "old": old, **values})
    return found.rowcount == 1


def _find_marked(session: Session, study: int, mark: str) -> list[tuple[int, int]]:
    columns = SYSTEM_ATTRIBUTES.c
    asked = select(TRIALS.c.trial_id, TRIALS.c.number).join(SYSTEM_ATTRIBUTES, columns.trial_id == TRIALS.c.trial_id)
    marked = asked.where(TRIALS.c.study_id == study, columns.key == MARK, columns.value_json == json.dumps(mark))
    return [(row.trial_id, row.number) for row in session.execute(marked.order_by(TRIALS.c.number))]


def _param_rows(trial: int, params: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [
        {
            "trial_id": trial,
            "param_name": name,
            "param_value": distribution.to_internal_repr(value),
            "distribution_json": distribution_to_json(distribution),
        }
        for name, (value, distribution) in params.items()
    ]


def _attribute_rows(trial: int, attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"trial_id": trial, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()]


def _insert(session: Session, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.connection().execute(_insertion(table), rows)


# Statements are built once: building one takes as long as SQLite takes for it.


@functools.cache
def _insertion(table: Any) -> Any:
    return insert(table)


@functools.cache
def _deletion(table: Any) -> Any:
    return delete(table).where(
        table.c.trial_id == bindparam("of_trial"), table.c.key.in_(bindparam("keys", expanding=True))
    )


@functools.cache
def _change(columns: tuple[str, ...]) -> Any:
    mine = update(TRIALS).where(TRIALS.c.trial_id == bindparam("of_trial"), TRIALS.c.state == bindparam("old"))
    return mine.values({column: bindparam(column) for column in columns})


def _now() -> datetime.datetime:
    """As Optuna keeps it: UTC, without its zone."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)

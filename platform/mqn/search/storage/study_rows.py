"""A whole study as plain rows: read from Optuna's tables, and written into those of any other database."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from mqn.search.storage.trial_reading import PARAMS, SYSTEM_ATTRIBUTES, TRIALS, USER_ATTRIBUTES, VALUES

_STUDIES = models.StudyModel.__table__
_DIRECTIONS = models.StudyDirectionModel.__table__
_STUDY_USER = models.StudyUserAttributeModel.__table__
_STUDY_SYSTEM = models.StudySystemAttributeModel.__table__
_KINDS = models.TrialValueModel.TrialValueType
_AT_A_TIME = 500
"""Trials that are written with one statement a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRows:
    """What a study has besides its trials.

    Attributes:
        directions: of the objectives, in their order.
        user: ours, by key.
        system: Optuna's and the samplers', by key.
    """

    directions: tuple[Literal["MINIMIZE", "MAXIMIZE"], ...]
    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamRow:
    """A parameter: its value as Optuna stores it, and what it was drawn from, as Optuna's JSON."""

    value: float
    distribution: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRow:
    """An objective's value; None where the kind is an infinity."""

    value: float | None
    kind: Literal["FINITE", "INF_POS", "INF_NEG"] = "FINITE"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRows:
    """A trial.

    Attributes:
        number: 0, 1, ... in the order in which trials were made.
        state: Optuna's.
        begun: when it began, ISO 8601 in UTC without its zone, as Optuna keeps it; None: it waits.
        ended: when it ended, likewise.
        params: by name.
        values: one an objective; none before its end.
        user: ours, its record among them, by key.
        system: Optuna's and the samplers', by key.
    """

    number: int
    state: Literal["COMPLETE", "FAIL", "PRUNED", "RUNNING", "WAITING"]
    begun: str | None = None
    ended: str | None = None
    params: dict[str, ParamRow] = field(default_factory=dict)
    values: tuple[ValueRow, ...] = ()
    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)


def read_study_rows(session: Session, study: int) -> StudyRows:
    """Read what a study has besides its trials; `study` is Optuna's id."""
    columns = _DIRECTIONS.c
    asked = select(columns.direction).where(columns.study_id == study).order_by(columns.objective)
    return StudyRows(
        directions=tuple(direction.name for direction in session.execute(asked).scalars()),
        user=_read_attributes(session, _STUDY_USER, study),
        system=_read_attributes(session, _STUDY_SYSTEM, study),
    )


def read_trial_rows(session: Session, study: int) -> list[TrialRows]:
    """Read all trials of a study by number, in one query a table; `study` is Optuna's id."""
    # States first: what a trial has in a state is written together with it, so that no ended trial lacks anything.
    columns = TRIALS.c
    asked = select(columns.trial_id, columns.number, columns.state, columns.datetime_start, columns.datetime_complete)
    trials = session.execute(asked.where(columns.study_id == study).order_by(columns.number)).all()
    params: dict[int, dict[str, ParamRow]] = defaultdict(dict)
    asked = select(PARAMS.c.trial_id, PARAMS.c.param_name, PARAMS.c.param_value, PARAMS.c.distribution_json)
    for trial, name, value, text in session.execute(_of(asked, PARAMS, study).order_by(PARAMS.c.param_id)):
        params[trial][name] = ParamRow(value=value, distribution=json.loads(text))
    values: dict[int, list[ValueRow]] = defaultdict(list)
    asked = select(VALUES.c.trial_id, VALUES.c.value, VALUES.c.value_type)
    for trial, value, kind in session.execute(_of(asked, VALUES, study).order_by(VALUES.c.objective)):
        values[trial].append(ValueRow(value=value, kind=kind.name))
    user, system = (_read_trial_attributes(session, table, study) for table in (USER_ATTRIBUTES, SYSTEM_ATTRIBUTES))
    return [
        TrialRows(
            number=number,
            state=state.name,
            begun=_text(begun),
            ended=_text(ended),
            params=params.get(trial, {}),
            values=tuple(values.get(trial, ())),
            user=user.get(trial, {}),
            system=system.get(trial, {}),
        )
        for trial, number, state, begun, ended in trials
    ]


def write_study_rows(session: Session, name: str, study: StudyRows, trials: Sequence[TrialRows]) -> int:
    """Write a new study with its trials, in the session's transaction; returns Optuna's id of it.

    Raises:
        sqlalchemy.exc.IntegrityError: there is a study of that name.
    """
    connection = session.connection()
    made = connection.execute(insert(_STUDIES).values(study_name=name)).inserted_primary_key
    assert made is not None
    key = int(made[0])
    _insert(
        session,
        _DIRECTIONS,
        [
            {"study_id": key, "objective": i, "direction": StudyDirection[word]}
            for i, word in enumerate(study.directions)
        ],
    )
    for table, attributes in ((_STUDY_USER, study.user), (_STUDY_SYSTEM, study.system)):
        _insert(session, table, [{"study_id": key, **row} for row in _attribute_rows(attributes)])
    for begin in range(0, len(trials), _AT_A_TIME):
        _write_trials(session, key, trials[begin : begin + _AT_A_TIME])
    return key


def _write_trials(session: Session, study: int, trials: Sequence[TrialRows]) -> None:
    _insert(
        session,
        TRIALS,
        [
            {
                "study_id": study,
                "number": trial.number,
                "state": TrialState[trial.state],
                "datetime_start": _moment(trial.begun),
                "datetime_complete": _moment(trial.ended),
            }
            for trial in trials
        ],
    )
    numbers = [trial.number for trial in trials]
    asked = select(TRIALS.c.number, TRIALS.c.trial_id).where(TRIALS.c.study_id == study)
    found = session.execute(asked.where(TRIALS.c.number.between(numbers[0], numbers[-1])))
    ids = {row.number: row.trial_id for row in found}
    keyed = [(ids[trial.number], trial) for trial in trials]
    _insert(
        session,
        PARAMS,
        [
            {
                "trial_id": key,
                "param_name": name,
                "param_value": row.value,
                "distribution_json": json.dumps(row.distribution),
            }
            for key, trial in keyed
            for name, row in trial.params.items()
        ],
    )
    _insert(
        session,
        VALUES,
        [
            {"trial_id": key, "objective": i, "value": row.value, "value_type": _KINDS[row.kind]}
            for key, trial in keyed
            for i, row in enumerate(trial.values)
        ],
    )
    for table, whose in ((USER_ATTRIBUTES, "user"), (SYSTEM_ATTRIBUTES, "system")):
        rows = [{"trial_id": key, **row} for key, trial in keyed for row in _attribute_rows(getattr(trial, whose))]
        _insert(session, table, rows)


def _read_attributes(session: Session, table: Any, study: int) -> dict[str, Any]:
    asked = select(table.c.key, table.c.value_json).where(table.c.study_id == study).order_by(table.c.key)
    return {key: json.loads(text) for key, text in session.execute(asked)}


def _read_trial_attributes(session: Session, table: Any, study: int) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    asked = _of(select(table.c.trial_id, table.c.key, table.c.value_json), table, study).order_by(table.c.key)
    for trial, key, text in session.execute(asked):
        found[trial][key] = json.loads(text)
    return found


def _of(asked: Select[Any], table: Any, study: int) -> Select[Any]:
    return asked.join(TRIALS, TRIALS.c.trial_id == table.c.trial_id).where(TRIALS.c.study_id == study)


def _attribute_rows(attributes: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    return ({"key": key, "value_json": json.dumps(value)} for key, value in attributes.items())


def _insert(session: Session, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.connection().execute(insert(table), rows)


def _text(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)

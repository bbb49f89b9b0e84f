"""Reads trials from Optuna's tables in a few queries, however many they are, and only those that are asked for."""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

_AT_A_TIME = 500
"""Ids in one query. Databases bound the number of a statement's parameters."""

TRIALS = models.TrialModel.__table__
PARAMS = models.TrialParamModel.__table__
VALUES = models.TrialValueModel.__table__
USER_ATTRIBUTES = models.TrialUserAttributeModel.__table__
SYSTEM_ATTRIBUTES = models.TrialSystemAttributeModel.__table__

PLAIN_CONSTRAINTS = "constraints"
CONSTRAINTS = f"{PLAIN_CONSTRAINTS}:"
"""How the system attributes of `optuna.Trial.set_constraint` begin. Without names they are one list: of versions of
Optuna before 5, and beside the others, for programs that read nothing else. Counted twice they would weigh more."""

# Built once: building a statement takes as long as SQLite takes for it.
_OURS = TRIALS.c.study_id == bindparam("of_study")
_LATER = select(TRIALS.c.trial_id).where(_OURS, TRIALS.c.trial_id > bindparam("after"))
_LATEST = select(TRIALS.c.trial_id, TRIALS.c.number).where(_OURS).order_by(TRIALS.c.trial_id.desc()).limit(1)
_RUNNING_OR_LATER = select(TRIALS.c.trial_id, TRIALS.c.state).where(
    _OURS, or_(TRIALS.c.state == TrialState.RUNNING, TRIALS.c.trial_id > bindparam("after"))
)
_WAITING = select(func.count()).select_from(TRIALS).where(_OURS, TRIALS.c.state == TrialState.WAITING)


def read_trials(
    session: Session, study: int, ids: Collection[int] | None = None, *, without: Collection[str] = ()
) -> list[FrozenTrial]:
    """Read trials of a study, by number.

    Args:
        session: of the database.
        study: Optuna's id of the study.
        ids: Optuna's ids of the trials; None: all of the study.
        without: user attributes that are not read.
    """
    found: list[FrozenTrial] = []
    for some in [None] if ids is None else _parts(sorted(ids)):
        found += _read(session, study, some, without)
    return sorted(found, key=lambda trial: trial.number)


def read_attribute(session: Session, study: int, key: str, ids: Collection[int] | None = None) -> dict[int, Any]:
    """A user attribute of trials by their ids, where they have it; `ids` as in `read_trials`."""
    columns = USER_ATTRIBUTES.c
    found: dict[int, Any] = {}
    for some in [None] if ids is None else _parts(sorted(ids)):
        asked = _of(select(columns.trial_id, columns.value_json), columns, study, some).where(columns.key == key)
        found |= {row.trial_id: json.loads(row.value_json) for row in session.execute(asked)}
    return found


def look(session: Session, study: int, after: int) -> tuple[dict[int, TrialState], int]:
    """What other drivers may have changed: cheap, for it reads no trial that has ended or waits.

    Args:
        session: of the database.
        study: Optuna's id of the study.
        after: the largest id that is known.

    Returns:
        The states of all running trials and of those with larger ids, by id; and how many trials wait.
    """
    connection = session.connection()
    found = connection.execute(_RUNNING_OR_LATER, {"of_study": study, "after": after})
    states = {row.trial_id: row.state for row in found}
    return states, connection.execute(_WAITING, {"of_study": study}).scalar_one()


def look_for_new(session: Session, study: int, after: int) -> list[int]:
    """The ids of trials that are larger than `after`."""
    return list(session.connection().execute(_LATER, {"of_study": study, "after": after}).scalars())


def read_waiting(session: Session, study: int) -> set[int]:
    """The ids of the trials that wait."""
    ours = TRIALS.c.study_id == study
    return set(session.execute(select(TRIALS.c.trial_id).where(ours, TRIALS.c.state == TrialState.WAITING)).scalars())


def last_trial(session: Session, study: int) -> tuple[int, int]:
    """Id and number of the study's latest trial; -1 and -1 where it has none."""
    row = session.connection().execute(_LATEST, {"of_study": study}).first()
    return (-1, -1) if row is None else (row.trial_id, row.number)


def _read(session: Session, study: int, ids: Sequence[int] | None, without: Collection[str]) -> list[FrozenTrial]:
    # States first: what a trial has in a state is written together with the state. Other drivers write between these
    # queries, and a running trial without its values would be taken for one without a point.
    columns = TRIALS.c
    asked = select(columns.trial_id, columns.number, columns.state, columns.datetime_start, columns.datetime_complete)
    asked = asked.where(columns.study_id == study)
    if ids is not None:
        asked = asked.where(columns.trial_id.in_(ids))
    trials = session.execute(asked).all()
    params: dict[int, dict[str, Any]] = {}
    distributions: dict[int, dict[str, BaseDistribution]] = {}
    columns = PARAMS.c
    asked = select(columns.trial_id, columns.param_name, columns.param_value, columns.distribution_json)
    for trial, name, value, text in session.execute(_of(asked, columns, study, ids).order_by(columns.param_id)):
        distribution = _distribution(text)
        params.setdefault(trial, {})[name] = distribution.to_external_repr(value)
        distributions.setdefault(trial, {})[name] = distribution
    values: dict[int, list[float]] = {}
    columns = VALUES.c
    asked = select(columns.trial_id, columns.value, columns.value_type)
    for trial, value, kind in session.execute(_of(asked, columns, study, ids).order_by(columns.objective)):
        values.setdefault(trial, []).append(models.TrialValueModel.stored_repr_to_value(value, kind))
    system = _attributes(session, SYSTEM_ATTRIBUTES, study, ids, ())
    for own in system.values():
        if PLAIN_CONSTRAINTS in own and any(key.startswith(CONSTRAINTS) for key in own):
            del own[PLAIN_CONSTRAINTS]
    user = _attributes(session, USER_ATTRIBUTES, study, ids, without)
    return [
        FrozenTrial(
            number=number,
            trial_id=trial,
            state=state,
            value=None,
            values=values.get(trial),
            datetime_start=_local(start),
            datetime_complete=_local(complete),
            params=params.get(trial, {}),
            distributions=distributions.get(trial, {}),
            user_attrs=user.get(trial, {}),
            system_attrs=system.get(trial, {}),
            intermediate_values={},
        )
        for trial, number, state, start, complete in trials
    ]


def _attributes(
    session: Session, table: Any, study: int, ids: Sequence[int] | None, without: Collection[str]
) -> Mapping[int, dict[str, Any]]:
    asked = _of(select(table.c.trial_id, table.c.key, table.c.value_json), table.c, study, ids)
    if without:
        asked = asked.where(table.c.key.not_in(without))
    found: dict[int, dict[str, Any]] = {}
    for trial, key, text in session.execute(asked):
        found.setdefault(trial, {})[key] = json.loads(text)
    return found


def _of(asked: Select[Any], columns: Any, study: int, ids: Sequence[int] | None) -> Select[Any]:
    if ids is not None:
        return asked.where(columns.trial_id.in_(ids))
    return asked.join(TRIALS, TRIALS.c.trial_id == columns.trial_id).where(TRIALS.c.study_id == study)


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for begin in range(0, len(ids), _AT_A_TIME):
        yield ids[begin : begin + _AT_A_TIME]


@functools.lru_cache(maxsize=1000)
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)


def _local(moment: datetime.datetime | None) -> datetime.datetime | None:
    """Optuna keeps UTC and shows local time, neither with its zone."""
    return None if moment is None else moment.replace(tzinfo=datetime.UTC).astimezone().replace(tzinfo=None)

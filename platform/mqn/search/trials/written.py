"""Trials after a write of ours, as they would be read back: so they need not be."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from mqn.search.storage.database import MARK
from mqn.search.storage.trial_writing import NewTrial, Value


def changed(trial: FrozenTrial, **changes: Any) -> FrozenTrial:
    """A trial as it is after a write of ours, so that it need not be read back; `changes` are fields of it."""
    fields = {
        name: getattr(trial, name)
        for name in (
            "number",
            "state",
            "values",
            "datetime_start",
            "datetime_complete",
            "params",
            "distributions",
            "user_attrs",
            "system_attrs",
            "intermediate_values",
        )
    }
    return FrozenTrial(**{**fields, "value": None, "trial_id": trial._trial_id, **changes})  # noqa: SLF001 - Optuna has no public name


def as_read(trial: int, number: int, new: NewTrial, mark: str) -> FrozenTrial:
    """A trial that was made, as it would be read."""
    params, distributions = apart(new.params)
    begun = new.state == TrialState.RUNNING
    return FrozenTrial(
        number=number,
        trial_id=trial,
        state=new.state,
        value=None,
        values=None,
        datetime_start=local_now() if begun else None,
        datetime_complete=None,
        params=params,
        distributions=distributions,
        user_attrs=dict(new.user),
        system_attrs={**new.system, MARK: mark},
        intermediate_values={},
    )


def apart(values: Mapping[str, Value]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Values as a trial has them: rounded as their distributions keep them."""
    params = {name: kind.to_external_repr(kind.to_internal_repr(value)) for name, (value, kind) in values.items()}
    return params, {name: kind for name, (_, kind) in values.items()}


def local_now() -> datetime.datetime:
    """As Optuna shows times: local, without their zone."""
    return datetime.datetime.now()

"""What a trial's attributes say of the rungs of its training: system attributes of Optuna's trial."""

from __future__ import annotations

from typing import Any

from optuna.trial import FrozenTrial, TrialState

PROMOTED, PAUSED = "mqn:promoted", "mqn:paused"
"""How many rungs its training was let go beyond; whether the trial waits until its training is let go on."""


def rung_marks(*, promoted: int, paused: bool) -> dict[str, Any]:
    """The attributes of a trial whose training has reached a rung."""
    return {PROMOTED: promoted, PAUSED: paused}


def is_paused(trial: FrozenTrial) -> bool:
    """Whether a trial waits for the promotion of its training."""
    return trial.state == TrialState.RUNNING and bool(trial.system_attrs.get(PAUSED))


def promoted_of(trial: FrozenTrial) -> int:
    """How many rungs a trial was let go beyond."""
    return int(trial.system_attrs.get(PROMOTED, 0))

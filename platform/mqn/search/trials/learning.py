"""Which trials a sampler learns from."""

from __future__ import annotations

from optuna.trial import FrozenTrial, TrialState

from mqn.search.samplers.making import LEARNS_FROM_SOME
from mqn.search.trials.history import by_number
from mqn.search.trials.mirror import Mirror


def learnt_from(mirror: Mirror, sampler: str, seed: int, number: int) -> list[FrozenTrial]:
    """The trials that a draw learns from, by number: those that ended, and those that run.

    Args:
        mirror: the trials that there are.
        sampler: its name.
        seed: of the study.
        number: the trial's that is drawn.
    """
    running = [trial for trial in mirror.running() if trial.number != number]
    if sampler == "frontier":  # It learns from stopped trainings too, and draws none again that failed.
        return by_number(mirror.trials((TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)), running)
    most = LEARNS_FROM_SOME.get(sampler)
    ended = mirror.history.all() if most is None else mirror.history.choose([seed % 2**32, number], most)
    return by_number(ended, running)

"""Asynchronous multi-objective successive halving (MOASHA) on a replay, as syne-tune 0.16 has it.

Needs `pip install --no-deps --target FOLDER syne-tune==0.16.0` and `PYTHONPATH=FOLDER`: syne-tune is no dependency of
this project. Candidates are drawn at random; a training goes on at a rung if it is among the best third of those that
reached it.

As shipped, `NonDominatedPriority` hands the rung the indices of the sorted trials where the rung expects each trial's
priority, so that whether a trial goes on has little to do with how good it is. `moasha` therefore gives the rung what
the paper says (Schmucker et al. 2021: non-dominated sort, then an epsilon net), computed by syne-tune's own functions,
and `moasha_as_shipped` is the scheduler without a change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mqn.search.space.dimensions import Dimension
from tests.benchmarks.wisdom.candidates import wisdom_space
from tests.benchmarks.wisdom.methods.nearest import Rows
from tests.benchmarks.wisdom.replay import BudgetSpentError, Replay

REDUCTION = 3
"""Of those that reach a rung, one in so many goes on; the first rung is at a ninth of the epochs."""


def moasha(replay: Replay, seed: int) -> None:
    """MOASHA with the priorities of the paper."""
    _run(replay, seed, _ranks())


def moasha_as_shipped(replay: Replay, seed: int) -> None:
    """MOASHA as syne-tune 0.16.0 ships it."""
    _run(replay, seed, None)


def _run(replay: Replay, seed: int, priority: Any) -> None:
    from syne_tune.backend.trial_status import Trial
    from syne_tune.optimizer.scheduler import SchedulerDecision
    from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

    np.random.seed(seed)  # noqa: NPY002 - syne-tune draws from it.
    space = wisdom_space()
    dimensions = [one for one in space.dimensions if one.key not in space.expansion]
    rows = Rows(dimensions, replay.networks)
    scheduler = MOASHA(
        {dimension.key: _domain(dimension) for dimension in dimensions},
        metrics=["inaccuracy", "latency_ms"],
        time_attr="epoch",
        multiobjective_priority=priority,
        max_t=replay.epochs,
        grace_period=replay.epochs // REDUCTION**2,
        reduction_factor=REDUCTION,
        random_seed=seed,
    )
    taken: set[int] = set()
    while len(taken) < len(replay.networks):
        suggestion = scheduler.suggest()
        row = rows.nearest(suggestion.config, taken)
        assert row is not None
        taken.add(row)
        trial = Trial(trial_id=len(taken), config=suggestion.config, creation_time=None)
        scheduler.on_trial_add(trial)
        latency = _latency(replay, row)
        decision = SchedulerDecision.CONTINUE
        for epoch in range(1, replay.epochs + 1):
            try:
                curve = replay.train(row, epoch)
            except BudgetSpentError:
                return
            if len(curve) < epoch:  # The training failed.
                scheduler.on_trial_remove(trial)
                break
            report = {"epoch": epoch, "inaccuracy": -curve[-1], "latency_ms": latency}
            if epoch == replay.epochs:
                scheduler.on_trial_complete(trial, report)
                break
            decision = scheduler.on_trial_result(trial, report)
            if decision == SchedulerDecision.STOP:
                scheduler.on_trial_remove(trial)
                break


def _latency(replay: Replay, row: int) -> float:
    """What the scheduler ranks by: that of the fastest plan."""
    return min(told["latency_ms"] for told in replay.gate(row).values())


def _domain(dimension: Dimension) -> Any:
    from syne_tune.config_space import choice, loguniform, uniform

    values = dimension.values()
    if values is not None:
        return choice(list(values))
    return (loguniform if dimension.log else uniform)(float(dimension.low), float(dimension.high))


def _ranks() -> Any:
    from syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority import NonDominatedPriority

    class Ranks(NonDominatedPriority):
        """Each trial's place in the order, 0 for the first."""

        def priority_unsafe(self, objectives: Any) -> Any:
            return np.argsort(super().priority_unsafe(objectives))

    return Ranks()


METHODS: dict[str, Callable[[Replay, int], None]] = {"moasha": moasha, "moasha_as_shipped": moasha_as_shipped}

"""What TPE of Optuna learns from trials that the gate has ended: they have constraints and no values."""

from __future__ import annotations

import numpy as np
from optuna.distributions import FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from tests.support.search_fakes import grid_definition

from mqn.search.space.space_file import parse_space
from mqn.search.trials.history import History, LearningStorage
from mqn.search.trials.sampling import draw_point

DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
RATE = "training.learning_rate"
SPACE = parse_space(
    grid_definition(sampler="tpe", points=[], dimensions={RATE: {"low": 0.0001, "high": 1.0}}), source="tiny.toml"
)


def ended(number: int, rate: float) -> FrozenTrial:
    """A trial that is gated beyond a rate of 0.5. The others gain by a higher rate as much as they lose."""
    gated = rate > 0.5
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState.PRUNED if gated else TrialState.COMPLETE,
        value=None,
        values=None if gated else [rate, rate],
        datetime_start=None,
        datetime_complete=None,
        params={RATE: rate},
        distributions={RATE: FloatDistribution(0.0001, 1.0)},
        user_attrs={},
        system_attrs={"constraints:latency_ms <= 33": rate - 0.5},
        intermediate_values={},
    )


def drawn(trials: list[FrozenTrial]) -> np.ndarray:
    history = History(DIRECTIONS)
    for trial in trials:
        history.add(trial)
    points = [
        draw_point(
            SPACE,
            len(trials),
            seed=seed,
            seen=lambda: LearningStorage(DIRECTIONS, history.choose([0])),
            pinned={},
            known=(),
        ).point
        for seed in range(40)
    ]
    return np.array([point[RATE] for point in points if point is not None])


def test_tpe_draws_less_of_what_was_gated():
    trials = [ended(i, rate) for i, rate in enumerate(np.random.default_rng(0).uniform(0.0001, 1.0, size=40))]
    passed = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(passed) == 16
    with_gated, without = np.mean(drawn(trials) > 0.5), np.mean(drawn(passed) > 0.5)
    assert with_gated < 0.1 < without

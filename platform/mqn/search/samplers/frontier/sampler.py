"""The sampler `frontier`, as Optuna wants a sampler."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from mqn.search.samplers.frontier.choice import choose
from mqn.search.samplers.frontier.encoding import point_at
from mqn.search.samplers.frontier.layout import Layout
from mqn.search.samplers.frontier.learnt import learn
from mqn.search.samplers.frontier.prior import read_prior
from mqn.search.space.dimensions import Dimension, Params
from mqn.search.space.sampler_names import MOST_OBJECTIVES
from mqn.search.space.space import Space

MOST_TRAININGS = 2000
"""Of more trainings a study draws with TPE."""

_FIRST = 5
"""Trainings before the models choose, at least."""

FALLBACK = "mqn:fallback"
"""Optuna's system attribute of a trial that TPE drew instead: why."""

_BEGUN = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL)


class FrontierSampler(BaseSampler):
    """Draws the training whose plans together are expected to add most to the front, for what it costs.

    It learns from the trials of the study: their values and constraints, and what `mqn.search.trials.knowledge` keeps
    of them. What it draws depends on these, on the seed, and on the trial's number alone. The points that the space
    lists as its start are tried first; then come points that fill the space, then what the models choose.
    """

    def __init__(self, space: Space, *, seed: int, attempt: int = 0) -> None:
        """Make it.

        Args:
            space: what is searched.
            seed: of the study.
            attempt: counts draws of one trial whose points were known already.
        """
        self._space, self._seed, self._attempt = space, seed % 2**32, attempt
        self._layout = Layout.of(space)
        self._tpe: BaseSampler | None = None

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Every dimension: whole points are drawn, with their conditions."""
        return {dimension.key: _distribution(dimension) for dimension in self._space.dimensions}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """A value for every dimension that counts."""
        trials = [one for one in study.get_trials(deepcopy=False, states=_BEGUN) if one.number != trial.number]
        trainings = learn(self._space, self._layout, trials)
        if reason := beyond(self._space, len(trainings)):
            study._storage.set_trial_system_attr(trial._trial_id, FALLBACK, f"{reason}: TPE draws")  # noqa: SLF001
            self._tpe = optuna.samplers.TPESampler(seed=(self._seed * 1_000_003 + trial.number + self._attempt) % 2**32)
            return {}
        first = max(_FIRST, len(self._layout.held) // 2)
        elders = read_prior(study._storage.get_study_system_attrs(study._study_id), self._layout)  # noqa: SLF001
        tried = sum(training.tried for training in trainings.values())
        if tried < first and not elders:
            return self._filling(len(trainings) + first * self._attempt)
        source = np.random.default_rng([self._seed, trial.number, self._attempt])
        return choose(self._space, self._layout, trainings, elders, source) or self._filling(trial.number)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A value of a dimension that counts only because of a value that somebody has set; any, beyond the limits."""
        sampler = self._tpe or optuna.samplers.RandomSampler(seed=(self._seed + trial.number) % 2**32)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _filling(self, place: int) -> Params:
        """A point of a sequence that fills the space evenly."""
        from scipy.stats import qmc  # Whoever only reads a study would wait for it.

        dimensions = self._layout.dimensions
        if not dimensions:
            return {}
        sequence = qmc.Sobol(len(dimensions), scramble=True, rng=np.random.default_rng(self._seed))
        if place:
            sequence.fast_forward(place)
        return point_at(dimensions, sequence.random(1)[0])


def _distribution(dimension: Dimension) -> BaseDistribution:
    """As `Dimension.suggest` has Optuna draw it."""
    if dimension.choices is not None:
        return CategoricalDistribution(dimension.choices)
    if isinstance(dimension.low, int) and isinstance(dimension.high, int):
        return IntDistribution(dimension.low, dimension.high, step=int(dimension.step or 1), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, step=dimension.step, log=dimension.log)


def beyond(space: Space, trainings: int) -> str | None:
    """Why a study is beyond this sampler, in one line; None: it is not."""
    if len(space.objectives) > MOST_OBJECTIVES:
        return f"{len(space.objectives)} objectives are more than the {MOST_OBJECTIVES} of the sampler frontier"
    if trainings > MOST_TRAININGS:
        return f"{trainings} trainings are more than the {MOST_TRAININGS} of the sampler frontier"
    return None

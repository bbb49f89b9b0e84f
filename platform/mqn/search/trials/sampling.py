"""Gives a trial its point: drawn by the sampler, and never a point that the study has tried."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    _get_single_value,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from mqn.search.samplers.making import make_sampler
from mqn.search.space.combinations import combinations
from mqn.search.space.dimensions import Dimension, Params, Scalar
from mqn.search.space.settling import identity, settle
from mqn.search.space.space import Space
from mqn.search.trials.history import LearningStorage

_DRAWS = 8


class _Draft:
    """Takes the place of an `optuna.Trial` while values are drawn, and writes nothing to the database.

    It has the methods that a space draws with.
    """

    def __init__(self, study: optuna.Study, frozen: FrozenTrial, sampler: BaseSampler, pinned: Mapping[str, Any]):
        sampler.before_trial(study, frozen)
        self._study, self._frozen, self._sampler, self._pinned = study, frozen, sampler, pinned
        # TPE draws all values here. NSGA-II adds a trial to its generation only when this is read.
        space = sampler.infer_relative_search_space(study, frozen)
        self.relative_params = sampler.sample_relative(study, frozen, space)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self._draw(name, CategoricalDistribution(choices))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> Any:
        return self._draw(name, IntDistribution(low, high, log=log, step=step))

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False) -> Any:
        return self._draw(name, FloatDistribution(low, high, log=log, step=step))

    def _draw(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._pinned:
            return self._pinned[name]
        if distribution.single():
            return _get_single_value(distribution)
        if name in self.relative_params:
            value = self.relative_params[name]
            if distribution._contains(distribution.to_internal_repr(value)):  # noqa: SLF001 - as `optuna.Trial` asks
                return value
        return self._sampler.sample_independent(self._study, self._frozen, name, distribution)


class _Recorder(_Draft):
    """Gives the values that a point has, and remembers what each would have been drawn from."""

    def __init__(self, point: Params) -> None:
        self._point = point
        self.found: dict[str, tuple[Scalar, BaseDistribution]] = {}

    def _draw(self, name: str, distribution: BaseDistribution) -> Any:
        self.found[name] = self._point[name], distribution
        return self._point[name]


def with_distributions(space: Space, point: Params) -> dict[str, tuple[Scalar, BaseDistribution]]:
    """A point's values, each with what it is drawn from: as Optuna keeps both."""
    recorder = _Recorder(point)
    space.draw(cast(optuna.Trial, recorder))
    return recorder.found


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a trial was given.

    Attributes:
        point: a value for every dimension that counts; None: every point with the pinned values is known.
        noted: what the sampler keeps of the trial, as Optuna's system attributes.
    """

    point: Params | None
    noted: Mapping[str, Any] = field(default_factory=dict)


def draw_point(
    space: Space,
    number: int,
    *,
    seed: int,
    seen: Callable[[], LearningStorage],
    pinned: Mapping[str, Any],
    known: Container[str],
) -> Drawn:
    """Draw a point for a trial. Nothing is written.

    Args:
        space: what is searched.
        number: the trial's.
        seed: of the study; with the trial's number it decides what is drawn.
        seen: makes what the sampler learns from.
        pinned: values that are given.
        known: points to avoid (`identity`).
    """
    for attempt in range(_DRAWS):
        storage = seen()
        draft = make_draft(space, number, seed=seed, storage=storage, pinned=pinned, attempt=attempt)
        point = settle(space, space.draw(cast(optuna.Trial, draft)))
        if point is not None and identity(point) not in known:
            return Drawn(point=point, noted=storage.noted)
    # The sampler draws known points only: the space is nearly exhausted, or the sampler has a favourite.
    left = untried(space, np.random.default_rng([seed % 2**32, number]), pinned=pinned, known=known)
    return Drawn(point=left, noted={} if left is None else storage.noted)


def make_draft(
    space: Space, number: int, *, seed: int, storage: LearningStorage, pinned: Mapping[str, Any], attempt: int = 0
) -> _Draft:
    """What a space draws a trial from. What the sampler keeps of the trial is in `storage.noted` then."""
    sampler = make_sampler(space, seed, number, attempt)
    frozen = create_trial(state=TrialState.RUNNING)
    frozen.number = number
    return _Draft(storage.study(), frozen, sampler, pinned)


def untried(
    space: Space, source: np.random.Generator, *, known: Container[str], pinned: Mapping[str, Any] | None = None
) -> Params | None:
    """Find a point that is not known.

    Args:
        space: what is searched.
        source: decides where the search begins.
        known: points to avoid.
        pinned: values that are given.

    Returns:
        One; None where every point is known, or a value that stands lies outside the space. Looks at one more point
        than are known, at most.
    """
    fixed = dict(pinned or {})
    if any(
        dimension.key in fixed and dimension.nearest(fixed[dimension.key]) is None for dimension in space.dimensions
    ):
        return None  # Below a dimension with infinitely many values the search would not end.

    def values(dimension: Dimension) -> Iterable[Scalar]:
        if dimension.key not in fixed:
            return dimension.wander(source)
        near = dimension.nearest(fixed[dimension.key])
        return () if near is None else (near,)

    points = combinations(space.dimensions, {}, values)
    return next((point for point in points if identity(point) not in known), None)

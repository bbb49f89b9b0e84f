"""How a trial gets its point: from the sampler, and never one that the study has tried."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from mqn.search.points import Params
from mqn.search.space import Space

_POPULATION = 24
_DRAWS = 8


class _Draft:
    """Stands in for a trial while its values are drawn: nothing is written down.

    Its methods are those of `optuna.Trial` that a space draws with.
    """

    def __init__(self, study: optuna.Study, frozen: FrozenTrial, sampler: BaseSampler, pinned: Mapping[str, Any]):
        sampler.before_trial(study, frozen)
        self._study, self._frozen, self._sampler, self._pinned = study, frozen, sampler, pinned
        # NSGA-II counts a trial into its generation only when this is asked for.
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
            return distribution.to_external_repr(_only(distribution))
        if name in self.relative_params:
            value = self.relative_params[name]
            if distribution._contains(distribution.to_internal_repr(value)):  # noqa: SLF001 - as `optuna.Trial` asks
                return value
        return self._sampler.sample_independent(self._study, self._frozen, name, distribution)


def draw_point(
    study: optuna.Study,
    space: Space,
    frozen: FrozenTrial,
    *,
    seed: int,
    pinned: Mapping[str, Any],
    known: Collection[str],
) -> Params | None:
    """Draw a point for a trial.

    Args:
        study: what the sampler learns from.
        space: what is searched.
        frozen: the trial, as it is in the study already.
        seed: of the study; with the trial's number it decides what is drawn.
        pinned: values that stand already.
        known: points that are not drawn (`identity`).

    Returns:
        A value for every dimension that counts; None where every point with the pinned values is known.
    """
    number = frozen.number
    for attempt in range(_DRAWS):
        sampler = make_sampler(space, seed, number, attempt)
        point = settle(space, space.draw(cast(optuna.Trial, _Draft(study, frozen, sampler, pinned))))
        if point is not None and identity(point) not in known:
            return point
    # The sampler insists on what is known: the space is nearly exhausted, or its favourite is tried.
    return untried(space, np.random.default_rng([seed % 2**32, number]), pinned=pinned, known=known)


def settle(space: Space, params: Mapping[str, Any]) -> Params | None:
    """The point that some values stand for, in the space's own values and order.

    Args:
        space: what is searched.
        params: values by key; those of dimensions that do not count are passed over.

    Returns:
        The same for all that mean the same candidate; None where a value is missing or lies outside the space.
    """
    keys = tuple(space.points[0]) if space.points else ()
    if any(key not in params for key in keys):
        return None
    point: Params = {key: params[key] for key in keys}
    for dimension in space.dimensions:
        if dimension.active(point):
            value = dimension.nearest(params[dimension.key]) if dimension.key in params else None
            if value is None:
                return None
            point[dimension.key] = value
    return point


def identity(point: Params) -> str:
    """What two points have in common when they are one.

    Args:
        point: as `settle` gives it.
    """
    return json.dumps(point, sort_keys=True)


def untried(
    space: Space, source: np.random.Generator, *, known: Collection[str], pinned: Mapping[str, Any] | None = None
) -> Params | None:
    """Find a point that is not known.

    Args:
        space: what is searched.
        source: of where to begin looking.
        known: points that will not do.
        pinned: values that stand already.

    Returns:
        One; None where every point is known, or a value that stands lies outside the space. Looks at one more point
        than are known, at most.
    """
    fixed = dict(pinned or {})
    if any(
        dimension.key in fixed and dimension.nearest(fixed[dimension.key]) is None for dimension in space.dimensions
    ):
        return None  # Beneath a dimension with infinitely many values, it would be looked for without end.
    points = _points(space, source, fixed, {}, 0)
    return next((point for point in points if identity(point) not in known), None)


def _points(space: Space, source: np.random.Generator, pinned: Params, begun: Params, depth: int) -> Iterator[Params]:
    if depth == len(space.dimensions):
        yield begun
        return
    dimension = space.dimensions[depth]
    if not dimension.active(begun):
        yield from _points(space, source, pinned, begun, depth + 1)
        return
    if dimension.key in pinned:
        near = dimension.nearest(pinned[dimension.key])
        values = iter(() if near is None else (near,))
    else:
        values = dimension.wander(source)
    for value in values:
        yield from _points(space, source, pinned, {**begun, dimension.key: value}, depth + 1)


def make_sampler(space: Space, seed: int, number: int, attempt: int = 0) -> BaseSampler:
    """The sampler for one trial, its random numbers a function of the study's seed and the trial's number.

    Args:
        space: names the sampler.
        seed: the study's.
        number: the trial's.
        attempt: how often a point was drawn for the trial already.
    """
    mixed = (seed * 1_000_003 + number + attempt * 2_654_435_761) % 2**32
    if space.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=mixed)
    if space.sampler == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=mixed, population_size=_POPULATION)
    return optuna.samplers.RandomSampler(seed=mixed)


def _only(distribution: BaseDistribution) -> float:
    """The one value of a distribution, as Optuna stores it."""
    if isinstance(distribution, CategoricalDistribution):
        return 0.0
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    return float(distribution.low)

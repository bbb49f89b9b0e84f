"""Chooses the next training: the one whose plans together promise the largest gain of the front for its cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mqn.pareto import front_mask
from mqn.search.samplers.frontier.encoding import mutations, point_at
from mqn.search.samplers.frontier.gain import gains
from mqn.search.samplers.frontier.layout import Layout, name_of
from mqn.search.samplers.frontier.learnt import FAILS, Training, figures_of
from mqn.search.samplers.frontier.surrogates import Surrogate, fit, fit_failures, training_seconds
from mqn.search.space.dimensions import Params
from mqn.search.space.space import Space

Array = NDArray[np.float64]

_RANDOM, _NEAR, _PARENTS = 60, 400, 12
"""Candidates that are drawn at random, and near the trainings on the front; how many of these are parents."""
_DRAWS = 48
_BEHIND = 0.1
"""How far behind the worst plans the volume is bounded, as a share of the plans' range: as `mqn front` does."""
_FAILS = 0.5
"""A plan that is expected to fail more surely counts for nothing."""
_TRAINED_ALREADY = 0.05
"""What a further plan costs, as a share of its training."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What there is: (f, m) objectives of all plans that are known or expected, minimised, and whose they are."""

    values: Array
    owners: list[int]


def choose(
    space: Space,
    layout: Layout,
    trainings: Mapping[str, Training],
    elders: Sequence[Training],
    source: np.random.Generator,
) -> Params | None:
    """The point that a trial is to have.

    Args:
        space: what is searched.
        layout: of it.
        trainings: what is known, by the name of what a draw decides.
        elders: trainings of earlier studies.
        source: of random numbers.

    Returns:
        A value for every dimension that counts; None where nothing can be said yet.
    """
    known = list(trainings.values())
    every = [*known, *elders]
    plans = sorted({plan for training in every for plan in layout.plans(training.held)})
    metrics = dict.fromkeys([*(goal.metric for goal in space.objectives), *(c.metric for c in space.constraints)])
    fitted: dict[str, Surrogate] = {}
    for metric in metrics:
        found = fit(layout, every, plans, metric, source)
        if found is not None:
            fitted[metric] = found
    if any(goal.metric not in fitted for goal in space.objectives):
        return None
    failures = fit_failures(layout, known, plans, source)
    standing = _stand(space, layout, known, plans, fitted, failures)
    candidates = _candidates(layout, trainings, standing, source)
    if not candidates:
        return None
    sets = _samples(space, layout, candidates, plans, fitted, source)
    if failures is not None:
        sets[failures.sample(candidates, _DRAWS, source) > _FAILS] = np.inf
    reference = _reference(standing.values, sets)
    cost = training_seconds(layout, known, candidates, source)
    if not layout.expanded:
        begun = {_trained(training.held) for training in known if training.going}
        cost = cost * np.array([_TRAINED_ALREADY if _trained(one) in begun else 1.0 for one in candidates])
    best = int(np.argmax(gains(sets, standing.values, reference, source).mean(axis=1) / cost))
    return {**candidates[best], **_first_plan(layout, candidates[best], plans, sets[best], standing, reference, source)}


def _stand(
    space: Space,
    layout: Layout,
    known: Sequence[Training],
    plans: Sequence[str],
    fitted: Mapping[str, Surrogate],
    failures: Surrogate | None,
) -> _Standing:
    """What was measured, and for plans that are still to come what they are expected to reach."""
    measured = {metric: figures_of(known, plans, metric) for metric in fitted}
    expected = {metric: model.mean([training.held for training in known]) for metric, model in fitted.items()}
    coming = np.array(
        [[training.going and plan in layout.plans(training.held) for plan in plans] for training in known], dtype=bool
    ).reshape(len(known), len(plans))
    if failures is not None:
        failed, expected_to = figures_of(known, plans, FAILS), failures.mean([training.held for training in known])
        coming &= np.where(np.isnan(failed), expected_to, failed) <= _FAILS
    filled = {metric: np.where(np.isnan(figures), expected[metric], figures) for metric, figures in measured.items()}
    counts = coming & _kept(space, filled)
    values = np.stack([_turned(space, i, filled[goal.metric]) for i, goal in enumerate(space.objectives)], axis=-1)
    rows, _ = np.nonzero(counts)
    return _Standing(values[counts], rows.tolist())


def _candidates(
    layout: Layout, trainings: Mapping[str, Training], standing: _Standing, source: np.random.Generator
) -> list[Params]:
    """New trainings: anywhere, and near those that are on the front."""
    known = list(trainings.values())
    places = source.random((_RANDOM, len(layout.held)))
    drawn = _fresh([point_at(layout.held, place) for place in places], trainings)
    order = [standing.owners[i] for i in np.flatnonzero(front_mask(standing.values))] if len(standing.values) else []
    parents = list(dict.fromkeys(order))
    if len(parents) > _PARENTS:
        parents = [parents[i] for i in source.choice(len(parents), size=_PARENTS, replace=False)]
    return drawn + _near([known[parent].held for parent in parents], layout, trainings, source)


def _near(
    parents: Sequence[Params], layout: Layout, trainings: Mapping[str, Training], source: np.random.Generator
) -> list[Params]:
    """New trainings near some others."""
    if not parents:
        return []
    share = math.ceil(_NEAR / len(parents))
    drawn = [one for held in parents for one in itertools.islice(mutations(layout.held, held, source), share)]
    return _fresh(drawn, trainings)


def _fresh(drawn: Sequence[Params], trainings: Mapping[str, Training]) -> list[Params]:
    """Those that no training is yet, each once."""
    return [one for name, one in {name_of(one): one for one in drawn}.items() if name not in trainings]


def _samples(
    space: Space,
    layout: Layout,
    candidates: Sequence[Params],
    plans: Sequence[str],
    fitted: Mapping[str, Surrogate],
    source: np.random.Generator,
) -> Array:
    """(n, draws, plans, m) what the objectives may be, minimised; infinite where a plan is none or breaks something."""
    drawn = {metric: model.sample(candidates, _DRAWS, source) for metric, model in fitted.items()}
    values = np.stack([_turned(space, i, drawn[goal.metric]) for i, goal in enumerate(space.objectives)], axis=-1)
    offered = np.array([[plan in layout.plans(one) for plan in plans] for one in candidates])
    return np.where((_kept(space, drawn) & offered[:, None, :])[..., None], values, np.inf)


def _kept(space: Space, figures: Mapping[str, Array]) -> NDArray[np.bool_]:
    """Where every constraint is kept. One whose figure cannot be foreseen counts as kept."""
    kept = np.ones(next(iter(figures.values())).shape, dtype=bool)
    for bound in space.constraints:
        if bound.metric in figures:
            kept &= figures[bound.metric] <= (math.inf if bound.max is None else bound.max)
            kept &= figures[bound.metric] >= (-math.inf if bound.min is None else bound.min)
    return kept


def _reference(values: Array, sets: Array) -> Array:
    """(m,) a corner behind all plans: what lies beyond it adds nothing."""
    if not len(values):
        finite = sets[np.isfinite(sets).all(axis=-1)]
        return finite.max(axis=0) + 1e-9 if len(finite) else np.ones(sets.shape[-1])
    best, worst = values.min(axis=0), values.max(axis=0)
    return worst + _BEHIND * np.maximum(worst - best, 1e-9)


def _first_plan(
    layout: Layout,
    held: Params,
    plans: Sequence[str],
    sets: Array,
    standing: _Standing,
    reference: Array,
    source: np.random.Generator,
) -> Params:
    """The plan of a training that alone promises most. The others follow it."""
    if not layout.expanded:
        return {}
    alone = gains(sets[:, :, None, :], standing.values, reference, source).mean(axis=0)
    offered = layout.plans(held)
    best = max(range(len(plans)), key=lambda i: (plans[i] in offered, alone[i], -i))
    return dict(offered[plans[best]])


def _trained(held: Params) -> str:
    return name_of({key: value for key, value in held.items() if not key.startswith("plan.")})


def _turned(space: Space, place: int, values: Array) -> Array:
    return -values if space.directions[place] == "maximize" else values

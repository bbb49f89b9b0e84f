"""What figures candidates are expected to have: models that are fitted to the trainings so far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mqn.quantities import measure_of
from mqn.search.samplers.frontier.curves import outlook
from mqn.search.samplers.frontier.encoding import Encoding
from mqn.search.samplers.frontier.layout import SEED, Layout, name_of
from mqn.search.samplers.frontier.learnt import FAILS, Training, figures_of
from mqn.search.samplers.frontier.process import Process
from mqn.search.space.dimensions import Dimension, Params

Array = NDArray[np.float64]

_LEAST = 3
"""Trainings from which a model can be fitted."""
_HALF = 0.5
_MOST = 600
"""Trainings that a model is fitted to."""


class Surrogate(Protocol):
    """A model of one figure."""

    def sample(self, held: Sequence[Params], draws: int, source: np.random.Generator) -> Array:
        """(n, draws, plans) samples of what the figure may be for n trainings."""

    def mean(self, held: Sequence[Params]) -> Array:
        """(n, plans) what it is expected to be."""


class _Inputs:
    """Trainings as rows of numbers, with a column for each earlier study: what it may differ in is learnt."""

    def __init__(self, dimensions: Iterable[Dimension], trainings: Sequence[Training]) -> None:
        self._encoding = Encoding.of(dimensions)
        self._sources = sorted({training.source for training in trainings} - {""})
        own = self._encoding.groups
        first = int(own.max()) + 1 if own.size else 0
        self.groups = np.concatenate([own, np.arange(first, first + len(self._sources))])

    def known(self, trainings: Sequence[Training]) -> Array:
        """(n, d) of trainings that are known."""
        flags = [[float(training.source == source) for source in self._sources] for training in trainings]
        return self._join([training.held for training in trainings], np.array(flags))

    def new(self, held: Sequence[Params]) -> Array:
        """(n, d) of trainings that this study may draw."""
        return self._join(held, np.zeros((len(held), len(self._sources))))

    def _join(self, held: Sequence[Params], flags: Array) -> Array:
        return np.concatenate([self._encoding.encode(held), flags.reshape(len(held), len(self._sources))], axis=1)


class Plain:
    """A figure by network and plan: modelled as it is, or in its logarithm where it is a cost."""

    def __init__(
        self,
        dimensions: Iterable[Dimension],
        trainings: Sequence[Training],
        plans: Sequence[str],
        name: str,
        *,
        log: bool,
        source: np.random.Generator,
    ) -> None:
        figures = figures_of(trainings, plans, name)
        rows = _some(np.flatnonzero(~np.isnan(figures).all(axis=1)), source)
        figures, some = figures[rows], [trainings[i] for i in rows]
        self._log = log and bool((figures[~np.isnan(figures)] > 0).all())
        self._inputs = _Inputs(dimensions, some)
        values = np.log(figures) if self._log else figures
        self._process = Process(self._inputs.known(some), self._inputs.groups, values, np.zeros(len(rows)), source)

    def sample(self, held: Sequence[Params], draws: int, source: np.random.Generator) -> Array:
        """As `Surrogate.sample`; what is known of the plans is independent of each other."""
        found = self._process.predict(self._inputs.new(held))
        normal = source.normal(size=(draws, found.mean.shape[1]))
        values = found.mean[:, None] + found.deviation[:, None] * normal
        return np.exp(values) if self._log else values

    def mean(self, held: Sequence[Params]) -> Array:
        """As `Surrogate.mean`; of a logarithm the median."""
        found = self._process.predict(self._inputs.new(held))
        return np.exp(found.mean) if self._log else found.mean


class Accuracy:
    """Accuracy of an exported file: that of its float network, less what its plan loses."""

    def __init__(
        self,
        layout: Layout,
        trainings: Sequence[Training],
        plans: Sequence[str],
        measure: str,
        source: np.random.Generator,
    ) -> None:
        observed = _float_observations(trainings, measure)
        seen = [observed[i] for i in _some(np.arange(len(observed)), source)]
        some = [one.training for one in seen]
        self._float = _Inputs(layout.trained, some)
        values, extra = np.array([one.value for one in seen]), np.array([one.variance for one in seen])
        self._trained = Process(self._float.known(some), self._float.groups, values[:, None], extra, source)
        ended = [training for training in trainings if measure in training.float_accuracy]
        losses = np.array([[training.float_accuracy[measure]] for training in ended])
        losses = losses - figures_of(ended, plans, measure)
        rows = _some(np.flatnonzero(~np.isnan(losses).all(axis=1)), source)
        scored = [ended[i] for i in rows]
        self._loss = _Inputs([one for one in layout.held if one.key != SEED], scored)
        extra = np.zeros(len(scored))
        self._lost = Process(self._loss.known(scored), self._loss.groups, losses[rows], extra, source)

    def sample(self, held: Sequence[Params], draws: int, source: np.random.Generator) -> Array:
        """As `Surrogate.sample`; the plans of a training share what is not known of its float network."""
        trained = self._trained.predict(self._float.new(held))
        lost = self._lost.predict(self._loss.new(held))
        common, own = source.normal(size=(draws, 1)), source.normal(size=(draws, lost.mean.shape[1]))
        accuracy = trained.mean[:, None] + trained.deviation[:, None] * common
        return accuracy - (lost.mean[:, None] + lost.deviation[:, None] * own)

    def mean(self, held: Sequence[Params]) -> Array:
        """As `Surrogate.mean`."""
        trained = self._trained.predict(self._float.new(held))
        return trained.mean - self._lost.predict(self._loss.new(held)).mean


def fit(
    layout: Layout,
    trainings: Sequence[Training],
    plans: Sequence[str],
    name: str,
    source: np.random.Generator,
) -> Surrogate | None:
    """The model of a figure; None: too few trainings have it.

    Args:
        layout: of the space.
        trainings: all that are known.
        plans: names of all plans.
        name: the figure's.
        source: of random numbers.
    """
    known = sum(any(name in figures for figures in training.figures.values()) for training in trainings)
    if known < _LEAST:
        return None
    if measure_of(name) is None:
        return Plain(layout.built, trainings, plans, name, log=True, source=source)
    both = sum(
        name in training.float_accuracy and any(name in figures for figures in training.figures.values())
        for training in trainings
    )
    if both >= _LEAST:
        return Accuracy(layout, trainings, plans, name, source)
    every = [one for one in layout.held if one.key != SEED]
    return Plain(every, trainings, plans, name, log=False, source=source)


def fit_failures(
    layout: Layout, trainings: Sequence[Training], plans: Sequence[str], source: np.random.Generator
) -> Surrogate | None:
    """The model of `FAILS`: 1 where a plan fails, 0 where it does not; None where none has failed, or little is known.

    What fails may lie in the network, in the plan, or in how it is trained. Arguments are those of `fit`.
    """
    found = figures_of(trainings, plans, FAILS)
    if not (found > _HALF).any() or int((~np.isnan(found).all(axis=1)).sum()) < _LEAST:
        return None
    every = [one for one in layout.held if one.key != SEED]
    return Plain(every, trainings, plans, FAILS, log=False, source=source)


def training_seconds(
    layout: Layout, trainings: Sequence[Training], held: Sequence[Params], source: np.random.Generator
) -> Array:
    """(n,) what n trainings are expected to cost, by those that were timed; else all the same but for their epochs."""
    timed = [training for training in trainings if training.seconds]
    if len(timed) < 2 * _LEAST:
        return np.array([float(one.get("training.epochs", 1.0)) for one in held])
    some = [timed[i] for i in _some(np.arange(len(timed)), source)]
    inputs = _Inputs(layout.trained, some)
    seconds = np.log(np.array([[training.seconds or math.nan] for training in some]))
    process = Process(inputs.known(some), inputs.groups, seconds, np.zeros(len(some)), source)
    return np.exp(process.predict(inputs.new(held)).mean[:, 0])


@dataclass(frozen=True, slots=True)
class _Observation:
    """Accuracy of a float network, with the variance of what is not known of it."""

    training: Training
    value: float
    variance: float


def _float_observations(trainings: Sequence[Training], measure: str) -> list[_Observation]:
    """Each training once: where it ended, or where its curve leads."""
    found: dict[tuple[str, str, float], _Observation] = {}
    for training in trainings:
        if measure in training.float_accuracy:
            # Without expansion one training stands in several places: it is one observation.
            trained = {key: value for key, value in training.held.items() if not key.startswith("plan.")}
            value = training.float_accuracy[measure]
            found.setdefault((training.source, name_of(trained), value), _Observation(training, value, 0.0))
    ended = [training for training in trainings if measure in training.float_accuracy]
    unfinished = []
    for training in trainings:
        if measure not in training.float_accuracy and training.curve:
            finished = [(one.curve, one.float_accuracy[measure]) for one in ended if one.source == training.source]
            ahead = outlook(training.curve, finished)
            if ahead is not None:
                unfinished.append(_Observation(training, ahead.mean, ahead.variance))
    return [*found.values(), *unfinished]


def _some(rows: NDArray[np.int64], source: np.random.Generator) -> NDArray[np.int64]:
    return rows if len(rows) <= _MOST else np.sort(source.choice(rows, size=_MOST, replace=False))

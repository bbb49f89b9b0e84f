"""What trials have taught, by training: figures of its plans, accuracy in float, its curve."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from mqn.search.samplers.frontier.layout import Layout, name_of
from mqn.search.space.dimensions import Params
from mqn.search.space.goals import Constraint
from mqn.search.space.settling import settle
from mqn.search.space.space import Space
from mqn.search.trials.knowledge import read_knowledge

Array = NDArray[np.float64]

FAILS = "fails"
"""Stands among a plan's figures: 1 where a trial of it failed, 0 where one came as far as to have figures."""

FIXED = "fixed_params"
"""Optuna's attribute of a trial: the values that it was queued with."""


@dataclass(slots=True)
class Training:
    """A training with its plans.

    Attributes:
        held: the part of its points that a draw decided.
        figures: by plan and figure, every value that was measured.
        float_accuracy: by measure.
        curve: validation accuracy after each epoch so far.
        seconds: what it took.
        going: whether some of its trials run or are complete: its other plans are expected to follow.
        tried: whether some of its trials have not failed.
        source: the earlier study that it is of; empty: this one.
    """

    held: Params
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    float_accuracy: dict[str, float] = field(default_factory=dict)
    curve: tuple[float, ...] = ()
    seconds: float | None = None
    going: bool = False
    tried: bool = False
    source: str = ""

    def note(self, plan: str, figures: Mapping[str, float]) -> None:
        """Add figures of a plan."""
        kept = self.figures.setdefault(plan, {})
        for name, value in figures.items():
            if math.isfinite(value):
                kept.setdefault(name, []).append(value)

    def figure(self, plan: str, name: str) -> float:
        """The mean of what was measured; NaN where nothing was."""
        values = self.figures.get(plan, {}).get(name)
        return sum(values) / len(values) if values else math.nan


def learn(space: Space, layout: Layout, trials: Iterable[FrozenTrial]) -> dict[str, Training]:
    """Gather what trials teach. One that waits teaches nothing; a failed one, that its plan fails there.

    Returns:
        Trainings by the name of what a draw decided, in the order of their first trials.
    """
    found: dict[str, Training] = {}
    for trial in trials:
        if trial.state == TrialState.WAITING:
            continue
        point = settle(space, {**trial.system_attrs.get(FIXED, {}), **trial.params})
        if point is None:
            continue
        held, plan = layout.hold(point), layout.plan(point)
        training = found.setdefault(name_of(held), Training(held))
        if trial.state == TrialState.FAIL:
            training.note(plan, {FAILS: 1.0})
            continue
        known = read_knowledge(trial)
        figures = {**known.gate, **_bounded(space.constraints, trial.constraints)}
        if trial.state == TrialState.COMPLETE:
            values = zip(space.objectives, trial.values, strict=True)
            figures |= {objective.metric: value for objective, value in values}
        training.note(plan, {**figures, FAILS: 0.0} if figures else figures)
        training.tried = True
        training.going |= trial.state != TrialState.PRUNED
        training.float_accuracy.update(known.float_accuracy)
        training.curve = max(training.curve, known.curve, key=len)
        training.seconds = known.seconds if known.seconds is not None else training.seconds
    return found


def figures_of(trainings: Sequence[Training], plans: Sequence[str], name: str) -> Array:
    """(n, p) one figure of all plans of all trainings, NaN where it is not known."""
    return np.array([[training.figure(plan, name) for plan in plans] for training in trainings]).reshape(
        len(trainings), len(plans)
    )


def _bounded(constraints: Sequence[Constraint], violations: Mapping[str, float]) -> dict[str, float]:
    """The figures that constraints are on, from how far they are broken."""
    found: dict[str, float] = {}
    for bound in constraints:
        for name, sign, limit in ((" <= ", 1.0, bound.max), (" >= ", -1.0, bound.min)):
            if limit is not None and (side := f"{bound.metric}{name}{limit:.15g}") in violations:
                found[bound.metric] = limit + sign * violations[side]
    return found

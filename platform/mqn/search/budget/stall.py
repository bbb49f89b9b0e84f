"""Whether a study's front still grows: the end of a study that has stalled.

The hypervolume of the front is compared with that of the front without the latest trainings. Both are measured from
one point: a tenth of today's front's range behind its worst value in every objective. So units do not matter, and a
single bad trial, however bad, does not make every gain look small. Trainings are counted in the order of their first
trials; plans of one network share its training and go with it. Only trainings that led to a complete trial count: not
those that failed, were stopped early, or confirm another one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from mqn import pareto
from mqn.parsing import content_hash
from mqn.search.space.ending import Stall
from mqn.search.space.space import Space
from mqn.search.trials.confirmation import confirmation_of
from mqn.search.trials.mirror import params_of

_MARGIN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """A front that has stalled: over so many trainings its hypervolume has grown by this share."""

    trainings: int
    growth: float
    setting: Stall

    def __str__(self) -> str:
        return (
            f"the front has stalled: over the last {self.setting.trainings} of {self.trainings} trainings its "
            f"hypervolume has grown by {100 * self.growth:.3g} %, less than {100 * self.setting.gain:g} % "
            f"([stall] trainings = {self.setting.trainings}, gain = {self.setting.gain:g})"
        )


class Searched(Protocol):
    """A study whose front may stall; `mqn.search.study.study.Study` says more."""

    space: Space

    @property
    def ended(self) -> int: ...  # noqa: D102

    def trials(self, *states: TrialState) -> Sequence[FrozenTrial]: ...  # noqa: D102


class Stalling:
    """Asks a study whether its front has stalled; looks anew only when a trial has ended."""

    def __init__(self, study: Searched, setting: Stall | None) -> None:
        """Begin; without a setting nothing ever stalls."""
        self._study, self._setting = study, setting
        self._signs = np.array([1.0 if way == "minimize" else -1.0 for way in study.space.directions])
        self._trainings: dict[int, str] = {}
        self._seen = -1
        self._found: Stalled | None = None

    def check(self) -> Stalled | None:
        """What says that the front has stalled; None while it grows, or while there are too few trainings to tell."""
        if self._setting is not None and self._study.ended != self._seen:
            self._seen = self._study.ended
            self._found = self._look(self._setting)
        return self._found

    def _look(self, setting: Stall) -> Stalled | None:
        complete = [one for one in self._study.trials(TrialState.COMPLETE) if confirmation_of(one) is None]
        keys = [self._training(frozen) for frozen in complete]
        values = np.array([frozen.values for frozen in complete]).reshape(len(complete), self._signs.size)
        kept = np.array([all(by <= 0 for by in frozen.constraints.values()) for frozen in complete], dtype=bool)
        grown = growth(values * self._signs, kept, keys, setting.trainings)
        if grown is None or grown >= setting.gain:
            return None
        return Stalled(trainings=len(set(keys)), growth=grown, setting=setting)

    def _training(self, frozen: FrozenTrial) -> str:
        """The same for trials that share a training."""
        if frozen.number not in self._trainings:
            candidate = self._study.space.candidate(params_of(frozen))
            self._trainings[frozen.number] = content_hash((candidate.arch, candidate.training))
        return self._trainings[frozen.number]


def growth(
    values: NDArray[np.float64], feasible: NDArray[np.bool_], trainings: Sequence[str], last: int
) -> float | None:
    """By what share the latest trainings have made the hypervolume larger.

    Args:
        values: (n, m) of trials by number, all minimised.
        feasible: (n,) whether a trial keeps the constraints.
        trainings: n names of what was trained for each.
        last: how many trainings are the latest ones.

    Returns:
        The share of what the hypervolume was before them; infinity if it was nothing. None where no more trainings
        than that were made, or nothing is feasible.
    """
    order = list(dict.fromkeys(trainings))
    if len(order) <= last or not feasible.any():
        return None
    early = set(order[: len(order) - last])
    before = np.array([name in early for name in trainings], dtype=bool)
    corner = reference(values[feasible])
    now = pareto.hypervolume(values[feasible], corner)
    then = pareto.hypervolume(values[feasible & before], corner)
    return now / then - 1.0 if then > 0 else math.inf


def reference(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The point that hypervolumes are measured from: a tenth of the front's range behind its worst, (m,).

    Where the front has one value only, a tenth of that value's size takes the place of its range.
    """
    front = values[pareto.front_mask(values)]
    worst, best = front.max(axis=0), front.min(axis=0)
    span = np.where(worst > best, worst - best, np.maximum(np.abs(worst), 1e-9))
    corner: NDArray[np.float64] = worst + _MARGIN * span
    return corner

"""What a sampler learns from: the trials of a study, at most so many that a draw costs the same late in a study."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from mqn.pareto import front_mask

MOST_LEARNT = 500
"""Complete trials that TPE learns from. Of more it takes the best, and a sample of the others."""

_BEST = 100
"""At least so many of them are the best. TPE itself models the 25 best against the rest."""


class History:
    """The trials of a study that a sampler learns from, with their values side by side."""

    def __init__(self, directions: Sequence[StudyDirection]) -> None:
        """Begin without any; `directions` are those of the study's objectives."""
        self._signs = np.array([-1.0 if direction == StudyDirection.MAXIMIZE else 1.0 for direction in directions])
        self._trials: list[FrozenTrial] = []
        self._numbers: list[int] = []
        self._losses: list[list[float]] = []
        self._broken: list[float] = []
        self._pool: list[int] = []  # places of all trials of the first `_depth` fronts
        self._depth = self._pooled = 0

    def add(self, trial: FrozenTrial) -> None:
        """Add a trial that has ended, once. Samplers learn from complete ones, and from those that break a constraint.

        Those of the gate have no values: TPE ranks what breaks a constraint by how far it breaks it.
        """
        broken = sum(violation for violation in trial.constraints.values() if violation > 0)
        if trial.state == TrialState.COMPLETE or (trial.state == TrialState.PRUNED and broken > 0):
            self._trials.append(trial)
            self._numbers.append(trial.number)
            self._losses.append([] if trial.values is None else trial.values)
            self._broken.append(broken)

    def all(self) -> list[FrozenTrial]:
        """Every trial, by number."""
        return sorted(self._trials, key=lambda trial: trial.number)

    def choose(self, seed: Sequence[int], most: int = MOST_LEARNT) -> list[FrozenTrial]:
        """At most `most` trials, by number: the best, and a sample of the others.

        Which they are depends on the trials and on `seed` alone, not on the order in which they ended.
        """
        if len(self._trials) <= most:
            return self.all()
        numbers = np.array(self._numbers)
        best = np.array(sorted(self._best(), key=self._numbers.__getitem__)[: most // 2])
        others = np.setdiff1d(np.arange(numbers.size), best)
        others = others[np.argsort(numbers[others])]
        sample = np.random.default_rng(seed).choice(others, size=most - best.size, replace=False, shuffle=False)
        chosen = np.concatenate([best, sample])
        return [self._trials[i] for i in chosen[np.argsort(numbers[chosen])]]

    def _best(self) -> list[int]:
        """The places of the first fronts that hold `_BEST` trials together; then those that break least.

        A trial that is on none of the first fronts never comes onto one, whatever is added. So only those that were on
        them, and the new ones, are compared.
        """
        fronts = self._fronts([*self._pool, *range(self._pooled, len(self._trials))], depth=self._depth)
        if sum(map(len, fronts)) < _BEST:
            fronts = self._fronts(range(len(self._trials)), count=2 * _BEST)
            self._depth = len(fronts)
        while sum(map(len, fronts[:-1])) >= 2 * _BEST:
            fronts.pop()
            self._depth -= 1
        self._pool, self._pooled = [place for front in fronts for place in front], len(self._trials)
        found: list[int] = []
        for front in fronts:
            if len(found) < _BEST:
                found += front
        if len(found) < _BEST:
            broken = [i for i, violation in enumerate(self._broken) if violation > 0]
            found += sorted(broken, key=lambda i: (self._broken[i], self._numbers[i]))[: _BEST - len(found)]
        return found

    def _fronts(self, places: Iterable[int], *, depth: int | None = None, count: int | None = None) -> list[list[int]]:
        """Front after front of those that break nothing: so many, or until they hold so many together."""
        left = np.array([place for place in places if self._broken[place] <= 0], dtype=np.int64)
        losses = np.array([self._losses[place] for place in left]).reshape(left.size, self._signs.size) * self._signs
        fronts: list[list[int]] = []
        while left.size and (depth is None or len(fronts) < depth) and (count is None or sum(map(len, fronts)) < count):
            first = front_mask(losses)
            fronts.append(left[first].tolist())
            left, losses = left[~first], losses[~first]
        return fronts


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise NotImplementedError("a sampler only reads")


class LearningStorage(BaseStorage):
    """What a sampler sees while it draws: trials in memory. What it writes about the trial is kept in `noted`."""

    create_new_study = delete_study = get_all_studies = get_study_name_from_id = set_study_user_attr = _refuse
    create_new_trial = set_trial_param = set_trial_state_values = set_trial_intermediate_value = _refuse
    set_trial_user_attr = get_trial_id_from_study_id_trial_number = _refuse

    def __init__(
        self,
        directions: Sequence[StudyDirection],
        trials: Sequence[FrozenTrial],
        *,
        read: Callable[[], dict[str, Any]] = dict,
        write: Callable[[str, Any], object] = lambda _key, _value: None,
    ) -> None:
        """Show some trials.

        Args:
            directions: of the objectives.
            trials: by number, without the one that is drawn.
            read: reads the system attributes of the study, where NSGA-II keeps the parents of a generation.
            write: writes one.
        """
        self._directions, self._trials = list(directions), list(trials)
        self._read, self._write = read, write
        self.noted: dict[str, Any] = {}

    def get_study_id_from_name(self, study_name: str) -> int:  # noqa: ARG002
        """There is one study."""
        return 0

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:  # noqa: ARG002
        """Its objectives'."""
        return self._directions

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:  # noqa: ARG002
        """None that a sampler needs."""
        return {}

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:  # noqa: ARG002
        """What samplers keep for all."""
        return self._read()

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:  # noqa: ARG002
        """Keep something for all."""
        self._write(key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:  # noqa: ARG002
        """Keep something of the trial that is drawn."""
        self.noted[key] = value

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """One of the trials."""
        return next(trial for trial in self._trials if trial._trial_id == trial_id)  # noqa: SLF001

    def get_all_trials(
        self,
        study_id: int,  # noqa: ARG002
        deepcopy: bool = True,  # noqa: ARG002
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """The trials in some states. They are not copied: samplers change none."""
        return [trial for trial in self._trials if states is None or trial.state in states]

    def study(self) -> optuna.Study:
        """As samplers want it."""
        return optuna.Study(study_name="", storage=self)


def by_number(complete: Iterable[FrozenTrial], running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Both together, by number."""
    return sorted([*complete, *running], key=lambda trial: trial.number)

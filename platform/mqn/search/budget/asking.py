"""Asks a study for trials within its budgets: one that needs a training of its own only while there is one left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mqn.parsing import content_hash
from mqn.records import Candidate
from mqn.search.artifacts import GATE, ArtifactStore
from mqn.search.budget.budgets import Budgets, is_training, name_of
from mqn.search.budget.spent import UsedUp
from mqn.search.space.dimensions import Params
from mqn.search.space.space import Space
from mqn.search.storage.lease import GoalReachedError
from mqn.search.trials.running import RunningTrial
from mqn.search.work.evaluation import OWN_FAULTS
from mqn.search.work.jobs import Job
from mqn.search.work.steps import Pipeline


class Asked(Protocol):
    """What is asked for trials: a `Study`."""

    space: Space

    def ask(self, only: Callable[[Params], bool] | None = None, *, most: int | None = None) -> RunningTrial | None:
        """The next trial, see `Study.ask`."""


class Asking:
    """Asks a study for trials within its budgets.

    `used_up` is the budget that holds back trainings; None while none does.
    """

    def __init__(self, study: Asked, pipeline: Pipeline, store: ArtifactStore, budgets: Budgets) -> None:
        """Put the parts together."""
        self.used_up: UsedUp | None = None
        self._study, self._pipeline, self._store, self._budgets = study, pipeline, store, budgets
        self._untrained: set[str] = set()
        self._needed: dict[int, Job] = {}  # by trial: trainings that it may have to begin

    def ask(self, most: int | None = None) -> RunningTrial | None:
        """The next trial; None where none may begin. `most` is that of `Supply.ask`, with its error.

        Where no training may begin any more, it is a queued one whose network is trained already.
        """
        self.used_up = self._budgets.take_training()
        try:
            trial = self._study.ask(only=self._is_trained if self.used_up else None, most=most)
        except GoalReachedError:
            if self._budgets.has_place:
                self._budgets.fill(None)
            raise
        if self._budgets.awaits_trainings:
            training = None if trial is None else self._need(trial)
            if self._budgets.has_place:
                self._budgets.fill(training)
        return trial

    def take_up(self, trial: RunningTrial) -> None:
        """A trial that another driver left goes on, and keeps the place of its training."""
        training = self._need(trial) if self._budgets.awaits_trainings else None
        if training is not None and self._budgets.counts_trainings:
            self._budgets.take_up(training)

    def end(self, number: int) -> bool:
        """A trial has ended. Returns whether it gave back the place of a training that never began."""
        training = self._needed.pop(number, None)
        if training is None or any(name_of(training) == name_of(other) for other in self._needed.values()):
            return False
        self._untrained.clear()  # What had the place may be had again.
        return self._budgets.release(training)

    def _need(self, trial: RunningTrial) -> Job | None:
        training = self._training(self._study.space.candidate(trial.params))
        if training is not None:
            self._needed[trial.number] = training
            self._budgets.expect(training)
        return training

    def _is_trained(self, point: Params) -> bool:
        name = content_hash(point)
        if name in self._untrained:
            return False
        training = self._training(self._study.space.candidate(point))
        if training is None or self._budgets.knows(training):
            return True
        self._untrained.add(name)
        return False

    def _training(self, candidate: Candidate) -> Job | None:
        """The training that a candidate needs; None where it needs none, or its network is there already."""
        try:
            steps = [*self._pipeline.steps(candidate), *self._pipeline.rungs(candidate)[:1]]
            first = [step.make({}) for step in steps if not step.needs and not step.name.startswith(GATE)]
        except OWN_FAULTS:  # The trial fails by it when it is evaluated.
            return None
        trainings = [job for job in first if is_training(job)]
        # Where it is made in parts, its place is that of the first of them: the others may never be made.
        there = any(self._store.find(*job.id) is not None for job in trainings)
        return None if there or not trainings else trainings[-1]

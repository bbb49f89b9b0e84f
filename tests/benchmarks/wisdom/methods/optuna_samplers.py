"""Optuna's own samplers on a replay, each with whole trainings.

A proposal is given the nearest row (`nearest.py`), and the study learns the row's own values, not the proposed ones.
"""

from __future__ import annotations

from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState, create_trial

from mqn.search.space.dimensions import Params
from mqn.search.trials.sampling import with_distributions
from tests.benchmarks.wisdom.candidates import plan_label, plans, wisdom_space
from tests.benchmarks.wisdom.methods.nearest import Rows
from tests.benchmarks.wisdom.replay import BudgetSpentError, Replay

POPULATION = 24
"""Of NSGA-II: as this project's searches have it; Optuna's own is 50."""

MakeSampler = Callable[[int], BaseSampler]
SAMPLERS: dict[str, MakeSampler] = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
}


def with_all_plans(make: MakeSampler) -> Callable[[Replay, int], None]:
    """A search in which every training is tried with all plans, as this project's do: each plan is a trial."""

    def run(replay: Replay, seed: int) -> None:
        search = _Search(replay, make(seed))
        taken: set[int] = set()
        while len(taken) < len(replay.networks):
            proposed, noted = search.propose()
            row = search.rows.nearest(proposed, taken)
            assert row is not None
            taken.add(row)
            try:
                replay.train(row, replay.epochs)
            except BudgetSpentError:
                return
            accuracy = replay.accuracy(row)
            for plan in plans():
                search.tell(row, plan, accuracy.get(plan_label(plan)), noted)

    return run


def with_one_plan(make: MakeSampler) -> Callable[[Replay, int], None]:
    """A search as plain Optuna is used: a trial is a training of its own, and one plan."""

    def run(replay: Replay, seed: int) -> None:
        search = _Search(replay, make(seed))
        taken: dict[str, set[int]] = {plan_label(plan): set() for plan in plans()}
        by_label = {plan_label(plan): plan for plan in plans()}
        while any(len(rows) < len(replay.networks) for rows in taken.values()):
            proposed, noted = search.propose()
            label = plan_label({key: value for key, value in proposed.items() if key.startswith("plan.")})
            row = search.rows.nearest(proposed, taken[label])
            if row is None:
                continue
            taken[label].add(row)
            try:
                value = replay.train_for(row, label)
            except BudgetSpentError:
                return
            search.tell(row, by_label[label], value, noted)

    return run


class _Search:
    """A study in memory whose trials are rows."""

    def __init__(self, replay: Replay, sampler: BaseSampler) -> None:
        self._space, self._replay = wisdom_space(), replay
        self._study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        networks = [one for one in self._space.dimensions if one.key not in self._space.expansion]
        self.rows = Rows(networks, replay.networks)

    def propose(self) -> tuple[Params, dict[str, object]]:
        """A point of the sampler's, and what the sampler keeps of the trial."""
        trial = self._study.ask()
        point = self._space.draw(trial)
        noted = dict(self._study._storage.get_trial_system_attrs(trial._trial_id))
        self._study.tell(trial, state=TrialState.FAIL)  # Its row takes its place.
        return point, noted

    def tell(self, row: int, plan: Params, accuracy: float | None, noted: dict[str, object]) -> None:
        """Add a trial of a row and a plan; one without accuracy has failed."""
        if accuracy is None:
            return
        latency = self._replay.gate(row)[plan_label(plan)]["latency_ms"]
        values = with_distributions(self._space, {**self._replay.networks[row], **plan})
        limit = self._replay.limit
        self._study.add_trial(
            create_trial(
                values=[accuracy, latency],
                params={key: value for key, (value, _) in values.items()},
                distributions={key: distribution for key, (_, distribution) in values.items()},
                system_attrs=noted,
                constraints=None if limit is None else {"latency_ms": latency - limit},
            )
        )

"""Which trials are confirmed, and with which seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from mqn import pareto
from mqn.quantities import Direction
from mqn.search.trials.confirmation import Confirmation, confirmation_of

_SEEDS = 2**32


def members(trials: Iterable[FrozenTrial], directions: Sequence[Direction]) -> list[FrozenTrial]:
    """The trials on a study's front, by number: complete, within the constraints, and beaten by no other.

    Those that were confirmed before stand at their means, see `mqn.pareto.settled_mask`: so that another round confirms
    who came onto the front by the last one. Trials that confirm others are no members.
    """
    complete = [frozen for frozen in trials if frozen.state == TrialState.COMPLETE]
    seeds: dict[int, list[list[float]]] = defaultdict(list)
    for frozen in complete:
        if (told := confirmation_of(frozen)) is not None:
            seeds[told.trial].append(frozen.values)
    able = [
        frozen
        for frozen in complete
        if confirmation_of(frozen) is None and all(by <= 0 for by in frozen.constraints.values())
    ]
    if not able:
        return []
    signs = np.array([1.0 if direction == "minimize" else -1.0 for direction in directions])
    means = np.array([np.mean([frozen.values, *seeds[frozen.number]], axis=0) for frozen in able])
    best = pareto.settled_mask(means * signs, [bool(seeds[frozen.number]) for frozen in able])
    return [frozen for frozen, chosen in zip(able, best, strict=True) if chosen]


def wanted(seeds: Sequence[tuple[int, int]], count: int) -> list[Confirmation]:
    """What confirms some trials, each with so many further seeds: those that follow its own.

    Args:
        seeds: number and own seed of each trial.
        count: of further seeds.

    Returns:
        Every trial with its first further seed, then every trial with its second, and so on: whenever the work is cut
        short, all trials are confirmed as often, and plans of one network are next to each other.
    """
    return [
        Confirmation(trial=number, seed=(seed + further) % _SEEDS)
        for further in range(1, count + 1)
        for number, seed in seeds
    ]

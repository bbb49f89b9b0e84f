"""Which of the trainings that reached a rung go on: pure functions of what is on record of them.

A training stands for the points that its plans are known to have by then: figures that were measured before it began,
and its accuracy at the rung less what the plan is expected to lose. Its rank is that of its best plan.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mqn.pareto import front_ranks

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """What is known at a rung of the plans of trainings, one row each.

    Attributes:
        trainings: (n,) the training of each, 0 for the one that began first.
        points: (n, m) objectives that were measured before the training, and the accuracy at the rung that the plan is
            expected to keep, with its sign turned: less is better.
        broken: (n,) by how much a plan breaks the constraints that are judged by then; 0: it keeps them.
    """

    trainings: Integers
    points: Floats
    broken: Floats


def best(plans: Plans, wanted: int) -> Integers:
    """The trainings that may go on; all of them where no more are wanted.

    They are chosen by the rank of their best plan: plans that keep the constraints before those that do not, and front
    after front of those that no other plan beats. Within the front that is cut, plans with the most space around them
    come first, then the trainings that began first. The order of the rows does not matter.
    """
    trainings, owners = np.unique(plans.trainings, return_inverse=True)
    if len(trainings) <= wanted:
        return trainings
    of_plans = _ranks(plans.points, plans.broken)
    ranks = _reduced(np.minimum, of_plans, owners)
    cut = np.sort(ranks)[wanted - 1]
    there = np.flatnonzero(of_plans == cut)
    there = there[np.lexsort((*plans.points[there].T, owners[there]))]
    spaces = np.full(len(owners), -np.inf)
    spaces[there] = crowding(plans.points[there])
    order = np.lexsort((trainings, -_reduced(np.maximum, spaces, owners), ranks))
    found: Integers = trainings[order[:wanted]]
    return found


def _reduced(function: np.ufunc, values: NDArray[Any], owners: Integers) -> NDArray[Any]:
    """What a function of two values makes of all values of each owner."""
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[order], np.arange(owners.max() + 1))
    found: NDArray[Any] = function.reduceat(values[order], starts)
    return found


def spared(training: str, seed: int, share: float) -> bool:
    """Whether a training is one of the share that is never stopped; the same for every driver of the study."""
    drawn = int.from_bytes(hashlib.sha256(f"{seed}/{training}".encode()).digest()[:8], "big") / 2**64
    return drawn < share


def _ranks(points: Floats, broken: Floats) -> Integers:
    """Fronts of what keeps the constraints, then the others by how far they break them."""
    ranks, kept = np.zeros(len(points), dtype=np.int64), broken <= 0
    ranks[kept] = front_ranks(points[kept])
    _, amounts = np.unique(broken[~kept], return_inverse=True)
    ranks[~kept] = len(points) + amounts
    return ranks


def crowding(points: Floats) -> Floats:
    """How much space a point has to its neighbours on a front, summed over objectives; infinite at the ends.

    Section III-B of Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002.

    Args:
        points: (n, m).

    Returns:
        (n,)
    """
    found = np.zeros(len(points))
    for values in points.T:
        order = np.argsort(values, kind="stable")
        ranked = values[order]
        extent = ranked[-1] - ranked[0]
        if extent <= 0:
            continue
        found[order[[0, -1]]] = np.inf
        found[order[1:-1]] += (ranked[2:] - ranked[:-2]) / extent
    return found

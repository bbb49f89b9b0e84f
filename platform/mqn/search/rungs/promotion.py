"""Which of the trainings that reached a rung go on: pure functions of what is on record of them.

A training stands for the points that its plans are known to have by then: figures that were measured before it began,
and its accuracy at the rung less what the plan is expected to lose. Its rank is that of its best plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mqn.pareto import front_mask

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPoint:
    """What is known of one plan of a training.

    Attributes:
        known: objectives that were measured before the training, less is better; in every point of a rung the same.
        loss: accuracy that the plan is expected to lose, in dB.
        broken: by how much it breaks the constraints that are judged by then; 0: it keeps them.
    """

    known: tuple[float, ...] = ()
    loss: float = 0.0
    broken: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A training at a rung.

    Attributes:
        training: its name.
        number: of the first trial that needed it.
        accuracy: in dB after the rung's epochs.
        plans: at least one.
    """

    training: str
    number: int
    accuracy: float
    plans: tuple[PlanPoint, ...]


def best(standings: Collection[Standing], factor: int) -> frozenset[str]:
    """The trainings that may go on: one of `factor`, but one at least.

    They are chosen by the rank of their best plan: plans that keep the constraints before those that do not, and front
    after front of those that no other plan beats. Within the front that is cut, plans with the most space around them
    come first, then the trainings that began first. The order in which results came in does not matter.
    """
    if not standings:
        return frozenset()
    wanted = max(1, len(standings) // factor)
    return frozenset(_ranked(sorted(standings, key=lambda standing: standing.number), wanted)[:wanted])


def spared(training: str, seed: int, share: float) -> bool:
    """Whether a training is one of the share that is never stopped; the same for every driver of the study."""
    drawn = int.from_bytes(hashlib.sha256(f"{seed}/{training}".encode()).digest()[:8], "big") / 2**64
    return drawn < share


def _ranked(standings: Sequence[Standing], wanted: int) -> list[str]:
    """Trainings by rank; the order is true of the first `wanted`."""
    owners = [i for i, standing in enumerate(standings) for _ in standing.plans]
    points = np.array(
        [[*plan.known, plan.loss - standing.accuracy] for standing in standings for plan in standing.plans]
    )
    broken = np.array([max(0.0, plan.broken) for standing in standings for plan in standing.plans])
    ranks = _ranks(points, broken, np.array(owners), wanted)
    spaces = np.zeros(len(points))
    for rank in np.unique(ranks):
        spaces[ranks == rank] = crowding(points[ranks == rank])
    order: dict[int, tuple[int, float]] = {}
    for owner, rank, space in zip(owners, ranks, spaces, strict=True):
        order[owner] = min(order.get(owner, (int(rank), -float(space))), (int(rank), -float(space)))
    return [standings[owner].training for owner in sorted(order, key=lambda owner: (*order[owner], owner))]


def _ranks(points: Floats, broken: Floats, owners: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
    """Fronts of what keeps the constraints, then the others by how far they break them.

    Once the fronts have points of as many owners as are `wanted`, all that is left of the first kind is one rank.
    """
    ranks = np.full(len(points), -1, dtype=np.int64)
    left, rank = np.flatnonzero(broken <= 0), 0
    found: set[int] = set()
    while left.size and len(found) < wanted:
        first = front_mask(points[left])
        ranks[left[first]] = rank
        found.update(owners[left[first]].tolist())
        left, rank = left[~first], rank + 1
    ranks[left] = rank
    rank += 1
    for amount in np.unique(broken[broken > 0]):
        ranks[broken == amount] = rank
        rank += 1
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

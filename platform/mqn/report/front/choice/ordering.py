"""Trials in the order in which they would be taken, where those that cannot be told apart go by what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mqn.records import Range
from mqn.report.front.points import Point, overlap

COSTS: Mapping[str, str] = {
    "latency_ms": "faster",
    "size_bytes": "smaller",
    "peak_memory_mb": "one that takes less memory",
    "parameters": "one with fewer parameters",
}
"""What trials that cannot be told apart go by, first things first, and what the cheaper one is called."""

_LISTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A cost of a trial with its 95 % range, where one is known."""

    value: float
    range: Range | None = None

    def above(self, least: Cost) -> bool:
        """Whether it is more than another, as far as their ranges tell."""
        return self.value > least.value and not overlap(self.range, least.range)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A trial that may be taken.

    Attributes:
        point: the trial by the figures that decide.
        whole: the trial by these and all figures that are limited.
        rank: what decides, less is better: the figure with its sign turned where more is better, or the knee's sum.
        costs: by the names of `COSTS`; those that the trial has.
    """

    point: Point
    whole: Point
    rank: float
    costs: Mapping[str, Cost] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The trial's."""
        return self.point.record.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A trial in its place.

    Attributes:
        contender: the trial.
        beside: trials that were left and that cannot be told apart from the best of them, the best one first; without
            this trial.
        because: what made it the one that was taken: `faster`, `smaller`; empty where they cost the same, or where
            there was no other.
    """

    contender: Contender
    beside: tuple[int, ...] = ()
    because: tuple[str, ...] = ()

    def text(self, figure: str) -> str:
        """The line on trials that cannot be told apart in a figure; empty where there is no other."""
        if not self.beside:
            return ""
        numbers = [f"#{number}" for number in sorted((*self.beside, self.contender.number))]
        more = len(numbers) - _LISTED
        listed = f"{', '.join(numbers[:_LISTED])} and {more} more" if more > 0 else _and(numbers)
        cheaper = f"the {' and '.join(self.because)}" if self.because else "they cost the same, and the first"
        return f"{listed} cannot be told apart in {figure}: {cheaper} was taken, #{self.contender.number}"


def order(
    contenders: Sequence[Contender], alike: Callable[[Contender, Contender], bool], costs: Sequence[str], count: int
) -> list[Place]:
    """Put the first trials in order: of those that cannot be told apart from the best one, the cheapest goes first.

    Args:
        contenders: the trials.
        alike: whether two of them cannot be told apart in what decides.
        costs: names of the costs that count, first things first.
        count: how many places are wanted.
    """
    left, places = sorted(contenders, key=lambda one: (one.rank, one.number)), list[Place]()
    while left and len(places) < count:
        group = [left[0], *(one for one in left[1:] if one.rank == left[0].rank or alike(left[0], one))]
        taken, because = _cheapest(group, costs)
        beside = tuple(one.number for one in group if one is not taken)
        places.append(Place(contender=taken, beside=beside, because=because))
        left = [one for one in left if one is not taken]
    return places


def _cheapest(group: Sequence[Contender], costs: Sequence[str]) -> tuple[Contender, tuple[str, ...]]:
    """The cheapest of some trials, the better ones first, and by what it is cheaper than others of them."""
    because: list[str] = []
    for name in costs:
        if len(group) == 1:
            break
        known = [one.costs.get(name) for one in group]
        told = [cost for cost in known if cost is not None]
        if len(told) < len(group):
            continue  # Trials are compared by what is known of all.
        least = min(told, key=lambda cost: cost.value)
        kept = [one for one in group if not one.costs[name].above(least)]
        because += [COSTS[name]] * (len(kept) < len(group))
        group = kept
    return group[0], tuple(because)


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))

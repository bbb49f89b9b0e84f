"""What the rule would have done in a finished study: its trainings one after the other, as their curves tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mqn.search.rungs.ledger import Ledger
from mqn.search.rungs.rule import Result, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of it.

    Attributes:
        stopped: trainings that would have been stopped, each with its epochs by then.
        trainings: how many there are.
        epochs: that they had.
        saved_epochs: of these, those that would not have been trained.
    """

    stopped: dict[str, int]
    trainings: int
    epochs: int
    saved_epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    name: str
    epochs: int
    curve: tuple[float, ...]
    trials: tuple[Result, ...]


def replay(results: Sequence[Result], rule: Rule) -> Replay:
    """Let trainings begin one after the other, in the order of their trials; promotions go before new trainings.

    Args:
        results: of a study's trials, with whole curves; a training without a curve is left out. What a plan lost is
            known once its training is over.
        rule: who is promoted.
    """
    every = {name: one for name, one in _gather(results).items() if one.curve}
    epochs: dict[str, int] = {}
    ledger = Ledger(rule)

    def train(one: _Training, goal: int) -> None:
        epochs[one.name] = goal
        for result in one.trials:
            ledger.put(_at(result, one.curve[:goal], over=goal == len(one.curve)))

    for one in every.values():
        train(one, min(len(one.curve), rule.rungs.of(one.epochs)[0]))
        moved = True
        while moved:
            moved = False
            for other, rung in ledger.decide().items():
                levels = (*rule.rungs.of(every[other].epochs), every[other].epochs)
                goal = min(len(every[other].curve), levels[rung])
                if goal > epochs[other]:
                    train(every[other], goal)
                    moved = True
    whole = sum(len(one.curve) for one in every.values())
    return Replay(
        stopped={name: made for name, made in epochs.items() if made < len(every[name].curve)},
        trainings=len(every),
        epochs=whole,
        saved_epochs=whole - sum(epochs.values()),
    )


def _gather(results: Iterable[Result]) -> dict[str, _Training]:
    """The trainings that trials need, by name, in the order of their first trials."""
    groups: defaultdict[str, list[Result]] = defaultdict(list)
    for result in sorted(results, key=lambda result: result.number):
        groups[result.training].append(result)
    return {
        name: _Training(
            name=name,
            epochs=trials[0].epochs,
            curve=max((result.curve for result in trials), key=len),
            trials=tuple(trials),
        )
        for name, trials in groups.items()
    }


def _at(result: Result, curve: tuple[float, ...], *, over: bool) -> Result:
    """A trial as it was known then."""
    return replace(result, curve=curve, promoted=0, lost=result.lost if over else None)

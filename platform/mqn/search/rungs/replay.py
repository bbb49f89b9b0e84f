"""What the rule would have done in a finished study: its trainings one after the other, as their curves tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mqn.search.rungs.ledger import Ledger
from mqn.search.rungs.rule import Result, Rule, Training, gather


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


def replay(results: Sequence[Result], rule: Rule) -> Replay:
    """Let trainings begin one after the other, in the order of their trials; promotions go before new trainings.

    Args:
        results: of a study's trials, with whole curves; a training without a curve is left out. What a plan lost is
            known once its training is over.
        rule: who is promoted.
    """
    every = {name: one for name, one in gather(results).items() if one.curve}
    epochs: dict[str, int] = {}
    ledger = Ledger(rule)

    def train(one: Training, goal: int) -> None:
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


def _at(result: Result, curve: tuple[float, ...], *, over: bool) -> Result:
    """A trial as it was known then."""
    return replace(result, curve=curve, promoted=0, lost=result.lost if over else None)

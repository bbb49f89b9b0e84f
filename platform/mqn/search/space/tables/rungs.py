"""The table `[rungs]` of a space: where trainings may be stopped, and how many of them go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mqn.errors import ConfigError
from mqn.quantities import measure_of, split_target
from mqn.records import Candidate
from mqn.search.space.dimensions import Dimension, Params
from mqn.search.space.goals import Objective

EPOCHS = "training.epochs"
_LEVELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rungs:
    """Trainings stop at shares of their epochs, unless they are promoted.

    Attributes:
        levels: how often a training is looked at, its end included; None: 3, or one more than `epochs` has.
        factor: one of so many trainings that reach a rung goes on, and each level has so many times the epochs of the
            level before.
        epochs: the epochs at which trainings are looked at; empty: shares of each training's own epochs.
        spared: share of the trainings that is never stopped, 0 to 1.
    """

    levels: int | None = None
    factor: int = 3
    epochs: tuple[int, ...] = ()
    spared: float = 0.05

    def of(self, epochs: int) -> tuple[int, ...]:
        """The epochs after which a training of so many epochs may be stopped: 4 and 12 of 36."""
        if self.epochs:
            return self.epochs
        below = range((self.levels or _LEVELS) - 1, 0, -1)
        return tuple(max(1, round(epochs / self.factor**level)) for level in below)


def check_rungs(
    rungs: Rungs,
    objectives: Sequence[Objective],
    dimensions: Iterable[Dimension],
    points: Iterable[Params],
    bases: Iterable[Candidate],
    *,
    source: str,
) -> None:
    """Check the table against the trainings of its space.

    Raises:
        ConfigError: it has fewer than two levels, or some training is too short for them; or no objective says how
            good a network is.
    """
    where = f"{source}: rungs"
    if rungs.levels is not None and rungs.levels < 2:
        raise ConfigError(f"{where}.levels {rungs.levels} must be at least 2: a rung, and the end of the training")
    if rungs.levels is not None and rungs.epochs and rungs.levels != len(rungs.epochs) + 1:
        raise ConfigError(
            f"{where}: levels {rungs.levels} and epochs {list(rungs.epochs)} differ: epochs has a rung a level, but "
            "for the last, which is the end of the training; leave one of them out"
        )
    if rungs.factor < 2:
        raise ConfigError(f"{where}.factor {rungs.factor} must be at least 2: one of so many trainings goes on")
    if not 0 <= rungs.spared <= 1:
        raise ConfigError(f"{where}.spared {rungs.spared:g} must be a share, 0 to 1")
    if not any(measure_of(split_target(objective.metric)[0]) for objective in objectives):
        raise ConfigError(f"{where}: no objective says how good a network is, so no training can be judged early")
    if sorted({0, *rungs.epochs}) != [0, *rungs.epochs]:
        raise ConfigError(f"{where}.epochs {list(rungs.epochs)} must rise from rung to rung, from 1 on")
    shortest = _shortest(dimensions, points, bases)
    found = rungs.of(shortest)
    if sorted({*found, shortest}) != [*found, shortest]:
        raise ConfigError(
            f"{where}: a training of {shortest} epochs cannot be stopped after {_words(found)} and at its end; "
            f"{_advice(rungs)}"
        )


def _shortest(dimensions: Iterable[Dimension], points: Iterable[Params], bases: Iterable[Candidate]) -> int:
    """The fewest epochs that a training of the space may have."""
    varied = [dimension for dimension in dimensions if dimension.key == EPOCHS]
    given = [int(point[EPOCHS]) for point in points if EPOCHS in point]
    given += [int(value) for dimension in varied for value in (dimension.choices or (dimension.low,))]
    if not given or any(dimension.when for dimension in varied):
        given += [base.training.epochs for base in bases]
    return min(given)


def _words(epochs: Sequence[int]) -> str:
    return ", ".join(map(str, epochs))


def _advice(rungs: Rungs) -> str:
    if rungs.epochs:
        return "give fewer epochs, or longer trainings, or levels in place of epochs: shares of each training's own"
    return "give fewer levels, or longer trainings"

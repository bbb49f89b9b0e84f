"""A recorded table as a method sees it: what it has not paid for, it is not told. Prices are in epochs.

A whole training costs the epochs of the table's trainings, one that is stopped at a rung so many as it was trained for,
one that goes on later the rest. What the gate measures costs none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mqn import pareto
from mqn.search.space.dimensions import Params

MEASURE = "psnr_tm"


class NotPaidError(Exception):
    """A method asked for what it has not paid for."""


class BudgetSpentError(Exception):
    """A method wants more epochs than it has left, or has reached what is enough. What it paid for before stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A row with all that is known of it.

    Attributes:
        network: by dimension its value, plans left out.
        curve: validation PSNR-TM in dB after each epoch; shorter than the table's trainings where this one failed.
        accuracy_float: PSNR-TM of the float file in dB; None where the training failed.
        accuracy: of each plan's file; a plan that could not be carried out is missing.
        gate: by plan, what the gate measures of it: `latency_ms`, `size_bytes`, `macs`.
    """

    network: Params
    curve: tuple[float, ...]
    accuracy_float: float | None
    accuracy: Mapping[str, float]
    gate: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """The table of a comparison, the same for all methods.

    Attributes:
        rows: what there is.
        epochs: of a whole training.
        floor: accuracy in dB that counts nothing: that of the input left as it is.
        ceiling: latency in ms that counts nothing: the table's slowest.
        limit: latency in ms that a plan has to keep; None: any.
    """

    rows: Sequence[Recorded]
    epochs: int
    floor: float
    ceiling: float
    limit: float | None = None

    def feasible(self, latency_ms: float) -> bool:
        """Whether a plan of this latency keeps the limit."""
        return self.limit is None or latency_ms <= self.limit

    def hypervolume(self, points: Sequence[tuple[float, float]]) -> float:
        """Of points of accuracy in dB and latency in ms, in dB x ms; those that break the limit count nothing."""
        kept = [(-accuracy, latency) for accuracy, latency in points if self.feasible(latency)]
        return pareto.hypervolume(np.array(kept).reshape(-1, 2), (-self.floor, self.ceiling))

    @property
    def breakers(self) -> frozenset[int]:
        """The rows none of whose plans keeps the limit."""
        return frozenset(
            number
            for number, row in enumerate(self.rows)
            if not any(self.feasible(told["latency_ms"]) for told in row.gate.values())
        )


class Replay:
    """One run of a method on a table.

    Attributes:
        epochs: of a whole training.
        networks: of all rows: by dimension its value. That these exist, every method knows.
        spent: epochs so far.
        trained: rows that were trained, in the order of their first epoch.
    """

    def __init__(self, grounds: Grounds, budget: int, *, least: int = 0, enough: float = math.inf) -> None:
        """Begin with nothing known.

        Args:
            grounds: the table.
            budget: in epochs.
            least: epochs that are spent in any case.
            enough: hypervolume at which the run is over then.
        """
        self._grounds, self._budget, self._least, self._enough = grounds, budget, least, enough
        self.epochs = grounds.epochs
        self.networks: tuple[Params, ...] = tuple(row.network for row in grounds.rows)
        self.spent = 0
        self.trained: list[int] = []
        self._paid: dict[int, int] = {}
        self._points: list[tuple[float, float]] = []
        self._trace: list[tuple[int, float]] = [(0, 0.0)]

    def feasible(self, latency_ms: float) -> bool:
        """Whether a plan of this latency keeps the limit."""
        return self._grounds.feasible(latency_ms)

    @property
    def limit(self) -> float | None:
        """Latency in ms that a plan has to keep; None: any."""
        return self._grounds.limit

    def gate(self, row: int) -> Mapping[str, Mapping[str, float]]:
        """What the gate measures of a row, by plan: an untrained network, exported and timed. It costs no epochs."""
        return self._grounds.rows[row].gate

    def train(self, row: int, epochs: int) -> tuple[float, ...]:
        """Train a row up to an epoch, or go on with it; pays for the epochs that are new.

        Returns:
            Its curve up to there. A training that fails ends before, and costs the epoch in which it failed.

        Raises:
            BudgetSpentError: there are not enough epochs left.
        """
        recorded = self._grounds.rows[row]
        failed = len(recorded.curve) < self.epochs
        reached = min(epochs, len(recorded.curve) + 1) if failed else epochs
        self._pay(max(0, reached - self._paid.get(row, 0)))
        if row not in self._paid:
            self.trained.append(row)
        before = self._paid.get(row, 0)
        self._paid[row] = max(before, reached)
        if before < self.epochs <= self._paid[row]:
            self._learn([(value, recorded.gate[plan]["latency_ms"]) for plan, value in recorded.accuracy.items()])
        return recorded.curve[:epochs]

    def curve(self, row: int) -> tuple[float, ...]:
        """The epochs of a row that are paid for."""
        return self._grounds.rows[row].curve[: self._paid.get(row, 0)]

    def accuracy(self, row: int) -> Mapping[str, float]:
        """The accuracy of every plan of a row in dB, by plan.

        Raises:
            NotPaidError: its training is not paid for to the end.
        """
        return self._whole(row).accuracy

    def accuracy_float(self, row: int) -> float | None:
        """The accuracy of a row's float file in dB; None where its training failed. Raises likewise."""
        return self._whole(row).accuracy_float

    def train_for(self, row: int, plan: str) -> float | None:
        """Train a row from its beginning for one plan alone, as a search does that shares nothing between trials.

        Returns:
            The plan's accuracy in dB; None where training or plan failed.

        Raises:
            BudgetSpentError: there are not enough epochs left.
        """
        recorded = self._grounds.rows[row]
        self._pay(min(self.epochs, len(recorded.curve) + 1))
        self.trained.append(row)
        value = recorded.accuracy.get(plan)
        if value is not None:
            self._learn([(value, recorded.gate[plan]["latency_ms"])])
        return value

    @property
    def trace(self) -> tuple[tuple[int, float], ...]:
        """Epochs spent, and the hypervolume of what was known then; ascending."""
        return tuple(self._trace)

    def _pay(self, epochs: int) -> None:
        over = self.spent >= self._least and self._trace[-1][1] >= self._enough
        if over or self.spent + epochs > self._budget:
            raise BudgetSpentError
        self.spent += epochs

    def _learn(self, points: list[tuple[float, float]]) -> None:
        self._points += points
        self._trace.append((self.spent, self._grounds.hypervolume(self._points)))

    def _whole(self, row: int) -> Recorded:
        if self._paid.get(row, 0) < min(self.epochs, len(self._grounds.rows[row].curve) + 1):
            raise NotPaidError(f"row {row} is paid for up to epoch {self._paid.get(row, 0)} of {self.epochs}")
        return self._grounds.rows[row]

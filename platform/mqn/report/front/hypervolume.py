"""The hypervolume of a study's front, and how it grew."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mqn import pareto
from mqn.quantities import number_text
from mqn.records import TrialRecord
from mqn.report.front.points import Axis, Point, axes_of, minimised, points_in
from mqn.search.space.goals import Objective

# How far behind the worst trial the reference point lies, as a share of the trials' range in each objective.
REFERENCE_MARGIN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The hypervolume after each trial.

    Attributes:
        axes: the objectives.
        reference: the point it is measured from, as measured: nothing is negated.
        trials: numbers of the complete trials, ascending.
        values: hypervolume of all feasible trials up to and with that one, in the product of the objectives' units.
    """

    axes: tuple[Axis, ...]
    reference: tuple[float, ...]
    trials: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def final(self) -> float:
        """The hypervolume of the whole study; 0 without a feasible trial."""
        return self.values[-1] if self.values else 0.0

    @property
    def reference_text(self) -> str:
        """The reference point in words: `psnr_tm 17.2, latency_ms 21.4`."""
        pairs = zip(self.axes, self.reference, strict=True)
        return ", ".join(f"{axis.metric} {axis.quantity.text(value)}" for axis, value in pairs)

    @property
    def unit(self) -> str:
        """Of the hypervolume: the product of the objectives' units, `dB x ms`; empty where none has one."""
        return " x ".join(axis.quantity.unit for axis in self.axes if axis.quantity.unit)

    @property
    def text(self) -> str:
        """The whole study's hypervolume with its unit: `3.241 dB x ms`."""
        return f"{number_text(self.final)} {self.unit}".rstrip()


def hypervolume(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    reference: Sequence[float] | None = None,
    device: str | None = None,
) -> History:
    """Measure how the front grew, trial by trial.

    Args:
        records: the study's trials.
        objectives: any number of them; a study on several devices has one a device.
        reference: a point worse than those of interest, as measured; None: a tenth of the feasible trials' range behind
            the worst of them in every objective. Only figures with the same reference can be compared.
        device: whose latency and memory to take.

    Returns:
        The history; empty, with a reference of zeros, where no feasible trial is complete and none is given.
    """
    axes = axes_of(objectives, device)
    points = points_in(records, axes, device)
    feasible = [point for point in points if point.record.feasible]
    if reference is None:
        if not feasible:
            return History(axes=axes, reference=(0.0,) * len(axes), trials=(), values=())
        reference = reference_point(feasible, axes)
    signs = np.array([axis.sign for axis in axes])
    corner, values = np.asarray(reference) * signs, minimised(points, axes)
    kept = np.array([point.record.feasible for point in points], dtype=bool)
    volumes = _grow(values, kept, corner)
    return History(
        axes=axes,
        reference=tuple(float(value) for value in reference),
        trials=tuple(point.record.number for point in points),
        values=tuple(volumes),
    )


def final_hypervolume(records: Sequence[TrialRecord], objectives: Sequence[Objective]) -> float:
    """The hypervolume of a study's front; 0 without a feasible trial."""
    return hypervolume(records, objectives).final


def _grow(values: NDArray[np.float64], kept: NDArray[np.bool_], corner: NDArray[np.float64]) -> list[float]:
    """The hypervolume after each trial: a trial adds its own box, less the part that the front covers already.

    Only a few points of the front matter inside that box, so this is much faster than measuring the whole each time.
    """
    front, volumes = values[:0], [0.0]
    beaten = _Beaten()
    for point, feasible in zip(values, kept.tolist(), strict=True):
        if not feasible or beaten(point):
            volumes.append(volumes[-1])
            continue
        box = float(np.prod(np.maximum(corner - point, 0.0)))
        volumes.append(volumes[-1] + max(0.0, box - pareto.hypervolume(np.maximum(front, point), corner)))
        front = np.vstack((front[~(point <= front).all(axis=1)], point))
        beaten.look(front)
    return volumes[1:]


class _Beaten:
    """Whether a front has a point that is nowhere worse than another: of two objectives without a look at each."""

    def __init__(self) -> None:
        self._front: NDArray[np.float64] | None = None
        self._lower: list[float] = []
        self._upper: list[float] = []

    def look(self, front: NDArray[np.float64]) -> None:
        """Take another front, (n, m)."""
        self._front = front
        if front.shape[1] == 2:
            ranked = front[np.argsort(front[:, 0])]  # The first value rises, so the second one falls.
            self._lower, self._upper = ranked[:, 0].tolist(), ranked[:, 1].tolist()

    def __call__(self, point: NDArray[np.float64]) -> bool:
        if self._front is None:
            return False
        if len(point) == 2:
            x, y = point.tolist()
            place = bisect.bisect_right(self._lower, x)
            return place > 0 and self._upper[place - 1] <= y
        return bool((self._front <= point).all(axis=1).any())


def reference_point(points: Sequence[Point], axes: Sequence[Axis]) -> tuple[float, ...]:
    """A point a tenth of the range behind the worst value in every objective, as measured."""
    values = minimised(points, axes)
    worst, best = values.max(axis=0), values.min(axis=0)
    span = np.where(worst > best, worst - best, np.maximum(np.abs(worst), 1.0))
    corner = (worst + REFERENCE_MARGIN * span) * [axis.sign for axis in axes]
    return tuple(float(value) for value in corner)

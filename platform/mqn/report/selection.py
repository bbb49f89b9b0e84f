"""Picking one trial: the best in one figure within limits on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqn.errors import NothingSatisfiesError
from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.report.certainty import figures_of
from mqn.report.front import nearest_miss


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    metric: str
    bound: float
    sign: float

    @property
    def text(self) -> str:
        return f"{self.metric} {'<=' if self.sign > 0 else '>='} {quantity(self.metric).text(self.bound)}"

    def miss(self, figures: Mapping[str, float]) -> float:
        """How far the limit is broken, in the figure's unit; 0 or less where it is kept."""
        return self.sign * (figures[self.metric] - self.bound)


def select(
    records: Sequence[TrialRecord],
    by: str,
    at_most: Mapping[str, float] | None = None,
    at_least: Mapping[str, float] | None = None,
    device: str | None = None,
) -> TrialRecord:
    """Pick the best trial in one figure among those within limits.

    Args:
        records: a study's trials; complete ones that keep the study's constraints count.
        by: the figure to be best in, in its own direction.
        at_most: figure to its largest value.
        at_least: figure to its smallest value.
        device: whose latency and memory count; None: each trial's first device.

    Returns:
        The trial; of equal ones the first.

    Raises:
        UnknownNameError: no figure has that name.
        NothingSatisfiesError: no trial is within the limits; names the nearest and what it misses.
    """
    best = quantity(by)
    sides = (1.0, at_most or {}), (-1.0, at_least or {})
    limits = [
        _Limit(metric=quantity(metric).name, bound=bound, sign=sign)
        for sign, given in sides
        for metric, bound in given.items()
    ]
    needed = {by, *(limit.metric for limit in limits)}
    complete = [record for record in records if record.state == "complete"]
    judged = [(record, _figures(record, device)) for record in complete if needed <= _figures(record, device).keys()]
    if not judged:
        where = f" on device {device!r}" if device else ""
        raise NothingSatisfiesError(
            f"none of {len(complete)} complete trials has {' and '.join(sorted(needed))}{where}; run the study further"
        )
    feasible = [(record, figures) for record, figures in judged if record.feasible]
    if not feasible:
        raise NothingSatisfiesError(nearest_miss([record for record, _ in judged]))
    within = [item for item in feasible if all(limit.miss(item[1]) <= 0 for limit in limits)]
    if not within:
        raise NothingSatisfiesError(_nearest(feasible, limits))
    sign = 1.0 if best.direction == "minimize" else -1.0
    return min(within, key=lambda item: (sign * item[1][by], item[0].number))[0]


def _figures(record: TrialRecord, device: str | None) -> dict[str, float]:
    return figures_of(record, device) if device is None or device in record.device_figures else {}


def _text(limit: _Limit, value: float) -> str:
    return quantity(limit.metric).text(value)


def _nearest(judged: Sequence[tuple[TrialRecord, Mapping[str, float]]], limits: Sequence[_Limit]) -> str:
    def distance(figures: Mapping[str, float]) -> float:
        # Relative, so that milliseconds and decibels can be added.
        return sum(max(0.0, limit.miss(figures)) / max(abs(limit.bound), 1e-9) for limit in limits)

    record, figures = min(judged, key=lambda item: distance(item[1]))
    missed = ", ".join(
        f"{limit.text} by {_text(limit, limit.miss(figures))} (it has {_text(limit, figures[limit.metric])})"
        for limit in limits
        if limit.miss(figures) > 0
    )
    asked = " and ".join(limit.text for limit in limits)
    return f"no trial keeps {asked}; #{record.number} {record.label} comes nearest and misses {missed}"

"""Picks one trial: the best in one figure within limits on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mqn.errors import NothingSatisfiesError, StudyError
from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.search.gate.words import nearest_miss
from mqn.search.space.goals import Constraint


def select(
    records: Sequence[TrialRecord],
    by: str,
    at_most: Mapping[str, float] | None = None,
    at_least: Mapping[str, float] | None = None,
    device: str | None = None,
) -> TrialRecord:
    """Pick the best trial in one figure among those that keep the study's constraints and some limits.

    Trials that confirm others are none of them: what is picked is the trial itself.

    Returns:
        The trial; of equal ones the first.

    Raises:
        UnknownNameError: no figure has that name.
        NothingSatisfiesError: no trial is within the limits; names the nearest and what it misses.
        StudyError: the study is simulated.
    """
    refuse_simulated(records)
    best = quantity(by)
    limits = [Constraint(metric=quantity(metric).name, max=bound) for metric, bound in (at_most or {}).items()]
    limits += [Constraint(metric=quantity(metric).name, min=bound) for metric, bound in (at_least or {}).items()]
    needed = {best.name, *(limit.metric for limit in limits)}
    complete = [record for record in records if record.state == "complete" and record.confirms is None]
    judged = [(record, _figures(record, device)) for record in complete if needed <= _figures(record, device).keys()]
    if not judged:
        where = f" on device {device!r}" if device else ""
        raise NothingSatisfiesError(
            f"none of {len(complete)} complete trials has {' and '.join(sorted(needed))}{where}; run the study further"
        )
    feasible = [(record, figures) for record, figures in judged if record.feasible]
    if not feasible:
        raise NothingSatisfiesError(nearest_miss([record for record, _ in judged]))
    within = [item for item in feasible if all(_miss(limit, item[1]) <= 0 for limit in limits)]
    if not within:
        raise NothingSatisfiesError(_nearest(feasible, limits))
    sign = 1.0 if best.direction == "minimize" else -1.0
    return min(within, key=lambda item: (sign * item[1][best.name], item[0].number))[0]


def refuse_simulated(records: Sequence[TrialRecord]) -> None:
    """Raise a `StudyError` if a trial is simulated: it has no model, and its figures say nothing about one."""
    for record in records:
        if record.simulated:
            raise StudyError(
                f"study {record.study!r} is simulated: it has no models, and its figures were drawn; select from a "
                "study that was run with another profile"
            )


def _figures(record: TrialRecord, device: str | None) -> dict[str, float]:
    return record.figures_by_name(device) if device is None or device in record.targets else {}


def _miss(limit: Constraint, figures: Mapping[str, float]) -> float:
    """How far a limit is broken, in the figure's unit; 0 or less where it is kept."""
    return max(limit.violations(figures).values())


def _nearest(judged: Sequence[tuple[TrialRecord, Mapping[str, float]]], limits: Sequence[Constraint]) -> str:
    def distance(figures: Mapping[str, float]) -> float:
        # Relative to the limit, because milliseconds and decibels cannot be added.
        return sum(max(0.0, _miss(limit, figures)) / max(abs(limit.max or limit.min or 0.0), 1e-9) for limit in limits)

    record, figures = min(judged, key=lambda item: distance(item[1]))
    missed = []
    for limit in limits:
        if (by := _miss(limit, figures)) > 0:
            shown = quantity(limit.metric).text
            missed.append(f"{limit.texts[0]} by {shown(by)} (it has {shown(figures[limit.metric])})")
    asked = " and ".join(limit.texts[0] for limit in limits)
    return f"no trial keeps {asked}; #{record.number} {record.label} comes nearest and misses {', '.join(missed)}"

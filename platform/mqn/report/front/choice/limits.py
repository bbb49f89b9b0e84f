"""Limits that a chosen trial must keep, and how certain it is that it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mqn.metrics.certainty import mean_of
from mqn.quantities import is_device_figure, quantity, split_target
from mqn.records import Range
from mqn.report.front.points import Axis, Point
from mqn.report.front.scorebook import Scorebook
from mqn.search.space.goals import Constraint

Figures = Mapping[str, float]


def on_devices(metric: str, devices: Sequence[str]) -> tuple[str, ...]:
    """A figure by its name on each device, where a device tells it and its name says none: `latency_ms/board`."""
    if devices and is_device_figure(metric) and split_target(metric)[1] is None:
        return tuple(quantity(f"{metric}/{device}").name for device in devices)
    return (quantity(metric).name,)


def limits_of(at_most: Figures, at_least: Figures, devices: Sequence[str]) -> tuple[Constraint, ...]:
    """Limits by figure as constraints; one of a device's figures that names none holds on each of `devices`.

    Raises:
        UnknownNameError: no figure has that name.
    """
    upper = [Constraint(metric=name, max=bound) for m, bound in at_most.items() for name in on_devices(m, devices)]
    lower = [Constraint(metric=name, min=bound) for m, bound in at_least.items() for name in on_devices(m, devices)]
    return (*upper, *lower)


def miss(limit: Constraint, figures: Figures) -> float:
    """How far a limit is broken, in the figure's unit; 0 or less where it is kept."""
    return max(limit.violations(figures).values())


def nearest(judged: Sequence[tuple[Point, Figures]], limits: Sequence[Constraint]) -> str:
    """Say that no trial keeps some limits, which one comes nearest, and what it misses."""

    def distance(figures: Figures) -> float:
        # Relative to the limit, because milliseconds and decibels cannot be added.
        return sum(max(0.0, miss(limit, figures)) / max(abs(limit.max or limit.min or 0.0), 1e-9) for limit in limits)

    point, figures = min(judged, key=lambda item: distance(item[1]))
    missed = []
    for limit in limits:
        if (by := miss(limit, figures)) > 0:
            shown = quantity(limit.metric).text
            missed.append(f"{limit.texts[0]} by {shown(by)} (it has {shown(figures[limit.metric])})")
    asked = " and ".join(limit.texts[0] for limit in limits)
    return f"no trial keeps {asked}; {point.name} comes nearest and misses {', '.join(missed)}"


def crossings(point: Point, axes: Sequence[Axis], limits: Sequence[Constraint], book: Scorebook | None) -> list[str]:
    """Say of each limit that a trial keeps, but that its 95 % range reaches beyond, how far.

    Args:
        point: the trial, with a value for each axis.
        axes: the figures.
        limits: each on one of these figures; the trial keeps them.
        book: what trials scored on every picture; None: nothing is said of accuracies.
    """
    told = []
    columns = {axis.metric: column for column, axis in enumerate(axes)}
    for limit in limits:
        column = columns[limit.metric]
        found = point.ranges[column] or _over_pictures(point, limit.metric, book)
        if found is None:
            continue
        over = limit.max is not None and found.high > limit.max
        if over or (limit.min is not None and found.low < limit.min):
            shown = quantity(limit.metric).text
            end = f"to {shown(found.high)}" if over else f"down to {shown(found.low)}"
            told.append(
                f"#{point.record.number} keeps {limit.texts[0]} with {shown(point.values[column])}, but its 95 % range "
                f"reaches {end}"
            )
    return told


def _over_pictures(point: Point, metric: str, book: Scorebook | None) -> Range | None:
    """Where an accuracy would lie on other pictures."""
    sample = None if book is None else book.sample([point.record, *point.confirmed_by], metric)
    found = None if sample is None else mean_of(sample)
    return None if found is None else Range(low=found.low, high=found.high)

"""The trials that may be taken, each with what decides and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mqn import pareto
from mqn.quantities import quantity
from mqn.records import Range, TrialRecord
from mqn.report.front.choice.knee import knee_sums, knee_text
from mqn.report.front.choice.limits import on_devices
from mqn.report.front.choice.ordering import COSTS, Contender, Cost
from mqn.report.front.points import Axis, Point, minimised, range_of


def decided_by(deciding: Sequence[Axis], by: str) -> Axis:
    """The axis of the figure to be best in: one device's, or the worst of several."""
    found = quantity(by)
    return deciding[0] if len(deciding) == 1 else Axis(quantity=found, direction=found.direction)


def contenders_by(
    within: Sequence[Point], deciding: Sequence[Axis], by: str, devices: Sequence[str]
) -> tuple[list[Contender], str]:
    """All trials by one figure, the worst of the devices', and what the first of them is.

    Args:
        within: trials whose values begin with those that decide.
        deciding: the figure, on each device that counts.
        by: its name.
        devices: their names.
    """
    axis, size = decided_by(deciding, by), len(deciding)
    found = []
    for whole in within:
        signed = [axis.sign * value for value in whole.values[:size]]
        known = [one for one in whole.ranges[:size] if one is not None]
        # Of several devices' figures less is better, always.
        worst = Range(low=max(one.low for one in known), high=max(one.high for one in known)) if known else None
        point = replace(
            whole,
            values=(axis.sign * max(signed),),
            ranges=(worst if len(known) == size else None,),
            disturbed=(any(whole.disturbed[:size]),),
        )
        costs = costs_of(whole.record, devices)
        found.append(Contender(point=point, whole=whole, rank=max(signed), costs=costs))
    worst_of = f", the worst of {' and '.join(devices)}," if size > 1 else ""
    return found, f"the best {quantity(by).name}{worst_of} of {trials_text(len(found))}"


def contenders_at_knee(
    within: Sequence[Point], deciding: Sequence[Axis], devices: Sequence[str]
) -> tuple[list[Contender], str]:
    """The front of the trials by what each gives up (`mqn.report.front.choice.knee`), and what the first of them is.

    Arguments are as of `contenders_by`, without the figure.
    """
    size = len(deciding)
    points = [
        replace(one, values=one.values[:size], ranges=one.ranges[:size], disturbed=one.disturbed[:size])
        for one in within
    ]
    values = minimised(points, deciding)
    mask = pareto.settled_mask(values, [bool(point.confirmed_by) for point in points])
    sums = knee_sums(values[mask])
    found = [
        Contender(point=points[row], whole=within[row], rank=float(total), costs=costs_of(within[row].record, devices))
        for row, total in zip(np.flatnonzero(mask).tolist(), sums, strict=True)
    ]
    return found, knee_text(sums, size)


def costs_of(record: TrialRecord, devices: Sequence[str]) -> dict[str, Cost]:
    """What a trial costs; on the devices that count, the worst of them."""
    figures, found = record.figures_by_name(), {}
    for name in COSTS:
        names = on_devices(name, devices)
        if all(one in figures for one in names):
            worst = max(names, key=figures.__getitem__)
            found[name] = Cost(value=figures[worst], range=range_of(figures, worst))
    return found


def trials_text(count: int) -> str:
    """How many trials, in words."""
    return "1 trial" if count == 1 else f"{count} trials"

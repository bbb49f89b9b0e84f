"""Members of a front that were confirmed with further seeds: their figures are means over the seeds.

A front takes the luckiest of many trials, so what its members scored once is too good on average. A confirmed member
stands where its mean is. One that another confirmed member beats there is on the front no more, and a trial that only
its luck had beaten comes onto the front, not confirmed yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from mqn import pareto
from mqn.metrics.certainty import over_seeds, t_interval
from mqn.records import Range, TrialRecord
from mqn.report.front.points import Axis, Point, minimised, points_in

Confirmations = Mapping[int, Sequence[Point]]
"""By number of a trial, the complete trials that confirm it."""


def confirmations_in(records: Sequence[TrialRecord], axes: Sequence[Axis], device: str | None = None) -> Confirmations:
    """The complete trials that confirm others; see `points_in`."""
    found: dict[int, list[Point]] = defaultdict(list)
    for point in points_in(records, axes, device, confirming=True):
        assert point.record.confirms is not None
        found[point.record.confirms].append(point)
    return found


def settle(points: Sequence[Point], axes: Sequence[Axis], found: Confirmations) -> tuple[list[Point], list[Point]]:
    """Part points into a front and what is beaten, with those that were confirmed at their means over seeds.

    Args:
        points: complete trials that keep the constraints.
        axes: the objectives.
        found: what confirms some of them.

    Returns:
        The front and all others, see `mqn.pareto.settled_mask`.
    """
    placed = [mean_point(point, found.get(point.record.number, ())) for point in points]
    mask = pareto.settled_mask(minimised(placed, axes), [bool(point.confirmed_by) for point in placed])
    return (
        [point for point, chosen in zip(placed, mask, strict=True) if chosen],
        [point for point, chosen in zip(placed, mask, strict=True) if not chosen],
    )


def mean_point(point: Point, others: Sequence[Point]) -> Point:
    """A member with the means over its own seed and further ones, and where they lie with 95 % confidence."""
    every = [point, *others]
    if not others:
        return point
    columns = range(len(point.values))
    return replace(
        point,
        values=tuple(fmean(one.values[column] for one in every) for column in columns),
        ranges=tuple(
            _range([one.values[column] for one in every], [one.ranges[column] for one in every]) for column in columns
        ),
        disturbed=tuple(any(one.disturbed[column] for one in every) for column in columns),
        confirmed_by=tuple(one.record for one in others),
    )


def _range(values: Sequence[float], own: Sequence[Range | None]) -> Range | None:
    """Where a mean over seeds lies: by the spread over seeds, and by the values' own ranges where each has one.

    Of both the wider ends. A figure that is the same with every seed, such as a size, has none.
    """
    part = over_seeds(np.array(values))
    assert part is not None
    known = [found for found in own if found is not None]
    if part.variance == 0 and len(known) < len(own):
        return None
    spread = t_interval(fmean(values), [part])
    if len(known) < len(own):
        return Range(low=spread.low, high=spread.high)
    return Range(
        low=max(0.0, min(spread.low, fmean(found.low for found in known))),  # Only latencies have ranges of their own.
        high=max(spread.high, fmean(found.high for found in known)),
    )

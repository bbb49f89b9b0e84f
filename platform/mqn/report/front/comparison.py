"""The members of a front compared by their accuracy, pair by pair and picture by picture.

A mean over pictures spreads far, because some pictures are hard for every network. What is hard for both drops out of
the difference of two networks on the same pictures, so its interval is much narrower than that of either mean.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqn.metrics.certainty import Sample, difference, mean_of
from mqn.quantities import measure_of, split_target
from mqn.records import Interval, Range
from mqn.report.front.points import LATENCY, Axis, Point, overlap
from mqn.report.front.scorebook import Scorebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A front's members by one accuracy.

    Attributes:
        metric: the accuracy.
        best: number of the member that has the best mean.
        means: by member, its mean with a 95 % interval: where it would lie on other pictures, and with other seeds
            where it was trained with several.
        differences: by member, its mean minus the best member's, paired by picture, with a 95 % interval.
        alike: pairs of members whose difference may be 0, in either order.
    """

    metric: str
    best: int
    means: Mapping[int, Interval]
    differences: Mapping[int, Interval]
    alike: frozenset[tuple[int, int]]

    def range_of(self, point: Point, value: float) -> Range | None:
        """The interval of a member's difference from the best, laid around the member's own value.

        It reaches the best member's value where the two cannot be told apart. None for the best, and where nothing
        tells.
        """
        found = self.differences.get(point.record.number)
        if found is None:
            return None
        return Range(low=value + found.low - found.mean, high=value + found.high - found.mean)


def compare(points: Sequence[Point], axes: Sequence[Axis], book: Scorebook) -> tuple[Compared, ...]:
    """Compare the members of a front by each accuracy among its axes.

    Args:
        points: the members; those that were confirmed count with all their seeds.
        axes: the objectives.
        book: what trials scored on every picture.

    Returns:
        One for each accuracy for which at least two members have values that can be compared.
    """
    behind = {point.record.number: [point.record, *point.confirmed_by] for point in points}
    book.read(record for group in behind.values() for record in group)
    found = []
    for column, axis in enumerate(axes):
        values = {point.record.number: axis.sign * point.values[column] for point in points}
        sampled = ((number, book.sample(group, axis.metric)) for number, group in behind.items())
        samples = {number: sample for number, sample in sampled if sample is not None}
        if samples:
            found.append(_compare(axis.metric, samples, values))
    return tuple(found)


def cannot_tell(one: Point, other: Point, axes: Sequence[Axis], compared: Sequence[Compared]) -> bool:
    """Whether two trials cannot be told apart in any of some figures.

    Latencies are alike where their ranges overlap, accuracies where their difference may be 0, and other figures where
    they are equal. What is not known tells nothing, and counts as apart.

    Args:
        one: a trial with a value for each axis.
        other: another.
        axes: the figures.
        compared: what is known of the accuracies among them.
    """
    pairs = {found.metric: found.alike for found in compared}
    for column, axis in enumerate(axes):
        if split_target(axis.metric)[0] == LATENCY:
            same = overlap(one.ranges[column], other.ranges[column])
        elif axis.metric in pairs:
            same = (one.record.number, other.record.number) in pairs[axis.metric]
        else:
            same = measure_of(axis.metric) is None and one.values[column] == other.values[column]
        if not same:
            return False
    return True


def _compare(metric: str, samples: Mapping[int, Sample], values: Mapping[int, float]) -> Compared:
    """`values` are minimised; they say which member is the best."""
    best = min(samples, key=lambda number: (values[number], number))
    apart = {
        number: told
        for number, sample in samples.items()
        if number != best and (told := difference(sample, samples[best])) is not None
    }
    pairs = [
        (one, other)
        for one, other in itertools.combinations(samples, 2)
        if (told := difference(samples[one], samples[other])) is not None and told.low <= 0 <= told.high
    ]
    means = {number: told for number, sample in samples.items() if (told := mean_of(sample)) is not None}
    return Compared(
        metric=metric,
        best=best,
        means=means,
        differences=apart,
        alike=frozenset(pairs) | {(other, one) for one, other in pairs},
    )

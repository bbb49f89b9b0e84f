"""Picks a trial: the knee of the front or the best in one figure, within limits on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mqn.errors import NothingSatisfiesError, StudyError, UnknownNameError
from mqn.parsing import to_plain
from mqn.quantities import quantity, split_target
from mqn.records import Range, TrialRecord
from mqn.report.front.choice.contenders import contenders_at_knee, contenders_by, decided_by
from mqn.report.front.choice.knee import DEFINITION, LEAST
from mqn.report.front.choice.limits import crossings, miss, nearest
from mqn.report.front.choice.ordering import COSTS, Place, order
from mqn.report.front.choice.wish import Wish
from mqn.report.front.comparison import Compared, cannot_tell, compare
from mqn.report.front.confirmed import confirmations_in, mean_point
from mqn.report.front.points import Axis, Point, points_in
from mqn.report.front.scorebook import Scorebook
from mqn.search.gate.words import nearest_miss
from mqn.search.space.goals import Constraint, Objective

COMPARED = 40
"""So many of the best trials are compared with each other; a study may have thousands."""
FEWEST_SOURCES = 4
"""Pictures of fewer sources tell next to nothing apart: to take the cheapest then would be to ignore accuracy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A trial in its place.

    Attributes:
        record: the trial.
        values: the figures that decide and those that are limited, by name; of a confirmed trial means over its seeds.
        ranges: where each of them lies with 95 % confidence, as on fronts; None where that is not known.
        alike: trials that were left and that cannot be told apart in what decides.
        knee: of the knee, the sum of what it gives up; None where a figure decides.
    """

    record: TrialRecord
    values: Mapping[str, float]
    ranges: Mapping[str, Range | None]
    alike: tuple[int, ...]
    knee: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was picked.

    Attributes:
        ranked: the best trials in order, at least one; the first one is picked.
        axes: the figures that decide, then those that are limited.
        why: how the first one came to be picked, in lines.
        among: from how many trials; where the knee is picked, those of the front.
    """

    ranked: tuple[Ranked, ...]
    axes: tuple[Axis, ...]
    why: tuple[str, ...]
    among: int

    @property
    def picked(self) -> TrialRecord:
        """The trial."""
        return self.ranked[0].record

    def plain(self) -> list[dict[str, Any]]:
        """The trials in order, for JSON."""
        return [
            {
                "trial": one.record.number,
                "label": one.record.label,
                "values": dict(one.values),
                "ranges": to_plain(dict(one.ranges)),
                "alike": list(one.alike),
                "knee": one.knee,
                "verdicts": dict(one.record.verdicts),
            }
            for one in self.ranked
        ]


def select(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    wish: Wish,
    *,
    book: Scorebook | None = None,
    count: int = 1,
) -> Selection:
    """Pick from the trials that keep the study's constraints and some limits.

    The knee is that of the front of those trials. Of trials that cannot be told apart in what decides (latencies by
    their ranges, accuracies picture by picture), the cheapest is taken. Trials that confirm others are none of them;
    figures of a confirmed trial are means over its seeds.

    Args:
        records: the study's trials.
        objectives: the study's.
        wish: what is asked for.
        book: what trials scored on every picture; None: accuracies are compared by their values alone.
        count: how many trials are wanted, the best first.

    Raises:
        UnknownNameError: there is no such figure, or no trial was measured on a device.
        NothingSatisfiesError: no trial is within the limits; names the nearest and what it misses.
        StudyError: the study is simulated.
    """
    refuse_simulated(records)
    limits, deciding = wish.limits, wish.deciding(objectives)
    _check_devices(records, wish.devices)
    limited = {limit.metric: Axis(quantity=quantity(limit.metric), direction="minimize") for limit in limits}
    axes = (*deciding, *(axis for name, axis in limited.items() if name not in [one.metric for one in deciding]))
    within = _within(records, axes, limits, wish.devices)
    if wish.by is None:
        own, what, spared = deciding, "what they give up", ""
        contenders, text = contenders_at_knee(within, deciding, wish.devices)
    else:
        own, what, spared = (decided_by(deciding, wish.by),), quantity(wish.by).name, split_target(wish.by)[0]
        contenders, text = contenders_by(within, deciding, wish.by, wish.devices)
    shortlist = sorted(contenders, key=lambda one: (one.rank, one.number))[: max(COMPARED, count)]
    compared, few = _compare([one.point for one in shortlist[:COMPARED]], own, book)
    places = order(
        shortlist,
        lambda one, other: cannot_tell(one.point, other.point, own, compared),
        [name for name in COSTS if name != spared],
        count,
    )
    told = [f"{text}{wish.text}", DEFINITION if wish.by is None and len(contenders) >= LEAST else ""]
    told += [few, places[0].text(what)]
    told += crossings(places[0].contender.whole, axes, limits, book)
    return Selection(
        ranked=tuple(_ranked(place, axes, own, compared, knee=wish.by is None) for place in places),
        axes=tuple({axis.metric: axis for axis in (*own, *axes)}.values()),
        why=tuple(filter(None, told)),
        among=len(contenders),
    )


def refuse_simulated(records: Sequence[TrialRecord]) -> None:
    """Raise a `StudyError` if a trial is simulated: it has no model, and its figures say nothing about one."""
    for record in records:
        if record.simulated:
            raise StudyError(
                f"study {record.study!r} is simulated: it has no models, and its figures were drawn; select from a "
                "study that was run with another profile"
            )


def _check_devices(records: Sequence[TrialRecord], devices: Sequence[str]) -> None:
    known = {target for record in records for target in record.targets}
    for device in devices:
        if device not in known:
            raise UnknownNameError("device", device, known, "name one that the study measured on")


def _within(
    records: Sequence[TrialRecord], axes: Sequence[Axis], limits: Sequence[Constraint], devices: Sequence[str]
) -> list[Point]:
    """The trials that keep everything, those that were confirmed at their means."""
    confirmed = confirmations_in(records, axes)
    points = [
        mean_point(point, confirmed.get(point.record.number, ()))
        for point in points_in(records, axes)
        if set(devices) <= set(point.record.targets)
    ]
    if not points:
        complete = sum(record.state == "complete" and record.confirms is None for record in records)
        where = f" on {' and '.join(devices)}" if devices else ""
        wanted = " and ".join(sorted(axis.metric for axis in axes))
        raise NothingSatisfiesError(f"none of {complete} complete trials has {wanted}{where}; run the study further")
    feasible = [point for point in points if point.record.feasible]
    if not feasible:
        raise NothingSatisfiesError(nearest_miss([point.record for point in points]))
    names = [axis.metric for axis in axes]
    judged = [(point, dict(zip(names, point.values, strict=True))) for point in feasible]
    within = [point for point, figures in judged if all(miss(limit, figures) <= 0 for limit in limits)]
    if not within:
        raise NothingSatisfiesError(nearest(judged, limits))
    return within


def _compare(points: Sequence[Point], axes: Sequence[Axis], book: Scorebook | None) -> tuple[tuple[Compared, ...], str]:
    """Trials compared by each accuracy that was scored on enough sources, and the line on those that were not."""
    if book is None:
        return (), ""
    found = compare(points, axes, book)
    records = {point.record.number: point.record for point in points}
    counts = {}
    for one in found:
        sample = book.sample([records[one.best]], one.metric)
        counts[one.metric] = 0 if sample is None else len(set(sample.sources))
    enough = tuple(one for one in found if counts[one.metric] >= FEWEST_SOURCES)
    few = [one.metric for one in found if one not in enough and len(points) > 1]
    if not few:
        return enough, ""
    sources = max(counts[metric] for metric in few)
    return enough, (
        f"{' and '.join(few)}: scored on pictures of {sources} {'source' if sources == 1 else 'sources'}, too few to "
        "tell trials apart, so that the values decide"
    )


def _ranked(
    place: Place, axes: Sequence[Axis], own: Sequence[Axis], compared: Sequence[Compared], *, knee: bool
) -> Ranked:
    """A place with all its figures."""
    contender, told = place.contender, {one.metric: one for one in compared}
    values: dict[str, float] = {}
    ranges: dict[str, Range | None] = {}
    for columns, point in ((axes, contender.whole), (own, contender.point)):
        for axis, value, known in zip(columns, point.values, point.ranges, strict=True):
            values[axis.metric] = value
            ranges[axis.metric] = told[axis.metric].range_of(point, value) if axis.metric in told else known
    return Ranked(
        record=contender.point.record,
        values=values,
        ranges=ranges,
        alike=place.beside,
        knee=contender.rank if knee else None,
    )

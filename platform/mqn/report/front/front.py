"""The front: the trials that keep the constraints and that no other trial beats in every objective."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mqn.errors import NothingSatisfiesError
from mqn.parsing import to_plain
from mqn.quantities import split_target
from mqn.records import TrialRecord
from mqn.report.front.comparison import Compared, cannot_tell, compare
from mqn.report.front.confirmed import confirmations_in, settle
from mqn.report.front.points import LATENCY, Axis, Point, axes_of, overlap, points_in
from mqn.report.front.scorebook import Scorebook
from mqn.report.front.words import SIMULATED, no_complete, state_of
from mqn.search.gate.words import nearest_miss
from mqn.search.space.goals import Constraint, Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A study's front.

    Attributes:
        study: its name.
        axes: the objectives.
        points: the front, from the smallest to the largest value of the first objective.
        beaten: complete trials that keep the constraints and are beaten.
        infeasible: complete trials that break a constraint.
        held: trials that wait for a steady device and have figures of a disturbed one; no front takes them.
        waiting: all trials that wait, for a steady device or for another try.
        constraints: what a trial has to keep.
        device: whose latency and memory the values are; None: each trial's first device.
        compared: the points compared by each accuracy, where their scores were read.
        gated: trials that broke a hard constraint before they were trained. They have no accuracy, and so no place.
    """

    study: str
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    beaten: tuple[Point, ...]
    infeasible: tuple[Point, ...]
    held: tuple[Point, ...] = ()
    waiting: tuple[TrialRecord, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    device: str | None = None
    compared: tuple[Compared, ...] = ()
    gated: tuple[TrialRecord, ...] = ()

    @property
    def complete(self) -> int:
        """How many complete trials there are."""
        return len(self.points) + len(self.beaten) + len(self.infeasible)

    @property
    def fallen(self) -> tuple[int, ...]:
        """Numbers of confirmed trials that are beaten since their further seeds are counted."""
        return tuple(point.record.number for point in self.beaten if point.confirmed_by)

    @property
    def limits(self) -> str:
        """The constraints in words, and how many trials break one; empty where there are none."""
        texts = [text for constraint in self.constraints for text in constraint.texts]
        if not texts:
            return ""
        return f"constraints: {', '.join(texts)} ({len(self.infeasible)} of {self.complete} complete trials break one)"

    @property
    def caption(self) -> str:
        """What the front is, in one line: `front of 3 out of 12 complete trials, 4 gated, 2 wait for another try`."""
        counts = Counter(map(state_of, self.waiting))
        told = {words: words.replace("wait ", "waits ") if n == 1 else words for words, n in counts.items()}
        waits = "".join(f", {n} {told[words]}" for words, n in sorted(counts.items()))
        mark = f"{SIMULATED}: " if self.simulated else ""
        gated = f", {len(self.gated)} gated" if self.gated else ""
        return f"{mark}front of {len(self.points)} out of {self.complete} complete trials{gated}{waits}"

    @property
    def simulated(self) -> bool:
        """Whether the figures were drawn by a simulation."""
        return any(point.record.simulated for point in (*self.points, *self.beaten, *self.infeasible))

    @property
    def indistinct(self) -> tuple[tuple[int, ...], ...]:
        """For each point of the front, the numbers of those that it cannot be told apart from in latency.

        Of several latencies (one a device) all have to overlap: one device that tells two trials apart is enough.
        Without a latency among the objectives nothing is compared.
        """
        columns = [index for index, axis in enumerate(self.axes) if split_target(axis.metric)[0] == LATENCY]

        def alike(one: Point, other: Point) -> bool:
            return other is not one and all(overlap(one.ranges[column], other.ranges[column]) for column in columns)

        if not columns:
            return ((),) * len(self.points)
        return tuple(tuple(o.record.number for o in self.points if alike(one, o)) for one in self.points)

    @property
    def alike(self) -> tuple[tuple[int, ...], ...]:
        """For each point of the front, the numbers of those that it cannot be told apart from in any objective."""
        return tuple(
            tuple(
                other.record.number
                for other in self.points
                if other is not one and cannot_tell(one, other, self.axes, self.compared)
            )
            for one in self.points
        )

    @property
    def reading(self) -> tuple[str, ...]:
        """How its ranges of accuracy are to be read, a line each; empty where nothing was compared."""
        return (
            *self._confirmed,
            *(
                f"{compared.metric}: the range is that of the difference from the best, #{compared.best}, on the same "
                f"pictures (95 %, over their sources{' and the seeds' if self._confirmed else ''})"
                for compared in self.compared
                if compared.differences
            ),
        )

    @property
    def _confirmed(self) -> tuple[str, ...]:
        """A line on the points that were confirmed; none without any."""
        seeds = sorted({len(point.confirmed_by) + 1 for point in self.points if point.confirmed_by})
        if not seeds:
            return ()
        count = sum(bool(point.confirmed_by) for point in self.points)
        beaten = " ".join(f"#{number}" for number in self.fallen)
        ranges = "" if self.compared else ", with their 95 % ranges"
        return (
            f"{count} of {len(self.points)} confirmed: their figures are means over "
            f"{' or '.join(map(str, seeds))} seeds{ranges}{f'; beaten since: {beaten}' if beaten else ''}",
        )

    def plain(self) -> dict[str, Any]:
        """What `mqn front --json` prints."""
        return {
            "study": self.study,
            "device": self.device,
            "simulated": self.simulated,
            "objectives": [{"metric": axis.metric, "direction": axis.direction} for axis in self.axes],
            "front": [
                {
                    **self._told(point),
                    "candidate": to_plain(point.record.candidate),
                    "latency_range": next((found for found in self._ranges(point).values() if found), None),
                    "latency_ranges": self._ranges(point),
                    "indistinct_from": list(same),
                    "accuracy": self._accuracy(point.record.number),
                    "alike": list(alike),
                    "seeds": self._seeds(point),
                    "steady": point.steady,
                }
                for point, same, alike in zip(self.points, self.indistinct, self.alike, strict=True)
            ],
            "constraints": [to_plain(constraint) for constraint in self.constraints],
            "fallen": list(self.fallen),
            "infeasible": [point.record.number for point in self.infeasible],
            "held": [self._told(point) for point in self.held],
            "waiting": [record.number for record in self.waiting],
            "gated": [record.number for record in self.gated],
        }

    def _seeds(self, point: Point) -> list[dict[str, Any]]:
        """The trials behind a confirmed point's means, its own first; empty where it was not confirmed."""
        behind = [point.record, *point.confirmed_by] if point.confirmed_by else []
        return [
            {
                "trial": record.number,
                "seed": record.candidate.training.seed,
                "values": {axis.metric: record.figure(axis.metric, self.device) for axis in self.axes},
            }
            for record in behind
        ]

    def _accuracy(self, number: int) -> dict[str, Any]:
        """By accuracy, a point's mean and its difference from the best point, each with its 95 % interval."""
        return {
            compared.metric: {
                "mean": to_plain(compared.means.get(number)),
                "best": compared.best,
                "difference": to_plain(compared.differences.get(number)),
            }
            for compared in self.compared
        }

    def _told(self, point: Point) -> dict[str, Any]:
        """What is said of every trial: its number, label, values and verdicts."""
        return {
            "trial": point.record.number,
            "label": point.record.label,
            "values": dict(zip((axis.metric for axis in self.axes), point.values, strict=True)),
            "verdicts": dict(point.record.verdicts),
        }

    def _ranges(self, point: Point) -> dict[str, Any]:
        """The range of every objective that is a latency; None where it was not computed."""
        return {
            axis.metric: to_plain(found)
            for axis, found in zip(self.axes, point.ranges, strict=True)
            if split_target(axis.metric)[0] == LATENCY
        }


def front(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    device: str | None = None,
    constraints: Sequence[Constraint] = (),
    book: Scorebook | None = None,
) -> Front:
    """Find a study's front.

    Args:
        records: its trials; only complete ones count.
        objectives: any number of them.
        device: whose latency and memory to take; objectives of other devices are left out. None: all objectives, and
            each trial's first device for those that name none.
        constraints: the space's, to show them with the front. A trial's record says whether it keeps them.
        book: what trials scored on every picture, to compare them by accuracy; None: they are not compared.

    Raises:
        NothingSatisfiesError: no trial is complete, or none keeps the constraints; says which one nobody keeps and how
            near the nearest comes.
        UnknownNameError: no trial was measured on that device, or there is no such figure.
    """
    axes = axes_of(objectives, device)
    points = points_in(records, axes, device)
    gated = tuple(record for record in records if record.state == "gated")
    if not points:
        raise NothingSatisfiesError(no_complete(records, axes))
    feasible = [point for point in points if point.record.feasible]
    if not feasible:
        raise NothingSatisfiesError(nearest_miss([point.record for point in points]))
    best, beaten = settle(feasible, axes, confirmations_in(records, axes, device))
    compared = () if book is None else compare(best, axes, book)
    best = [_with_ranges(point, axes, compared) for point in best]
    return Front(
        study=records[0].study,
        axes=axes,
        points=tuple(sorted(best, key=lambda point: (point.values, point.record.number))),
        beaten=tuple(beaten),
        infeasible=tuple(point for point in points if not point.record.feasible),
        held=points_in(records, axes, device, state="held"),
        waiting=tuple(record for record in records if record.state == "held"),
        constraints=tuple(constraints),
        device=device,
        compared=compared,
        gated=gated,
    )


def _with_ranges(point: Point, axes: Sequence[Axis], compared: Sequence[Compared]) -> Point:
    """A point with its ranges of accuracy."""
    told = {one.metric: one for one in compared}
    ranges = [
        told[axis.metric].range_of(point, value) if axis.metric in told else known
        for axis, value, known in zip(axes, point.values, point.ranges, strict=True)
    ]
    return replace(point, ranges=tuple(ranges))

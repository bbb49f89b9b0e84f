"""The front: the trials that no other trial beats in every objective, constraints kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mqn.errors import NothingSatisfiesError
from mqn.parsing import to_plain
from mqn.quantities import find_quantity, split_target
from mqn.records import TrialRecord
from mqn.report.certainty import LATENCY, indistinct
from mqn.report.points import Axis, Objective, Point, minimised, of_device, points_in, settle
from mqn.search import pareto
from mqn.search.goals import Constraint

DISTURBED, WAITS = "wait for a steady device", "wait for another try"
"""What held trials are called: those whose measurement the machine disturbed, and all others."""


def state_of(record: TrialRecord) -> str:
    """Where a trial stands, in the words of tables and pages."""
    if record.state != "held":
        return record.state
    return DISTURBED if record.unaccepted else WAITS


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

    @property
    def limits(self) -> str:
        """The constraints in words, and how many trials break one; empty where there are none."""
        texts = [text for constraint in self.constraints for text in constraint.texts]
        if not texts:
            return ""
        total = len(self.points) + len(self.beaten) + len(self.infeasible)
        return f"constraints: {', '.join(texts)} ({len(self.infeasible)} of {total} complete trials break one)"

    @property
    def caption(self) -> str:
        """What the front is, in one line: `front of 3 out of 12 complete trials, 2 wait for a steady device`."""
        total = len(self.points) + len(self.beaten) + len(self.infeasible)
        counts = Counter(map(state_of, self.waiting))
        told = {words: words.replace("wait ", "waits ") if n == 1 else words for words, n in counts.items()}
        waits = "".join(f", {n} {told[words]}" for words, n in sorted(counts.items()))
        return f"front of {len(self.points)} out of {total} complete trials{waits}"

    @property
    def indistinct(self) -> tuple[tuple[int, ...], ...]:
        """For each point of the front, the numbers of those that it cannot be told apart from in latency."""
        return indistinct(self.points, self.axes)

    def plain(self) -> dict[str, Any]:
        """What `mqn front --json` prints."""
        return {
            "study": self.study,
            "device": self.device,
            "objectives": [{"metric": axis.metric, "direction": axis.direction} for axis in self.axes],
            "front": [
                {
                    "trial": point.record.number,
                    "candidate": to_plain(point.record.candidate),
                    "label": point.record.label,
                    "values": dict(zip((axis.metric for axis in self.axes), point.values, strict=True)),
                    "latency_range": next((found for found in self._ranges(point).values() if found), None),
                    "latency_ranges": self._ranges(point),
                    "indistinct_from": list(same),
                    "steady": point.steady,
                    "verdicts": dict(point.record.verdicts),
                }
                for point, same in zip(self.points, self.indistinct, strict=True)
            ],
            "constraints": [to_plain(constraint) for constraint in self.constraints],
            "infeasible": [point.record.number for point in self.infeasible],
            "held": [
                {
                    "trial": point.record.number,
                    "label": point.record.label,
                    "values": dict(zip((axis.metric for axis in self.axes), point.values, strict=True)),
                    "verdicts": dict(point.record.verdicts),
                }
                for point in self.held
            ],
            "waiting": [record.number for record in self.waiting],
        }

    def _ranges(self, point: Point) -> dict[str, Any]:
        """Of every latency that is an objective its range, None where nobody computed it."""
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
) -> Front:
    """Find a study's front.

    Args:
        records: its trials; only complete ones count.
        objectives: any number of them.
        device: whose latency and memory to take; objectives of other devices are left out. None: all objectives, and
            each trial's first device for those that name none.
        constraints: the space's, to be told with the front; whether a trial keeps them stands in its record.

    Raises:
        NothingSatisfiesError: no trial is complete, or none keeps the constraints; says which one nobody keeps and how
            near the nearest comes.
        UnknownNameError: no trial was measured on that device, or there is no such figure.
    """
    axes = of_device(settle(objectives), device)
    points = points_in(records, axes, device)
    if not points:
        raise NothingSatisfiesError(_no_complete(records, axes))
    feasible = [point for point in points if point.record.feasible]
    if not feasible:
        raise NothingSatisfiesError(nearest_miss([point.record for point in points]))
    mask = pareto.front_mask(minimised(feasible, axes))
    best = [point for point, chosen in zip(feasible, mask, strict=True) if chosen]
    return Front(
        study=records[0].study,
        axes=axes,
        points=tuple(sorted(best, key=lambda point: (point.values, point.record.number))),
        beaten=tuple(point for point, chosen in zip(feasible, mask, strict=True) if not chosen),
        infeasible=tuple(point for point in points if not point.record.feasible),
        held=points_in(records, axes, device, state="held"),
        waiting=tuple(record for record in records if record.state == "held"),
        constraints=tuple(constraints),
        device=device,
    )


def nearest_miss(records: Sequence[TrialRecord]) -> str:
    """Say which constraint keeps a study from having a front, and how near the nearest trial comes.

    Args:
        records: complete trials, none of them feasible; at least one.
    """
    asked = f"no trial of study {records[0].study!r} keeps"
    for constraint in records[0].violations:
        missed = [record for record in records if record.violations.get(constraint, 0.0) > 0]
        if len(missed) == len(records):
            near = min(missed, key=lambda record: record.violations[constraint])
            miss = f"misses it by {miss_text(constraint, near.violations[constraint])}"
            return f"{asked} {constraint}: {_name(near)} comes nearest and {miss}; loosen it, or search further"
    near = min(records, key=lambda record: sum(max(0.0, by) for by in record.violations.values()))
    broken = ", ".join(f"{name} by {miss_text(name, by)}" for name, by in near.violations.items() if by > 0)
    return f"{asked} all constraints at once: {_name(near)} misses {broken}; loosen one, or search further"


def miss_text(constraint: str, by: float) -> str:
    """How far a constraint is broken, as its figure is written.

    Args:
        constraint: as in `TrialRecord.violations`: `size_bytes <= 1200000`.
        by: in the figure's unit.
    """
    known = find_quantity(constraint.partition(" ")[0])
    return f"{by:.4g}" if known is None else known.text(by)


def _name(record: TrialRecord) -> str:
    return f"#{record.number} {record.label}"


def _no_complete(records: Sequence[TrialRecord], axes: Sequence[Axis]) -> str:
    states = Counter(map(state_of, records))
    counts = ", ".join(f"{count} {words}" for words, count in sorted(states.items()))
    wanted = " and ".join(axis.metric for axis in axes)
    study = f"study {records[0].study!r}" if records else "the study"
    return f"{study} has no complete trial with {wanted} ({counts or 'no trials yet'}); `mqn status` says how to go on"

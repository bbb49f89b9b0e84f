"""Fronts of several studies laid over each other: the same objectives, one reference point, surfaces over seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mqn import pareto
from mqn.errors import UsageError
from mqn.parsing import content_hash, flatten
from mqn.quantities import is_device_figure, measure_of, number_text, quantity
from mqn.records import TrialRecord
from mqn.report.front.attainment import MOST_OBJECTIVES, attained_front, counts_of
from mqn.report.front.front import Front, front
from mqn.report.front.hypervolume import hypervolume, reference_point
from mqn.report.front.points import Axis, axes_of, minimised, points_in
from mqn.report.front.scorebook import Scorebook
from mqn.search.space.goals import Constraint, Objective

_SEEDS = ("training.seed",)
_NAMED = 3
"""Studies that a legend names all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one study gives to an overlay.

    Attributes:
        name: the study's.
        records: its trials.
        objectives: its own.
        constraints: its own.
        definition: its space as plain tables (`Space.definition`).
        data_hash: of its pictures.
        devices: target to the id of the device that it was measured on.
        simulated: whether its figures were drawn.
    """

    name: str
    records: Sequence[TrialRecord]
    objectives: Sequence[Objective]
    constraints: Sequence[Constraint] = ()
    definition: dict[str, Any]
    data_hash: str = ""
    devices: dict[str, str]
    simulated: bool = False

    @property
    def kind(self) -> str:
        """What studies share that differ by their seeds alone."""
        fixed = {key: value for key, value in flatten(self.definition.get("fixed", {})).items() if key not in _SEEDS}
        kept = {key: value for key, value in self.definition.items() if key not in ("name", "description", "trials")}
        return content_hash([{**kept, "fixed": fixed}, self.data_hash, self.devices, self.simulated])


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What so many of some studies attain.

    Attributes:
        studies: names of all of them.
        count: how many of them attain it.
        name: `best`, `median`, `worst`, `25 %` or `75 %`.
        points: its corners, as measured: nothing is negated.
        volume: its hypervolume, from the overlay's reference point.
    """

    studies: tuple[str, ...]
    count: int
    name: str
    points: tuple[tuple[float, ...], ...]
    volume: float

    @property
    def words(self) -> str:
        """What a legend calls it: `median: attained by 2 of a, b, c`; of many studies the first two are named."""
        several = len(self.studies) > _NAMED
        names = f"{len(self.studies)} ({', '.join(self.studies[:2])}, ...)" if several else ", ".join(self.studies)
        return f"{self.name}: attained by {self.count} of {names}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Several fronts.

    Attributes:
        axes: the objectives of all.
        fronts: one a study, in the order that was asked for.
        volumes: the hypervolume of each, from the same reference point.
        reference: that point, as measured.
        surfaces: of studies that are runs of the same search.
        notes: what makes their figures hard to compare, in lines.
        device: whose latency and memory count; None: each trial's first device.
    """

    axes: tuple[Axis, ...]
    fronts: tuple[Front, ...]
    volumes: tuple[float, ...]
    reference: tuple[float, ...]
    surfaces: tuple[Surface, ...] = ()
    notes: tuple[str, ...] = ()
    device: str | None = None

    @property
    def unit(self) -> str:
        """Of the hypervolumes: the product of the objectives' units."""
        return " x ".join(axis.quantity.unit for axis in self.axes if axis.quantity.unit)

    @property
    def reference_text(self) -> str:
        """The reference point in words."""
        pairs = zip(self.axes, self.reference, strict=True)
        return ", ".join(f"{axis.metric} {axis.quantity.text(value)}" for axis, value in pairs)

    @property
    def title(self) -> str:
        """The studies' names."""
        return ", ".join(one.study for one in self.fronts)

    @property
    def volume_texts(self) -> tuple[str, ...]:
        """The hypervolumes with their unit."""
        return tuple(map(self.volume_text, self.volumes))

    def volume_text(self, volume: float) -> str:
        """A hypervolume with its unit."""
        return f"{number_text(volume)} {self.unit}".rstrip()

    def plain(self) -> dict[str, Any]:
        """What `mqn front A B --json` prints."""
        metrics = [axis.metric for axis in self.axes]
        return {
            "objectives": [{"metric": axis.metric, "direction": axis.direction} for axis in self.axes],
            "device": self.device,
            "hypervolume_reference": dict(zip(metrics, self.reference, strict=True)),
            "hypervolume_unit": self.unit,
            "studies": [
                {**one.plain(), "hypervolume": volume} for one, volume in zip(self.fronts, self.volumes, strict=True)
            ],
            "attainment": [
                {
                    "studies": list(surface.studies),
                    "count": surface.count,
                    "name": surface.name,
                    "hypervolume": surface.volume,
                    "front": [dict(zip(metrics, point, strict=True)) for point in surface.points],
                }
                for surface in self.surfaces
            ],
            "notes": list(self.notes),
        }


def overlay(
    studies: Sequence[Told], device: str | None = None, *, together: bool = False, book: Scorebook | None = None
) -> Overlay:
    """Lay the fronts of several studies over each other.

    Args:
        studies: two or more of different names.
        device: whose latency and memory to take; None: all objectives.
        together: take all studies for runs of one search; False: those that differ by their seeds alone.
        book: what trials scored on every picture; None: they are not compared by accuracy.

    Raises:
        UsageError: their objectives differ, one is simulated and another is not, or a surface is asked for in more
            objectives than can be drawn.
        NothingSatisfiesError: a study has no front.
        UnknownNameError: no trial was measured on that device.
    """
    studies = [_in_order(one, studies[0]) for one in studies]
    axes = axes_of(studies[0].objectives, device)
    for other in studies[1:]:
        _check_alike(studies[0], other, axes, axes_of(other.objectives, device))
    fronts = tuple(front(one.records, one.objectives, device, one.constraints, book) for one in studies)
    feasible = [[p for p in points_in(one.records, axes, device) if p.record.feasible] for one in studies]
    reference = reference_point([point for points in feasible for point in points], axes)
    volumes = [hypervolume(one.records, one.objectives, reference, device).final for one in studies]
    if together and len(axes) > MOST_OBJECTIVES:
        raise UsageError(
            f"--attainment: surfaces are computed in at most {MOST_OBJECTIVES} objectives, not {len(axes)}; name one "
            "device with --device, or leave it out"
        )
    return Overlay(
        axes=axes,
        fronts=fronts,
        volumes=tuple(volumes),
        reference=reference,
        surfaces=tuple(_surfaces(studies, fronts, axes, reference, together=together)),
        notes=tuple(_notes(studies, axes)),
        device=device,
    )


def _surfaces(
    studies: Sequence[Told],
    fronts: Sequence[Front],
    axes: Sequence[Axis],
    reference: Sequence[float],
    *,
    together: bool,
) -> Iterator[Surface]:
    signs = np.array([axis.sign for axis in axes])
    for group in _runs(studies, together=together) if len(axes) <= MOST_OBJECTIVES else []:
        values = [minimised(fronts[index].points, axes) for index in group]
        for count, name in counts_of(len(group)).items():
            corners = attained_front(values, count)
            yield Surface(
                studies=tuple(studies[index].name for index in group),
                count=count,
                name=name,
                points=tuple(sorted(tuple(map(float, corner)) for corner in corners * signs)),
                volume=pareto.hypervolume(corners, np.asarray(reference) * signs),
            )


def _runs(studies: Sequence[Told], *, together: bool) -> list[list[int]]:
    """Which studies are runs of one search, by their places: two or more that differ by their seeds alone."""
    if together:
        return [list(range(len(studies)))]
    groups: dict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(studies):
        groups[one.kind].append(index)
    return [group for group in groups.values() if len(group) > 1]


def _check_alike(first: Told, other: Told, axes: Sequence[Axis], others: Sequence[Axis]) -> None:
    """Make sure that two studies have the same objectives, in any order. A UsageError names how they differ."""
    mine, theirs = ({axis.metric: axis.direction for axis in some} for some in (axes, others))
    for has, lacks, names in ((first, other, mine.keys() - theirs.keys()), (other, first, theirs.keys() - mine.keys())):
        if names:
            raise UsageError(
                f"studies {first.name!r} and {other.name!r} have other objectives: {min(names)} is one of {has.name!r} "
                f"and none of {lacks.name!r}; fronts are laid over each other in the same figures only"
            )
    for metric, direction in mine.items():
        if theirs[metric] != direction:
            raise UsageError(
                f"studies {first.name!r} and {other.name!r} have other objectives: {metric} is to {direction} in the "
                f"first and to {theirs[metric]} in the second"
            )
    if first.simulated != other.simulated:
        raise UsageError(f"{first.name} and {other.name}: figures of a simulation and real ones do not mix")


def _in_order(one: Told, first: Told) -> Told:
    """A study with its objectives in the order of another's."""
    order = [quantity(objective.metric).name for objective in first.objectives]
    places = {name: place for place, name in enumerate(order)}
    kept = sorted(one.objectives, key=lambda objective: places.get(quantity(objective.metric).name, len(places)))
    return replace(one, objectives=kept)


def _notes(studies: Sequence[Told], axes: Sequence[Axis]) -> list[str]:
    """What makes figures of the studies hard to compare."""
    lines = []
    if any(measure_of(axis.metric) for axis in axes) and len({one.data_hash for one in studies}) > 1:
        lines.append("the studies were scored on different pictures: their accuracies do not compare")
    if any(is_device_figure(axis.metric) for axis in axes):
        known: dict[str, set[str]] = defaultdict(set)
        for one in studies:
            for target, identity in one.devices.items():
                known[target].add(identity)
        told = [target for target, identities in known.items() if len(identities) > 1]
        if told:
            lines.append(f"{', '.join(told)} is another device in each study: their latencies do not compare")
        elif len({frozenset(one.devices) for one in studies}) > 1:
            lines.append("the studies were measured on different devices: their latencies do not compare")
    return lines

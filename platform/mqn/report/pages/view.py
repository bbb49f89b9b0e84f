"""The data of a study's page: records, front, hypervolume and training curves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mqn.errors import NothingSatisfiesError
from mqn.quantities import canonical
from mqn.records import TrialRecord
from mqn.report.front.front import Front, front
from mqn.report.front.hypervolume import History, hypervolume
from mqn.report.front.points import Axis, axes_of
from mqn.report.front.scorebook import Scorebook
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.goals import Constraint, Objective
from mqn.search.stages.train import HISTORY, find_histories
from mqn.search.work.steps import last_part

Curves = Mapping[str, Sequence[Mapping[str, float | None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The data that panels draw.

    Attributes:
        study: its name.
        records: its trials by number.
        axes: its objectives.
        constraints: its constraints.
        front: its front; None if no trial keeps the constraints.
        missing: why there is no front; empty if there is one.
        history: the hypervolume.
        curves: training's artifact key to one mapping for each epoch.
        device: whose latency and memory count; None: each trial's first device.
        flats: by number the fields of trials' candidates, as far as they were asked for; a trial keeps its candidate.
    """

    study: str
    records: tuple[TrialRecord, ...]
    axes: tuple[Axis, ...]
    constraints: tuple[Constraint, ...]
    front: Front | None
    missing: str
    history: History
    curves: Curves
    device: str | None = None
    flats: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def best(self) -> frozenset[int]:
        """Numbers of the trials on the front."""
        return frozenset(point.record.number for point in self.front.points) if self.front else frozenset()

    @property
    def best_in_order(self) -> list[int]:
        """The same, as the front orders its points."""
        return [point.record.number for point in self.front.points] if self.front else []

    @property
    def complete(self) -> list[TrialRecord]:
        """The complete trials, without those that confirm others."""
        return [record for record in self.records if record.state == "complete" and record.confirms is None]

    @property
    def varied(self) -> list[str]:
        """Dotted keys of the candidate's fields that differ between trials."""
        flats = [self.flat(record) for record in self.records if record.confirms is None]
        return [key for key in (flats[0] if flats else {}) if len({str(flat[key]) for flat in flats}) > 1]

    def value(self, record: TrialRecord, name: str) -> Any:
        """A trial's figure or its candidate's field; None if it has no such figure."""
        return self.values(record, [name])[0]

    def values(self, record: TrialRecord, names: Sequence[str]) -> list[Any]:
        """Several of them."""
        figures, flat = record.figures_by_name(self.device), self.flat(record)
        found = ((figures.get(canonical(name)), name) for name in names)
        return [flat.get(name) if value is None else value for value, name in found]

    def flat(self, record: TrialRecord) -> dict[str, Any]:
        """The fields of a trial's candidate by their dotted keys."""
        if record.number not in self.flats:
            self.flats[record.number] = record.candidate.flat()
        return self.flats[record.number]


def look(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Iterable[Constraint] = (),
    *,
    curves: Curves | None = None,
    device: str | None = None,
    book: Scorebook | None = None,
    flats: dict[int, dict[str, Any]] | None = None,
) -> View:
    """Gather the data of a study's page; see `View`.

    `flats` are those of an earlier view of the study; more are put into it.

    Raises:
        NothingSatisfiesError: there is no trial at all.
        UnknownNameError: no trial was measured on that device.
    """
    if not records:
        raise NothingSatisfiesError("the study has no trials yet; there is nothing to show")
    constraints = tuple(constraints)
    found, missing = None, ""
    try:
        found = front(records, objectives, device, constraints, book)
    except NothingSatisfiesError as error:
        missing = str(error)
    return View(
        study=records[0].study,
        records=tuple(sorted(records, key=lambda record: record.number)),
        axes=axes_of(objectives, device),
        constraints=constraints,
        front=found,
        missing=missing,
        history=hypervolume(records, objectives, device=device),
        curves=curves or {},
        device=device,
        flats={} if flats is None else flats,
    )


def read_curves(records: Iterable[TrialRecord], store: ArtifactStore) -> dict[str, Any]:
    """Read the histories of trainings, of those that were stopped too: artifact key to one mapping for each epoch.

    Trainings without an artifact are left out.
    """
    found = find_histories(store, filter(None, (last_part(record.artifacts) for record in records)))
    paths = store.paths(found.values(), HISTORY)
    return {key: json.loads(path.read_text(encoding="utf-8")) for key, path in zip(found, paths, strict=True)}

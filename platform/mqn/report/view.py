"""One study as its page sees it: records, front, hypervolume and the curves of its trainings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mqn.errors import NothingSatisfiesError
from mqn.records import TrialRecord
from mqn.report.certainty import figures_of
from mqn.report.front import Front, front
from mqn.report.hypervolume import History, hypervolume
from mqn.report.points import Axis, Objective, of_device, settle
from mqn.search.artifacts import ArtifactStore
from mqn.search.goals import Constraint

HISTORY = "history.json"
Curves = Mapping[str, Sequence[Mapping[str, float | None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What panels draw from.

    Attributes:
        study: its name.
        records: its trials by number.
        axes: its objectives.
        constraints: its constraints.
        front: its front; None where no trial satisfies the constraints.
        missing: why there is no front; empty where there is one.
        history: the hypervolume.
        curves: training's artifact key to one mapping an epoch.
        device: whose latency and memory count; None: each trial's first device.
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

    @property
    def best(self) -> frozenset[int]:
        """Numbers of the trials on the front."""
        return frozenset(point.record.number for point in self.front.points) if self.front else frozenset()

    @property
    def complete(self) -> list[TrialRecord]:
        """The complete trials."""
        return [record for record in self.records if record.state == "complete"]

    @property
    def varied(self) -> list[str]:
        """Dotted keys of the candidate's fields that differ between trials."""
        flats = [record.candidate.flat() for record in self.records]
        return [key for key in (flats[0] if flats else {}) if len({str(flat[key]) for flat in flats}) > 1]

    def value(self, record: TrialRecord, name: str) -> Any:
        """A figure or a candidate's field of a trial; None where it has no such figure."""
        figures = figures_of(record, self.device)
        return figures[name] if name in figures else record.candidate.flat().get(name)


def look(
    records: Sequence[TrialRecord],
    objectives: Sequence[Objective],
    constraints: Iterable[Constraint] = (),
    *,
    curves: Curves | None = None,
    device: str | None = None,
) -> View:
    """Put together what a page shows of a study; at least one trial.

    Args:
        records: its trials.
        objectives: what it optimises.
        constraints: what it keeps.
        curves: training's artifact key to one mapping an epoch.
        device: whose latency and memory count.

    Raises:
        NothingSatisfiesError: there is no trial at all.
        UnknownNameError: no trial was measured on that device.
    """
    if not records:
        raise NothingSatisfiesError("the study has no trials yet; there is nothing to show")
    constraints = tuple(constraints)
    found, missing = None, ""
    try:
        found = front(records, objectives, device, constraints)
    except NothingSatisfiesError as error:
        missing = str(error)
    return View(
        study=records[0].study,
        records=tuple(sorted(records, key=lambda record: record.number)),
        axes=of_device(settle(objectives), device),
        constraints=constraints,
        front=found,
        missing=missing,
        history=hypervolume(records, objectives, device=device),
        curves=curves or {},
        device=device,
    )


def read_curves(records: Iterable[TrialRecord], store: ArtifactStore) -> dict[str, Any]:
    """Read the histories of trainings.

    Args:
        records: trials; those that share a training share its history.
        store: the study's artifacts.

    Returns:
        Training's artifact key to one mapping an epoch. A training whose artifact is gone is left out.
    """
    keys = {record.artifacts["train"] for record in records if "train" in record.artifacts}
    paths = {key: store.path("train", key) / HISTORY for key in sorted(keys)}
    return {key: json.loads(path.read_text(encoding="utf-8")) for key, path in paths.items() if path.is_file()}

"""A study's front as its own run in MLflow shows it: a table, a picture, and the hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mqn.errors import NothingSatisfiesError
from mqn.parsing import write_json
from mqn.records import TrialRecord
from mqn.report.front.front import Front, front
from mqn.report.front.hypervolume import hypervolume
from mqn.report.front.scorebook import Scorebook
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space import Space
from mqn.search.tracked_front import FrontFiles

TABLE, PICTURE = "front.json", "front.png"


def write_tracked_front(records: Sequence[TrialRecord], space: Space, store: ArtifactStore, folder: Path) -> FrontFiles:
    """Write a study's front as `front.json` and `front.png`.

    Args:
        records: of all its trials.
        space: what it searches.
        store: its artifacts; accuracies are compared picture by picture.
        folder: where to; files of these names are replaced.

    Returns:
        The files, and the hypervolume by trial; without a complete trial that keeps the constraints, no files.

    Raises:
        UsageError: the picture cannot be written.
        OSError: the table cannot be written.
    """
    from mqn.report.figures.front_picture import write_front_png

    history = hypervolume(records, space.objectives)
    volumes = dict(zip(history.trials, history.values, strict=True))
    try:
        best = front(records, space.objectives, constraints=space.constraints, book=Scorebook(store))
    except NothingSatisfiesError:
        return FrontFiles(volumes=volumes)
    write_json(folder / TABLE, front_table(best, space.keys))
    write_front_png(best, folder / PICTURE)
    return FrontFiles(files={TABLE: folder / TABLE, PICTURE: folder / PICTURE}, tables=(TABLE,), volumes=volumes)


def front_table(best: Front, varied: Sequence[str]) -> dict[str, Any]:
    """A front as a table in the format of MLflow's: `columns`, and `data` row by row.

    Args:
        best: the front.
        varied: keys of the candidate that tell its trials apart; those in which all are the same are left out.
    """
    flats = [point.record.candidate.flat() for point in best.points]
    keys = [key for key in varied if len({str(flat.get(key)) for flat in flats}) > 1]
    ranged = [index for index, axis in enumerate(best.axes) if any(point.ranges[index] for point in best.points)]
    rows = []
    for point, flat in zip(best.points, flats, strict=True):
        ranges = [point.ranges[index] for index in ranged]
        rows.append(
            [
                point.record.number,
                *map(_short, point.values),
                *(_short(bound) for found in ranges for bound in ((found.low, found.high) if found else (None, None))),
                *(flat.get(key) for key in keys),
                ", ".join(sorted(set(point.record.verdicts.values()))),
                point.record.label,
            ]
        )
    names = [best.axes[index].metric for index in ranged]
    bounds = [f"{name} ({side})" for name in names for side in ("low", "high")]
    metrics = (axis.metric for axis in best.axes)
    return {"columns": ["trial", *metrics, *bounds, *keys, "verdict", "label"], "data": rows}


def _short(value: float | None) -> float | None:
    """A figure for people: six digits. The trial's own run has all."""
    return None if value is None else float(f"{value:.6g}")

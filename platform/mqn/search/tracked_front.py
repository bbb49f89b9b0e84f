"""What a study's own run in MLflow shows of its front: a table, a picture, and how much it covers, trial by trial."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mqn.errors import MqnError
from mqn.records import TrialRecord
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space import Space
from mqn.track.entries import Point
from mqn.track.tracker import Tracker

HYPERVOLUME = "hypervolume"
"""The metric; its step is the trial's number."""
_TABLES = "mlflow.loggedArtifacts"  # MLflow shows files that this tag names as tables.


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontFiles:
    """A front, ready to be tracked.

    Attributes:
        files: path within the run to a local file.
        tables: those of the paths that are tables, in MLflow's format.
        volumes: hypervolume after each complete trial, by its number.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    tables: Sequence[str] = ()
    volumes: Mapping[int, float] = field(default_factory=dict)


WriteFront = Callable[[Sequence[TrialRecord], Space, ArtifactStore, Path], FrontFiles]
"""Writes a study's front into a folder; empty where no trial is complete. `mqn.report` has one."""


def track_front(
    tracker: Tracker,
    study: str,
    space: Space,
    found: Sequence[TrialRecord],
    store: ArtifactStore,
    write: WriteFront | None,
    say: Callable[[str], object],
) -> None:
    """Show a study's front in its own run in MLflow, in place of the one that was shown there before.

    Args:
        tracker: logs it.
        study: the study's name.
        space: what it searches.
        found: its records.
        store: the artifacts of its trials.
        write: writes the front; None: nothing is shown.
        say: takes the line on why it cannot be written; the study goes on.
    """
    if write is None or not tracker.server:
        return
    try:
        front = write(found, space, store, tracker.place(study))
    except (MqnError, OSError) as error:
        say(f"the front of {study!r} is not shown in MLflow: {error}")
        return
    if not front.volumes and not front.files:
        return
    ends = {record.number: _ended(record) for record in found}
    points = [
        Point(name=HYPERVOLUME, value=value, at=ends[number], step=number) for number, value in front.volumes.items()
    ]
    tables = json.dumps([{"path": path, "type": "table"} for path in front.tables])
    tracker.add_to_study(
        study, series={HYPERVOLUME: points}, artifacts=front.files, tags={_TABLES: tables} if front.tables else {}
    )


def _ended(record: TrialRecord) -> int:
    """When a trial ended, in milliseconds since 1970; now, where no span tells it."""
    ends = [span.collected or span.end for span in record.spans.values()]
    return round(1000 * max(ends, default=time.time()))

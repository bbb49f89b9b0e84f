"""What the runs of studies and trials hold in MLflow, as plain values that a spool file can keep."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from mqn.quantities import tracked_name
from mqn.records import TrialRecord, TrialState
from mqn.text.redaction import redact, redact_url, redact_values
from mqn.track.flat import flat_name, flat_params, flat_tags, run_metrics

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
_LATE_MS = 30_000
# Limits of MLflow's log-batch request.
_ENTITIES_A_BATCH = 1000
_WORDS_A_BATCH = 100
_NOTHING: Mapping[str, Any] = MappingProxyType({})
STATUS: dict[TrialState, RunStatus] = {
    "complete": "FINISHED",
    "failed": "FAILED",
    "pruned": "KILLED",
    "gated": "KILLED",
    "stopped": "KILLED",
    "running": "RUNNING",
    "paused": "RUNNING",
    "interrupted": "RUNNING",
    "held": "RUNNING",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One finite value of a metric: `at` in milliseconds since 1970, `step` the epoch or 0."""

    name: str
    value: float
    at: int
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedData:
    """The dataset of a study, as MLflow shows the input of a run.

    Attributes:
        name: what a person calls it.
        digest: its hash; MLflow keeps the first 36 characters.
        source: its folder, its URL, or words where it has neither. A URL's password is left out.
    """

    name: str
    digest: str
    source: str

    def __post_init__(self) -> None:
        """Keep no secret."""
        if "://" in self.source:
            object.__setattr__(self, "source", redact_url(self.source))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all trials of a study have in common.

    Attributes:
        constants: fields of the candidate that the study's own run holds as params.
        goals: figure of each objective, `maximize` or `minimize`.
        data: the dataset that they read; None: it is not told.
    """

    constants: Mapping[str, Any] = field(default_factory=dict)
    goals: Mapping[str, str] = field(default_factory=dict)
    data: TrackedData | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEntry:
    """Everything that one run shall hold.

    Attributes:
        id: the same however often the entry is sent; a run that was begun under another id is begun anew.
        study: the experiment.
        trial: the trial's number; None for the study's own run.
        name: the run's name.
        status: what the run ends with; `RUNNING` leaves it open.
        started: milliseconds since 1970.
        ended: likewise.
        params: values are strings.
        points: metrics.
        tags: values are strings.
        artifacts: path within the run to a local file or folder.
        data: the dataset that it reads; None: it is not told.
        goals: metric of each objective, `maximize` or `minimize`: the columns of a study's table of trials, and what
            is told of a trial's model.
        about: what the experiment is about, as Markdown; only a study's own entry has this and what follows.
        note: what the study's own run shows, as Markdown.
        varied: params that the trials differ in: further columns.
        anew: metrics whose earlier points these points replace, because they were measured against another reference.
    """

    id: str
    study: str
    trial: int | None
    name: str
    status: RunStatus
    started: int
    ended: int
    params: dict[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    data: TrackedData | None = None
    goals: dict[str, str] = field(default_factory=dict)
    about: str = ""
    note: str = ""
    varied: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()

    @property
    def late(self) -> bool:
        """Whether its run ended a while ago: somebody who took the study over may have logged it meanwhile."""
        return _now() - self.ended > _LATE_MS


def study_entry(
    entry_id: str,
    study: str,
    *,
    status: RunStatus,
    params: Mapping[str, Any] = _NOTHING,
    metrics: Mapping[str, float] = _NOTHING,
    tags: Mapping[str, Any] = _NOTHING,
    artifacts: Mapping[str, Path] = _NOTHING,
    about: str = "",
    note: str = "",
    goals: Mapping[str, str] = _NOTHING,
    varied: Sequence[str] = (),
    data: TrackedData | None = None,
    series: Mapping[str, Sequence[Point]] = _NOTHING,
) -> RunEntry:
    """Describe the parent run of a study; see `Tracker.open_study` and `Tracker.close_study`.

    `status` is `RUNNING` when the study opens, `FINISHED` when it closes. `series` are metrics with all their points;
    they replace those of earlier entries.
    """
    now = _now()
    points, dropped = _finite(
        [
            *(Point(name=flat_name(name), value=float(value), at=now) for name, value in metrics.items()),
            *(point for points in series.values() for point in points),
        ]
    )
    return RunEntry(
        id=entry_id,
        study=study,
        trial=None,
        name=study,
        status=status,
        started=now,
        ended=now,
        params=redact_values({flat_name(key): str(value) for key, value in params.items()}),
        points=points,
        tags=_tags({**tags, **dropped}),
        artifacts=_absolute(artifacts),
        data=data,
        goals=_goals(goals),
        about=redact(about),
        note=redact(note),
        varied=tuple(flat_name(key) for key in varied),
        anew=tuple(series),
    )


def trial_entry(
    entry_id: str,
    record: TrialRecord,
    *,
    curves: Sequence[Mapping[str, float]],
    tags: Mapping[str, Any],
    artifacts: Mapping[str, Path],
    ended: int | None = None,
    shared: Shared | None = None,
) -> RunEntry:
    """Describe the run of a trial; see `Tracker.log_trial`.

    `ended` is in milliseconds since 1970; None: now. Fields of the candidate that are as in `shared` are no params of
    the trial: the study's own run has them.
    """
    shared = shared or Shared()
    ended = _now() if ended is None else ended
    started = ended - round(1000 * sum(record.seconds.values()))
    goals = _goals(shared.goals)
    points = [Point(name=name, value=value, at=ended) for name, value in run_metrics(record).items()]
    params = {key: str(value) for key, value in flat_params(record).items()}
    same = {flat_name(key): str(value) for key, value in shared.constants.items()}
    points.sort(key=lambda point: point.name not in goals)  # MLflow compares runs by the first metric.
    finite, dropped = _finite([*points, *_curve_points(curves, started)])
    return RunEntry(
        id=entry_id,
        study=record.study,
        trial=record.number,
        name=f"{record.number:04d} {record.label}",
        status=STATUS[record.state],
        started=started,
        ended=ended,
        params=redact_values({key: value for key, value in params.items() if same.get(key) != value}),
        points=finite,
        tags=_tags({**tags, **flat_tags(record), **dropped}),
        artifacts=_absolute(artifacts),
        data=shared.data,
        goals=goals,
    )


def batches(metrics: list[Any], params: list[Any], tags: list[Any]) -> Iterator[tuple[list[Any], list[Any], list[Any]]]:
    """Part what a run holds into requests that MLflow takes."""
    while metrics or params or tags:
        some = params[:_WORDS_A_BATCH], tags[:_WORDS_A_BATCH]
        room = _ENTITIES_A_BATCH - sum(map(len, some))
        yield metrics[:room], *some
        metrics, params, tags = metrics[room:], params[_WORDS_A_BATCH:], tags[_WORDS_A_BATCH:]


def _curve_points(curves: Sequence[Mapping[str, float]], started: int) -> list[Point]:
    points: list[Point] = []
    at = float(started)
    for index, epoch in enumerate(curves):
        at += 1000 * epoch.get("seconds", 0.0)
        for key, value in epoch.items():
            if key == "epoch":
                continue
            name = f"val/{key.removeprefix('val_')}" if key.startswith("val_") else f"train/{key}"
            points.append(Point(name=flat_name(name), value=value, at=round(at), step=int(epoch.get("epoch", index))))
    return points


def _finite(points: Sequence[Point]) -> tuple[tuple[Point, ...], dict[str, str]]:
    """Leave out values that are not finite, and name them in a tag."""
    wrong = sorted({point.name for point in points if not math.isfinite(point.value)})
    kept = tuple(point for point in points if math.isfinite(point.value))
    return kept, {"not_finite": ", ".join(wrong)} if wrong else {}


def _goals(goals: Mapping[str, str]) -> dict[str, str]:
    return {flat_name(tracked_name(name)): direction for name, direction in goals.items()}


def _tags(tags: Mapping[str, Any]) -> dict[str, str]:
    # `true` and `false`, as in JSON.
    spelled = {True: "true", False: "false"}
    words = {
        flat_name(key): spelled[value] if isinstance(value, bool) else str(value)
        for key, value in tags.items()
        if value is not None
    }
    return redact_values(words)


def _absolute(artifacts: Mapping[str, Path]) -> dict[str, str]:
    return {name: str(Path(path).absolute()) for name, path in artifacts.items()}


def _now() -> int:
    return time.time_ns() // 1_000_000

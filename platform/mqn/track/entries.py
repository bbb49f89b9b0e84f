"""Records in MLflow's words: what a study's and a trial's run will hold, as plain values that a spool file can keep."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mqn.quantities import DEVICE_FIGURES, split_target
from mqn.records import TrialRecord, TrialState
from mqn.redaction import redact

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
STATUS: dict[TrialState, RunStatus] = {
    "complete": "FINISHED",
    "failed": "FAILED",
    "pruned": "KILLED",
    "running": "RUNNING",
    "interrupted": "RUNNING",
    "held": "RUNNING",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a metric.

    Attributes:
        name: MLflow's name of the metric.
        value: finite.
        at: milliseconds since 1970.
        step: the epoch; 0 where there is none.
    """

    name: str
    value: float
    at: int
    step: int = 0


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
        about: what the experiment is about, as Markdown; only a study's own entry has this and what follows.
        goals: metric of each objective, `maximize` or `minimize`: the columns of its table of trials.
        varied: params that the trials differ in: further columns.
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
    about: str = ""
    goals: dict[str, str] = field(default_factory=dict)
    varied: tuple[str, ...] = ()


def study_entry(
    entry_id: str,
    study: str,
    *,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    tags: Mapping[str, Any],
    artifacts: Mapping[str, Path],
    status: RunStatus,
    about: str = "",
    goals: Mapping[str, str] | None = None,
    varied: Sequence[str] = (),
) -> RunEntry:
    """Describe the parent run of a study.

    Args:
        entry_id: see `RunEntry.id`.
        study: its name.
        params: what the study was asked for; nested tables or dotted keys.
        metrics: what it came to.
        tags: free words.
        artifacts: path within the run to a local file or folder.
        status: `RUNNING` when it opens, `FINISHED` when it closes.
        about: what it is about, as Markdown.
        goals: figure of each objective to `maximize` or `minimize`.
        varied: keys of the candidate that its trials differ in.
    """
    now = _now()
    points, dropped = _finite(
        [Point(name=metric_name(name), value=float(value), at=now) for name, value in metrics.items()]
    )
    return RunEntry(
        id=entry_id,
        study=study,
        trial=None,
        name=study,
        status=status,
        started=now,
        ended=now,
        params={metric_name(key): redact(str(value)) for key, value in params.items()},
        points=points,
        tags=_tags({**tags, **dropped}),
        artifacts=_absolute(artifacts),
        about=redact(about),
        goals={metric_name(_figure_metric(name)): direction for name, direction in (goals or {}).items()},
        varied=tuple(metric_name(key) for key in varied),
    )


def trial_entry(
    entry_id: str,
    record: TrialRecord,
    *,
    curves: Sequence[Mapping[str, float]],
    tags: Mapping[str, Any],
    artifacts: Mapping[str, Path],
) -> RunEntry:
    """Describe the run of a trial.

    Args:
        entry_id: see `RunEntry.id`.
        record: the trial.
        curves: one mapping an epoch: `epoch` and any figures of it; `seconds` is its duration.
        tags: beyond those that the record yields (dataset hash, versions, commit).
        artifacts: path within the run to a local file or folder.
    """
    ended = _now()
    started = ended - round(1000 * sum(record.seconds.values()))
    figures = {_figure_metric(name): value for name, value in record.figures.items()}
    figures |= {f"seconds/{stage}": seconds for stage, seconds in record.seconds.items()}
    figures |= {f"violation/{constraint}": by for constraint, by in record.violations.items()}
    for device, values in record.device_figures.items():
        figures |= {device_metric(name, device): value for name, value in values.items()}
    points = [Point(name=metric_name(name), value=value, at=ended) for name, value in figures.items()]
    finite, dropped = _finite([*_curve_points(curves, started), *points])
    own = {
        "trial": record.number,
        "state": record.state,
        "feasible": record.feasible,
        "seed": record.candidate.training.seed,
        "error": record.error,
        **{f"verdict.{device}": verdict for device, verdict in record.verdicts.items()},
        **{f"artifact.{stage}": key for stage, key in record.artifacts.items()},
    }
    return RunEntry(
        id=entry_id,
        study=record.study,
        trial=record.number,
        name=f"{record.number:04d} {record.label}",
        status=STATUS[record.state],
        started=started,
        ended=ended,
        params={metric_name(key): redact(str(value)) for key, value in record.candidate.flat().items()},
        points=finite,
        tags=_tags({**tags, **own, **dropped}),
        artifacts=_absolute(artifacts),
    )


def device_metric(name: str, device: str) -> str:
    """The metric that holds a figure of one device: `latency_ms.p50/<device>`, `peak_memory_mb/<device>`.

    The ends of the median's 95 % range stand beside it: `latency_ms.p50_low/<device>`, `latency_ms.p50_high/<device>`.
    """
    return f"{'latency_ms.p50' if name == 'latency_ms' else name}/{device}"


def _figure_metric(name: str) -> str:
    """A figure that names its device goes by the name that this device's other figures have."""
    base, target = split_target(name)
    return name if target is None or base not in DEVICE_FIGURES else device_metric(base, target)


def metric_name(name: str) -> str:
    """The nearest name that MLflow allows: letters, digits, `_ - . / :` and spaces, and not like a path upwards."""
    allowed = re.sub(r"[^\w\-./: ]", "_", name)
    return "/".join(part for part in allowed.split("/") if part.strip(".")) or "_"


def _curve_points(curves: Sequence[Mapping[str, float]], started: int) -> list[Point]:
    points: list[Point] = []
    at = float(started)
    for index, epoch in enumerate(curves):
        at += 1000 * epoch.get("seconds", 0.0)
        for key, value in epoch.items():
            if key == "epoch":
                continue
            name = f"val/{key.removeprefix('val_')}" if key.startswith("val_") else f"train/{key}"
            points.append(Point(name=metric_name(name), value=value, at=round(at), step=int(epoch.get("epoch", index))))
    return points


def _finite(points: Sequence[Point]) -> tuple[tuple[Point, ...], dict[str, str]]:
    """Part what JSON and databases cannot hold from the rest, and say so in a tag."""
    wrong = sorted({point.name for point in points if not math.isfinite(point.value)})
    kept = tuple(point for point in points if math.isfinite(point.value))
    return kept, {"not_finite": ", ".join(wrong)} if wrong else {}


def _tags(tags: Mapping[str, Any]) -> dict[str, str]:
    # JSON's spelling, so that tags read `true` in MLflow as they do in our JSON.
    spelled = {True: "true", False: "false"}
    return {
        metric_name(key): spelled[value] if isinstance(value, bool) else redact(str(value))
        for key, value in tags.items()
        if value is not None
    }


def _absolute(artifacts: Mapping[str, Path]) -> dict[str, str]:
    return {name: str(Path(path).absolute()) for name, path in artifacts.items()}


def _now() -> int:
    return time.time_ns() // 1_000_000

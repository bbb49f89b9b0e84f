"""A device's repeatability: the same models measured again and again."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.errors import ConfigError, UsageError
from mqn.home import home
from mqn.parsing import read_json, write_json
from mqn.records import DeviceInfo, Measurement, MeasureSettings, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """One model, measured again and again.

    Attributes:
        name: the model's name.
        sha256: hashes of its files, in the order they run.
        p50_ms: p50 of every job whose verdict counts, in the order they ran.
        refused: verdicts of all other jobs.
        median_ms: median of `p50_ms`; None if no job counts.
        spread: (largest - smallest) / median of `p50_ms`; None for fewer than two jobs.
    """

    name: str
    sha256: tuple[str, ...]
    p50_ms: tuple[float, ...]
    refused: tuple[Verdict, ...]
    median_ms: float | None
    spread: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatability:
    """A device's repeatability.

    Attributes:
        device: the device that measured.
        settings: the settings of every job; no job was repeated.
        measured_at: when the last job ended; UTC, ISO 8601.
        models: the models' repeats.
        spread: the largest of the models' spreads; None if none has one.
        refused_share: share of the jobs whose verdict does not count, in [0, 1].
    """

    device: DeviceInfo
    settings: MeasureSettings
    measured_at: str
    models: tuple[Repeats, ...]
    spread: float | None
    refused_share: float

    @property
    def text(self) -> str:
        """In a few words, with the day: `p50 within 1.8 %, 0 % refused (2026-01-31)`."""
        spread = "no two jobs counted" if self.spread is None else f"p50 within {self.spread:.1%}"
        return f"{spread}, {self.refused_share:.0%} refused ({self.measured_at[:10]})".replace("%", " %")


def judge_repeats(name: str, sha256: Sequence[str], measurements: Sequence[Measurement]) -> Repeats:
    """Summarise a model's jobs, given in the order they ran."""
    counted = [one for one in measurements if one.verdict in one.settings.accept and one.latency_ms is not None]
    p50 = tuple(one.latency_ms.p50 for one in counted if one.latency_ms is not None)
    median = statistics.median(p50) if p50 else None
    return Repeats(
        name=name,
        sha256=tuple(sha256),
        p50_ms=p50,
        refused=tuple(one.verdict for one in measurements if one not in counted),
        median_ms=median,
        spread=(max(p50) - min(p50)) / median if median and len(p50) > 1 else None,
    )


def judge_device(device: DeviceInfo, settings: MeasureSettings, models: Sequence[Repeats], at: str) -> Repeatability:
    """Summarise a device's models, at least one with one job; `at` is UTC, ISO 8601."""
    spreads = [model.spread for model in models if model.spread is not None]
    refused = sum(len(model.refused) for model in models)
    jobs = refused + sum(len(model.p50_ms) for model in models)
    return Repeatability(
        device=device,
        settings=settings,
        measured_at=at,
        models=tuple(models),
        spread=max(spreads) if spreads else None,
        refused_share=refused / jobs,
    )


def keep_repeatability(found: Repeatability) -> Path:
    """Record a device's repeatability under `$MQN_HOME/devices`, in place of an older record; returns the file.

    Raises:
        UsageError: it cannot be written.
    """
    path = _path(found.device.id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, found)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    return path


def known_repeatability(device_id: str) -> Repeatability | None:
    """Read what is recorded of a device; None if there is nothing that this version can read."""
    try:
        return read_json(Repeatability, _path(device_id))
    except ConfigError:
        return None


def _path(device_id: str) -> Path:
    return home() / "devices" / f"{re.sub(r'[^a-zA-Z0-9_.-]', '_', device_id).lstrip('.')[:60] or '_'}.json"

"""How well a device repeats itself: the same models measured again and again, and what is kept of it."""

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
        name: the model's.
        sha256: of its files, in the order they run.
        p50_ms: of every job whose verdict counts, in the order they ran.
        refused: verdicts of the others.
        median_ms: of `p50_ms`; None where no job counts.
        spread: the largest of `p50_ms` less the smallest, over their median; None with fewer than two.
    """

    name: str
    sha256: tuple[str, ...]
    p50_ms: tuple[float, ...]
    refused: tuple[Verdict, ...]
    median_ms: float | None
    spread: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatability:
    """How well a device repeats itself.

    Attributes:
        device: who measured.
        settings: how every job was done; none was tried again.
        measured_at: UTC, ISO 8601: when the last job ended.
        models: what was measured.
        spread: the widest of the models'; None where none has one.
        refused_share: of all jobs, those whose verdict does not count, in [0, 1].
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
    """Put a model's jobs together.

    Args:
        name: the model's.
        sha256: of its files.
        measurements: of its jobs, in the order they ran.
    """
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
    """Put a device's models together.

    Args:
        device: who measured.
        settings: how.
        models: at least one, with a job each at least.
        at: UTC, ISO 8601.
    """
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
    """Keep what is known of a device, in place of what was known before.

    Returns:
        The file, under `$MQN_HOME/devices`.

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
    """What is kept of a device; None where nothing is, or nothing that this version can read."""
    try:
        return read_json(Repeatability, _path(device_id))
    except ConfigError:
        return None


def _path(device_id: str) -> Path:
    return home() / "devices" / f"{re.sub(r'[^a-zA-Z0-9_.-]', '_', device_id).lstrip('.')[:60] or '_'}.json"

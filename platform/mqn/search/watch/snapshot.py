"""What a driver does at one moment, as it says to whoever looks at the study from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mqn.errors import ConfigError
from mqn.parsing import from_mapping, to_plain
from mqn.plain_values import loads_json


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """A job that runs.

    Attributes:
        trial: the number of the trial that asked for it first.
        stage: what is done.
        key: of the artifact in the making.
        doing: what is done, in words, and how far it is where that is known.
        since: when it was handed out, in seconds since 1970 by the driver's clock; None: not known.
        device: the device that it measures on; empty: none.
    """

    trial: int
    stage: str
    key: str
    doing: str
    since: float | None = None
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingJobs:
    """Jobs of one stage that wait for the same reason: how many, and the first of their trials."""

    stage: str
    why: str
    count: int
    trials: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """A device as its driver sees it; `state` as in `mqn.device.pool.pool.DeviceReport`."""

    name: str
    state: str
    since: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one driver does.

    Attributes:
        study: the study's name.
        at: when this was so, in seconds since 1970 by the driver's clock.
        began: when the driver began, likewise.
        goal: trials that the study is to have in the end.
        active: trials on their way here.
        finished: trials that this driver finished.
        running: stage to the number of jobs that run.
        queued: stage to the number of jobs that wait.
        jobs: jobs that run, the longest first; not all where there are many.
        waiting: what waits, and why.
        devices: those that the study may use.
        nodes: machines that run jobs.
        there: resource to the amount that all machines have: `CPU`, `GPU`, `memory` (bytes), ...
        failures: lines on what failed last, the latest last.
        steps: number of a trial on its way to its steps, each with its artifact's key; not all where there are many.
    """

    study: str
    at: float
    began: float
    goal: int = 0
    active: int = 0
    finished: int = 0
    running: dict[str, int] = field(default_factory=dict)
    queued: dict[str, int] = field(default_factory=dict)
    jobs: tuple[RunningJob, ...] = ()
    waiting: tuple[WaitingJobs, ...] = ()
    devices: tuple[DeviceState, ...] = ()
    nodes: int = 0
    there: dict[str, float] = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    steps: dict[str, dict[str, str]] = field(default_factory=dict)

    def text(self, most: int) -> str:
        """JSON of at most so many characters. What is too long loses its lists, the longest first."""
        kept, text = self, _dump(self)
        while len(text) > most:
            longest = max(("steps", "jobs", "waiting", "devices", "failures"), key=lambda name: _size(kept, name))
            kept = replace(kept, **{longest: _half(getattr(kept, longest))})
            text = _dump(kept)
        return text


def read_snapshot(text: str) -> Snapshot | None:
    """Read what `Snapshot.text` gave; None where another version of the platform wrote it."""
    try:
        return from_mapping(Snapshot, loads_json(text, "snapshot"), source="snapshot")
    except ConfigError:
        return None


def _dump(snapshot: Snapshot) -> str:
    return json.dumps(to_plain(snapshot), separators=(",", ":"))


def _size(snapshot: Snapshot, name: str) -> int:
    return len(json.dumps(to_plain(getattr(snapshot, name))))


def _half(items: Any) -> Any:
    if isinstance(items, Mapping):
        return dict(list(items.items())[: len(items) // 2])
    return items[: len(items) // 2]

"""Latency and memory figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mqn.records.device import DeviceInfo, MachineState

Delegate = Literal["xnnpack", "none", "gpu", "nnapi"]
Verdict = Literal["ok", "contended", "unsteady", "throttled", "crashed", "timeout", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """How a file is timed.

    Attributes:
        threads: of the runtime.
        delegate: what the runtime hands the graph to; a device that does not have it refuses.
        processors: numbers of those that a pass may run on; empty: all.
        processes: how many fresh processes the invocations are spread over: the same file can be some percent faster
            or slower from one process to the next, and only several of them show by how much.
        warmup_seconds: run at least this long before counting ...
        warmup_limit_seconds: ... and at most this long, until the times have settled.
        runs: count at least this many invocations, all processes together ...
        seconds: ... and at least this long.
        timeout_seconds: wall-clock limit of one process; afterwards it is killed.
        memory_limit_mb: address space that a pass may take above what Python and the runtime take by themselves.
        accept: verdicts that make a measurement count.
        attempts: how often a measurement with another verdict is tried in all.
    """

    threads: int = 1
    delegate: Delegate = "xnnpack"
    processors: tuple[int, ...] = ()
    processes: int = 5
    warmup_seconds: float = 0.2
    warmup_limit_seconds: float = 2.0
    runs: int = 50
    seconds: float = 1.0
    timeout_seconds: float = 60.0
    memory_limit_mb: int = 4096
    accept: tuple[Verdict, ...] = ("ok",)
    attempts: int = 3

    def __post_init__(self) -> None:
        """Check ranges; a ValueError names the field that is out of its range."""
        times = (self.seconds, self.warmup_seconds, self.warmup_limit_seconds, self.timeout_seconds)
        if not all(map(math.isfinite, times)):
            raise ValueError("seconds, warmup_seconds, warmup_limit_seconds and timeout_seconds must be finite")
        if min(self.threads, self.runs, self.attempts, self.processes) < 1:
            raise ValueError("threads, runs, attempts and processes must be at least 1")
        if self.seconds < 0 or self.warmup_seconds < 0 or self.timeout_seconds <= 0 or self.memory_limit_mb < 64:
            raise ValueError("seconds must not be negative, timeout_seconds above 0, memory_limit_mb at least 64")
        if self.warmup_limit_seconds < self.warmup_seconds:
            raise ValueError("warmup_limit_seconds must not be below warmup_seconds")
        if any(number < 0 for number in self.processors) or len(set(self.processors)) < len(self.processors):
            raise ValueError("processors must be different numbers, none below 0")


PRESETS: dict[str, MeasureSettings] = {
    "quick": MeasureSettings(),
    # MLPerf Mobile's single stream: at least 1024 samples and 60 s. A process has the time for 205 runs of 2.8 s.
    "strict": MeasureSettings(
        processes=5, warmup_seconds=1.0, warmup_limit_seconds=10.0, runs=1024, seconds=60.0, timeout_seconds=600.0
    ),
}
"""Named ways to measure: `quick` for searches, `strict` for figures that are to be published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Where a figure lies with 95 % confidence, in the figure's unit."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Order statistics of timed invocations, in ms.

    Attributes:
        n: how many invocations.
        min: the fastest.
        p50: median.
        p90: nine in ten were not slower.
        p99: 99 in 100 were not slower.
        mean: arithmetic mean.
        std: standard deviation of the population.
        p50_range: where p50 lies with 95 % confidence, other processes included; None until the host computed it.
        p90_range: likewise p90.
    """

    n: int
    min: float
    p50: float
    p90: float
    p99: float
    mean: float
    std: float
    p50_range: Range | None = None
    p90_range: Range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What the delegate really took of a graph.

    Attributes:
        delegate: the one that was asked for.
        partitions: pieces of the graph that it runs.
        nodes: operators of the graph.
        delegated: how many of them lie in those pieces.
        outside: operators that it left to the runtime, by kind, with their number.
    """

    delegate: Delegate
    partitions: int
    nodes: int
    delegated: int
    outside: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMeasurement:
    """One file of a measured model: `model` alone, or `backbone` and `head`.

    Attributes:
        part: the part it plays.
        sha256: of the file.
        size_bytes: of the file.
        init_ms: reading the file and allocating its tensors; of several processes their median, as all that follow.
        first_ms: the first invocation.
        warmup_ms: mean of the invocations that warmed up.
        latency_ms: order statistics of the samples.
        samples_ns: every counted invocation, process by process (`Measurement.process_rounds`).
        output_sha256: of the outputs' bytes for the seeded input.
        delegation: what the delegate took; None where the device cannot tell.
        cpu_ns: processor time of the same invocations; empty unless two models ran in turns in one thread each.
    """

    part: str
    sha256: str
    size_bytes: int
    init_ms: float
    first_ms: float
    warmup_ms: float
    latency_ms: Latency
    samples_ns: tuple[int, ...]
    output_sha256: str
    delegation: Delegation | None = None
    cpu_ns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Latency and memory of a model on one device. Where the model did not run to the end, its figures are None.

    Attributes:
        device: who measured.
        settings: how.
        verdict: whether the figures can be compared.
        reasons: why the verdict is not `ok`.
        parts: the files, in the order they run.
        latency_ms: of all parts together: the sum of the parts, sample by sample.
        process_rounds: how many of the samples came from each process.
        peak_memory_mb: highest resident memory of its own pass, above `memory_baseline_mb`.
        memory_baseline_mb: resident memory of that process just before the model was loaded.
        memory_method: how the peak was found.
        undelegated_memory_mb: likewise, without any delegate: the interpreter's arena and the file; None where it was
            not measured.
        cpu_wall_ratio: processor time over wall time of the timed passes, per thread.
        affinity: processors that the timed processes were allowed to use.
        yardstick: a fixed piece of work beside the timed passes, over its best time of late on this device: 1.0 where
            the machine was as fast as ever; None where that is not known.
        before: the machine when the first timed pass began.
        after: and when the last one ended.
        started_at: UTC, ISO 8601.
    """

    device: DeviceInfo
    settings: MeasureSettings
    verdict: Verdict
    reasons: tuple[str, ...]
    parts: tuple[PartMeasurement, ...]
    latency_ms: Latency | None
    process_rounds: tuple[int, ...] = ()
    peak_memory_mb: float | None
    memory_baseline_mb: float | None
    memory_method: str
    undelegated_memory_mb: float | None = None
    cpu_wall_ratio: float | None
    affinity: tuple[int, ...]
    yardstick: float | None = None
    before: MachineState
    after: MachineState
    started_at: str

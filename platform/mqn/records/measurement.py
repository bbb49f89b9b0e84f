"""Latency and memory figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "contended", "unsteady", "throttled", "crashed", "timeout", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSettings:
    """How a file is timed.

    Attributes:
        threads: of the runtime.
        delegate: `xnnpack` or `none`.
        warmup_seconds: run at least this long before counting.
        runs: count at least this many invocations ...
        seconds: ... and at least this long.
        timeout_seconds: wall-clock limit of one pass; afterwards its processes are killed.
        memory_limit_mb: address space that a pass may take above what Python and the runtime take by themselves.
        accept: verdicts that make a measurement count.
        attempts: how often a measurement with another verdict is tried in all.
    """

    threads: int = 1
    delegate: Literal["xnnpack", "none"] = "xnnpack"
    warmup_seconds: float = 0.3
    runs: int = 50
    seconds: float = 1.0
    timeout_seconds: float = 60.0
    memory_limit_mb: int = 4096
    accept: tuple[Verdict, ...] = ("ok",)
    attempts: int = 3

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a field is out of its range.
        """
        if self.threads < 1 or self.runs < 1 or self.attempts < 1:
            raise ValueError("threads, runs and attempts must be at least 1")
        if self.seconds < 0 or self.warmup_seconds < 0 or self.timeout_seconds <= 0 or self.memory_limit_mb < 64:
            raise ValueError("seconds must not be negative, timeout_seconds above 0, memory_limit_mb at least 64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Order statistics of timed invocations, in ms."""

    n: int
    min: float
    p50: float
    p90: float
    p99: float
    mean: float
    std: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartMeasurement:
    """One file of a measured model: `model` alone, or `backbone` and `head`."""

    part: str
    sha256: str
    size_bytes: int
    init_ms: float
    first_ms: float
    warmup_ms: float
    latency_ms: Latency
    samples_ns: tuple[int, ...]
    output_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineState:
    """What could be read of the machine at one moment; None where it cannot be read."""

    load_1m: float | None
    frequency_mhz: float | None
    temperature_c: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """Who measured."""

    id: str
    model: str
    soc: str
    os: str
    kernel: str
    cores: int
    memory_mb: int
    runtime: str
    agent_version: str


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
        peak_memory_mb: highest resident memory of its own pass, above `memory_baseline_mb`.
        memory_baseline_mb: resident memory of that process just before the model was loaded.
        memory_method: how the peak was found.
        cpu_wall_ratio: processor time over wall time of the timed pass, per thread.
        affinity: processors that the timed process was allowed to use.
        partitions: delegate partitions where the runtime tells, one figure a part.
        before: the machine when the timed pass began.
        after: and when it ended.
        started_at: UTC, ISO 8601.
    """

    device: DeviceInfo
    settings: MeasureSettings
    verdict: Verdict
    reasons: tuple[str, ...]
    parts: tuple[PartMeasurement, ...]
    latency_ms: Latency | None
    peak_memory_mb: float | None
    memory_baseline_mb: float | None
    memory_method: str
    cpu_wall_ratio: float | None
    affinity: tuple[int, ...]
    partitions: tuple[int, ...] | None
    before: MachineState
    after: MachineState
    started_at: str

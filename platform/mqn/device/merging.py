"""What several passes make together: the parts of a measurement, of a comparison, of a profile."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.device.passes import Failure, MemoryResult, PassResult, TimedResult
from mqn.device.science.figures import sum_parts, summarise
from mqn.device.science.verdict import judge
from mqn.device.science.yardsticks import Yardsticks
from mqn.device.wire import Part
from mqn.records import (
    Comparison,
    DeviceInfo,
    MachineState,
    Measurement,
    MeasureSettings,
    OpProfile,
    OpTime,
    PartMeasurement,
    Verdict,
)

UNREAD = MachineState(load_1m=None, frequency_mhz=None, temperature_c=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFile:
    """A file to measure: its part, its SHA-256, and where it lies."""

    part: Part
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The timed passes of one job, judged together.

    Attributes:
        passes: at least one, in the order they ran.
        verdict: on all of them.
        reasons: why it is not `ok`.
        cpu_wall_ratio: processor time over wall time, per thread.
        yardstick: the slowest pass's, over the device's best of late; None where it is not known.
    """

    passes: tuple[TimedResult, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    cpu_wall_ratio: float
    yardstick: float | None

    @property
    def process_rounds(self) -> tuple[int, ...]:
        """Rounds of each pass."""
        return tuple(len(timed.models[0][0].samples_ns) for timed in self.passes)


def merge(
    passes: Sequence[TimedResult], settings: MeasureSettings, device: DeviceInfo, yardsticks: Yardsticks | None
) -> Timing:
    """Judge the timed passes of one job together.

    Args:
        passes: at least one, in the order they ran, all of the same models.
        settings: of the job.
        device: that ran them.
        yardsticks: what it could do of late; what these passes tell of that is added.
    """
    yardstick = None if yardsticks is None else yardsticks.rate(passes, device)
    elsewhere = settings.delegate in ("gpu", "nnapi")
    verdict, reasons = judge(passes, threads=settings.threads, yardstick=yardstick, elsewhere=elsewhere)
    wall = sum(timed.wall_seconds for timed in passes)
    return Timing(
        passes=tuple(passes),
        verdict=verdict,
        reasons=reasons,
        cpu_wall_ratio=sum(timed.cpu_seconds for timed in passes) / wall / settings.threads,
        yardstick=yardstick,
    )


def report_measurement(
    *,
    files: Sequence[SessionFile],
    settings: MeasureSettings,
    device: DeviceInfo,
    started_at: str,
    timing: Timing | None,
    memory: MemoryResult | None,
    undelegated: MemoryResult | None,
    failure: Failure | None,
) -> Measurement:
    """Put a measurement together; one that failed has no figures at all.

    Args:
        files: that were measured.
        settings: how.
        device: who measured.
        started_at: UTC, ISO 8601.
        timing: of the timed passes.
        memory: of the memory pass.
        undelegated: of the one without a delegate; None where there was none.
        failure: the first, if any.
    """
    if failure is not None or timing is None or memory is None:
        assert failure is not None
        return Measurement(
            device=device,
            settings=settings,
            verdict=failure.verdict,
            reasons=(failure.reason,),
            parts=(),
            latency_ms=None,
            peak_memory_mb=None,
            memory_baseline_mb=None,
            memory_method="none: nothing was measured",
            cpu_wall_ratio=None,
            affinity=settings.processors,
            before=UNREAD,
            after=UNREAD,
            started_at=started_at,
        )
    parts = _measure_parts(files, timing.passes, 0)
    return Measurement(
        device=device,
        settings=settings,
        verdict=timing.verdict,
        reasons=timing.reasons,
        parts=parts,
        latency_ms=summarise(sum_parts(parts)),
        process_rounds=timing.process_rounds,
        peak_memory_mb=memory.peak_mb,
        memory_baseline_mb=memory.baseline_mb,
        memory_method=memory.method,
        undelegated_memory_mb=None if undelegated is None else undelegated.peak_mb,
        cpu_wall_ratio=timing.cpu_wall_ratio,
        affinity=timing.passes[0].affinity,
        yardstick=timing.yardstick,
        before=timing.passes[0].before,
        after=timing.passes[-1].after,
        started_at=started_at,
    )


def report_comparison(
    *,
    models: Sequence[Sequence[SessionFile]],
    settings: MeasureSettings,
    device: DeviceInfo,
    started_at: str,
    timing: Timing | None,
    failure: Failure | None,
) -> Comparison:
    """Put a comparison together; its ratios are left to the host.

    Args:
        models: the two, each its files.
        settings: how.
        device: who measured.
        started_at: UTC, ISO 8601.
        timing: of the timed passes.
        failure: the first, if any.
    """
    if timing is None:
        assert failure is not None
        return Comparison(
            device=device,
            settings=settings,
            verdict=failure.verdict,
            reasons=(failure.reason,),
            first=(),
            second=(),
            process_rounds=(),
            cpu_wall_ratio=None,
            before=UNREAD,
            after=UNREAD,
            started_at=started_at,
        )
    first, second = (_measure_parts(files, timing.passes, number) for number, files in enumerate(models))
    return Comparison(
        device=device,
        settings=settings,
        verdict=timing.verdict,
        reasons=timing.reasons,
        first=first,
        second=second,
        process_rounds=timing.process_rounds,
        cpu_wall_ratio=timing.cpu_wall_ratio,
        before=timing.passes[0].before,
        after=timing.passes[-1].after,
        started_at=started_at,
    )


def report_profile(
    *,
    files: Sequence[SessionFile],
    settings: MeasureSettings,
    device: DeviceInfo,
    started_at: str,
    result: PassResult,
) -> OpProfile:
    """Put a profile together: every operator with its share of all operators' time.

    Args:
        files: that were profiled.
        settings: how.
        device: who profiled.
        started_at: UTC, ISO 8601.
        result: of the profile pass.
    """
    found, failure = result.profile, result.failure
    total = sum(op.mean_ms for op in found.ops) if found else 0.0
    return OpProfile(
        device=device,
        settings=settings,
        verdict="ok" if failure is None else failure.verdict,
        reasons=() if failure is None else (failure.reason,),
        sha256=tuple(file.sha256 for file in files),
        runs=found.runs if found else 0,
        ops=tuple(
            OpTime(
                part=op.part,
                index=op.index,
                kind=op.kind,
                delegated=op.delegated,
                mean_ms=op.mean_ms,
                share=op.mean_ms / total if total else 0.0,
            )
            for op in (found.ops if found else ())
        ),
        profiled_ms=found.profiled_ms if found else None,
        started_at=started_at,
    )


def _measure_parts(
    files: Sequence[SessionFile], passes: Sequence[TimedResult], number: int
) -> tuple[PartMeasurement, ...]:
    measured = []
    for index, file in enumerate(files):
        timed = [one.models[number][index] for one in passes]
        samples = tuple(sample for part in timed for sample in part.samples_ns)
        measured.append(
            PartMeasurement(
                part=file.part,
                sha256=file.sha256,
                size_bytes=file.path.stat().st_size,
                init_ms=statistics.median(part.init_ms for part in timed),
                first_ms=statistics.median(part.first_ms for part in timed),
                warmup_ms=statistics.median(part.warmup_ms for part in timed),
                latency_ms=summarise(samples),
                samples_ns=samples,
                output_sha256=timed[0].output_sha256,
                delegation=timed[0].delegation,
            )
        )
    return tuple(measured)

"""Merges the results of passes into a measurement, a comparison or a profile."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

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


class Origin(TypedDict):
    """What every record of a job says: the device that measured, how, and since when (UTC, ISO 8601)."""

    device: DeviceInfo
    settings: MeasureSettings
    started_at: str


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


def begin(device: DeviceInfo, settings: MeasureSettings) -> Origin:
    """The origin of a job that begins now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Origin(device=device, settings=settings, started_at=now)


def merge(
    passes: Sequence[TimedResult], settings: MeasureSettings, device: DeviceInfo, yardsticks: Yardsticks | None
) -> Timing:
    """Judge the timed passes of one job together; all of them are of the same models.

    What they tell of the device's speed is added to `yardsticks`.
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
    origin: Origin,
    *,
    files: Sequence[SessionFile] = (),
    timing: Timing | None = None,
    memory: MemoryResult | None = None,
    undelegated: MemoryResult | None = None,
    failure: Failure | None = None,
) -> Measurement:
    """Put a measurement together; one that failed has no figures at all.

    Args:
        origin: of the job.
        files: that were measured.
        timing: of the timed passes.
        memory: of the memory pass.
        undelegated: of the one without a delegate; None where there was none.
        failure: the first, if any.
    """
    if failure is not None or timing is None or memory is None:
        assert failure is not None
        return Measurement(
            **origin,
            verdict=failure.verdict,
            reasons=(failure.reason,),
            parts=(),
            latency_ms=None,
            peak_memory_mb=None,
            memory_baseline_mb=None,
            memory_method="none: nothing was measured",
            cpu_wall_ratio=None,
            affinity=origin["settings"].processors,
            before=UNREAD,
            after=UNREAD,
        )
    parts = _measure_parts(files, timing.passes, 0)
    return Measurement(
        **origin,
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
    )


def report_comparison(
    origin: Origin,
    *,
    models: Sequence[Sequence[SessionFile]] = ((), ()),
    timing: Timing | None = None,
    failure: Failure | None = None,
) -> Comparison:
    """Put a comparison of two models together; its ratios are left to the host. Arguments as above."""
    if timing is None:
        assert failure is not None
        return Comparison(
            **origin,
            verdict=failure.verdict,
            reasons=(failure.reason,),
            first=(),
            second=(),
            process_rounds=(),
            cpu_wall_ratio=None,
            before=UNREAD,
            after=UNREAD,
        )
    first, second = (_measure_parts(files, timing.passes, number) for number, files in enumerate(models))
    return Comparison(
        **origin,
        verdict=timing.verdict,
        reasons=timing.reasons,
        first=first,
        second=second,
        process_rounds=timing.process_rounds,
        cpu_wall_ratio=timing.cpu_wall_ratio,
        before=timing.passes[0].before,
        after=timing.passes[-1].after,
    )


def report_profile(origin: Origin, result: PassResult, files: Sequence[SessionFile] = ()) -> OpProfile:
    """Put a profile together of a profile pass's result: every operator with its share of all operators' time."""
    found, failure = result.profile, result.failure
    ops = found.ops if found else ()
    total = sum(op.mean_ms for op in ops)
    return OpProfile(
        **origin,
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
            for op in ops
        ),
        profiled_ms=found.profiled_ms if found else None,
    )


def _measure_parts(
    files: Sequence[SessionFile], passes: Sequence[TimedResult], number: int
) -> tuple[PartMeasurement, ...]:
    measured = []
    for index, file in enumerate(files):
        timed = [one.models[number][index] for one in passes]
        samples = tuple(sample for part in timed for sample in part.samples_ns)
        told = [part.cpu_ns for part in timed]
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
                cpu_ns=tuple(itertools.chain.from_iterable(told)) if all(told) else (),
            )
        )
    return tuple(measured)

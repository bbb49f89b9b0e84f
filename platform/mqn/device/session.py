"""One measurement on this machine: a timed pass, a memory pass, and the verdict on them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mqn.device import machine
from mqn.device.backends.isolation import KillSwitch, run_isolated
from mqn.device.passes import (
    REQUEST_FILE,
    RESULT_FILE,
    Failure,
    Kind,
    MemoryResult,
    PassFile,
    PassRequest,
    PassResult,
    TimedResult,
)
from mqn.device.science.figures import summarise
from mqn.device.science.verdict import judge
from mqn.device.wire import Part
from mqn.errors import ConfigError
from mqn.parsing import read_json, write_json
from mqn.records import DeviceInfo, MachineState, Measurement, MeasureSettings, PartMeasurement


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFile:
    """A file to measure: its part, its SHA-256, and where it lies."""

    part: Part
    sha256: str
    path: Path


def measure_here(
    files: Sequence[SessionFile], settings: MeasureSettings, *, device: DeviceInfo, folder: Path, switch: KillSwitch
) -> Measurement:
    """Measure a model on this machine, once.

    Args:
        files: a model, or backbone and head.
        settings: how.
        device: who this machine is.
        folder: where the passes work; what they leave there is removed.
        switch: ends it early from another thread; the result then means nothing.

    Returns:
        The measurement, whatever its verdict: a model that crashes or hangs is a result.
    """
    started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    timed = _run_pass("timed", files, settings, folder, switch)
    memory = timed if timed.failure else _run_pass("memory", files, settings, folder, switch)
    failure = timed.failure or memory.failure
    if failure is not None:
        return _report_failure(failure, settings, device, started_at)
    assert timed.timed is not None
    assert memory.memory is not None
    return _report(files, settings, device, started_at, timed.timed, memory.memory)


def _run_pass(
    kind: Kind, files: Sequence[SessionFile], settings: MeasureSettings, folder: Path, switch: KillSwitch
) -> PassResult:
    with tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=folder) as name:
        work = Path(name)
        for file in files:
            _lend(file.path, work / f"{file.part}.tflite")
        named = tuple(PassFile(part=file.part, name=f"{file.part}.tflite") for file in files)
        write_json(work / REQUEST_FILE, PassRequest(kind=kind, files=named, settings=settings))
        ending = run_isolated(work, settings.timeout_seconds, switch)
        if ending.timed_out:
            reason = f"the {kind} pass took more than {settings.timeout_seconds:g} s (timeout_seconds)"
            return PassResult(failure=Failure(verdict="timeout", reason=reason))
        if ending.returncode != 0:
            return PassResult(failure=Failure(verdict="crashed", reason=f"the {kind} pass: {ending.description}"))
        return _read_result(kind, work / RESULT_FILE, len(files))


def _read_result(kind: Kind, path: Path, parts: int) -> PassResult:
    """The process that wrote it held a stranger's model: its answer is checked, not trusted."""
    reason = f"the {kind} pass left no result that makes sense"
    try:
        result = read_json(PassResult, path)
    except ConfigError as error:
        return PassResult(failure=Failure(verdict="crashed", reason=f"{reason}: {error}"))
    complete = result.memory is not None
    if kind == "timed":
        complete = result.timed is not None and len(result.timed.parts) == parts
    if not complete and result.failure is None:
        return PassResult(failure=Failure(verdict="crashed", reason=reason))
    return result


def _lend(source: Path, target: Path) -> None:
    # A link cannot lose its bytes when the store drops the file; a copy does where links are not to be had.
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _report(
    files: Sequence[SessionFile],
    settings: MeasureSettings,
    device: DeviceInfo,
    started_at: str,
    timed: TimedResult,
    memory: MemoryResult,
) -> Measurement:
    totals = [sum(row) for row in zip(*(part.samples_ns for part in timed.parts), strict=True)]
    ratio = timed.cpu_seconds / timed.wall_seconds / settings.threads
    free = None
    if timed.others_seconds is not None:
        free = len(timed.affinity) - timed.others_seconds / timed.wall_seconds
    verdict, reasons = judge(
        totals,
        threads=settings.threads,
        cpu_wall_ratio=ratio,
        free_processors=free,
        before=timed.before,
        after=timed.after,
    )
    parts = tuple(
        PartMeasurement(
            part=file.part,
            sha256=file.sha256,
            size_bytes=file.path.stat().st_size,
            init_ms=part.init_ms,
            first_ms=part.first_ms,
            warmup_ms=part.warmup_ms,
            latency_ms=summarise(part.samples_ns),
            samples_ns=part.samples_ns,
            output_sha256=part.output_sha256,
        )
        for file, part in zip(files, timed.parts, strict=True)
    )
    partitions = tuple(part.partitions for part in timed.parts if part.partitions is not None)
    return Measurement(
        device=device,
        settings=settings,
        verdict=verdict,
        reasons=reasons,
        parts=parts,
        latency_ms=summarise(totals),
        peak_memory_mb=memory.peak_mb,
        memory_baseline_mb=memory.baseline_mb,
        memory_method=memory.method,
        cpu_wall_ratio=ratio,
        affinity=timed.affinity,
        partitions=partitions if len(partitions) == len(parts) else None,
        before=timed.before,
        after=timed.after,
        started_at=started_at,
    )


def _report_failure(failure: Failure, settings: MeasureSettings, device: DeviceInfo, started_at: str) -> Measurement:
    unread = MachineState(load_1m=None, frequency_mhz=None, temperature_c=None)
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
        affinity=machine.affinity(),
        partitions=None,
        before=unread,
        after=unread,
        started_at=started_at,
    )

"""The one builder of records for tests: each record is whole, and what a test cares about is given by keyword."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mqn.device.science.figures import summarise
from mqn.parsing import file_hash, write_json
from mqn.quantities import is_device_figure, split_target
from mqn.records import (
    Candidate,
    Comparison,
    Delegation,
    DeviceInfo,
    Interval,
    MachineState,
    Manifest,
    Measurement,
    MeasureSettings,
    OpProfile,
    OpTime,
    PartMeasurement,
    Range,
    Ratio,
    Scores,
    TrialRecord,
)

BOARD = DeviceInfo(
    id="board",
    model="Board 1",
    soc="SoC 2",
    os="Linux",
    kernel="6",
    cores=4,
    memory_mb=512,
    runtime="LiteRT 2.3",
    agent_version="1",
)
IDLE = MachineState(load_1m=0.1, frequency_mhz=None, temperature_c=40.0)
ROUNDS = (60, 40)


def make_trial(
    number: int = 0, *, figures: dict[str, float] | None = None, target: str = "board", **changes: Any
) -> TrialRecord:
    """A complete trial of study "s".

    Args:
        number: of the trial.
        figures: by name, a device's among them; latencies without a target are those of `target`.
        target: a device.
        changes: any field of the record.
    """
    accuracy: dict[str, float] = {}
    told: dict[str, dict[str, float]] = {}
    for name, value in (figures or {}).items():
        if is_device_figure(name):
            base, own = split_target(name)
            told.setdefault(own or target, {})[base] = value
        else:
            accuracy[name] = value
    given = {"study": "s", "state": "complete", "candidate": Candidate(), "figures": accuracy, "device_figures": told}
    return TrialRecord(number=number, **{**given, **changes})


def make_manifest(stage: str = "quantize", **changes: Any) -> Manifest:
    """Of an artifact without files."""
    given: dict[str, Any] = {"key": "k", "inputs": {}, "files": {}, "versions": {}, "seconds": 1.0, "details": {}}
    return Manifest(stage=stage, **{**given, **changes})


def write_manifest(model: Path, **details: Any) -> Path:
    """Put a manifest beside a model; returns the folder of both, which commands take as an exported model."""
    manifest = make_manifest(files={model.name: file_hash(model)}, details=details)
    write_json(model.parent / "manifest.json", manifest)
    return model.parent


def make_scores(**changes: Any) -> Scores:
    """Of two pictures."""
    given: dict[str, Any] = {
        "pictures": 2,
        "scores": {"psnr_tm": Interval(mean=25.0, low=24.0, high=26.0)},
        "per_picture": {"psnr_tm": (24.0, 26.0)},
        "names": ("a", "b"),
        "protocol": {"dataset": "d0"},
    }
    return Scores(**{**given, **changes})


def make_part_measurement(name, base_ns, slower=1.02):
    samples = [base_ns + 1000 * (i % 10) for i in range(ROUNDS[0])]
    samples += [round(slower * base_ns) + 1000 * (i % 10) for i in range(ROUNDS[1])]
    return PartMeasurement(
        part=name,
        sha256="0" * 64,
        size_bytes=1000,
        init_ms=1.0,
        first_ms=2.0,
        warmup_ms=1.5,
        latency_ms=summarise(samples),
        samples_ns=tuple(samples),
        output_sha256="1" * 64,
        delegation=Delegation(delegate="xnnpack", partitions=1, nodes=3, delegated=2, outside={"CUSTOM": 1}),
    )


def make_measurement(*names, **changes):
    """Of one file, or of the parts named: 100 rounds in two processes, the second somewhat slower."""
    parts = tuple(make_part_measurement(name, 2_000_000) for name in names or ("model",))
    total = summarise([sum(row) for row in zip(*(p.samples_ns for p in parts), strict=True)])
    ranges = {"p50_range": Range(low=0.99 * total.p50, high=1.01 * total.p50)}
    ranges["p90_range"] = Range(low=0.97 * total.p90, high=1.03 * total.p90)
    made = Measurement(
        device=BOARD,
        settings=MeasureSettings(),
        verdict="ok",
        reasons=(),
        parts=parts,
        latency_ms=replace(total, **ranges),
        process_rounds=ROUNDS,
        peak_memory_mb=10.0,
        memory_baseline_mb=20.0,
        memory_method="VmHWM",
        undelegated_memory_mb=12.5,
        cpu_wall_ratio=0.99,
        affinity=(0, 1),
        before=IDLE,
        after=IDLE,
        started_at="2026-01-01T00:00:00Z",
    )
    return replace(made, **changes)


def make_comparison(value=1.031, low=1.024, high=1.038, **changes):
    made = Comparison(
        device=BOARD,
        settings=MeasureSettings(),
        verdict="ok",
        reasons=(),
        first=(make_part_measurement("model", 2_000_000),),
        second=(make_part_measurement("model", round(2_000_000 * value)),),
        process_rounds=ROUNDS,
        p50=Ratio(value=value, range=Range(low=low, high=high), confidence=0.95, different=not low <= 1 <= high),
        cpu_wall_ratio=0.99,
        before=IDLE,
        after=IDLE,
        started_at="2026-01-01T00:00:00Z",
    )
    return replace(made, **changes)


def make_op_profile(*ops, **changes):
    """Of (kind, ms) pairs; those whose kind is in capitals are not delegated."""
    total = sum(ms for _, ms in ops)
    made = OpProfile(
        device=BOARD,
        settings=MeasureSettings(),
        verdict="ok",
        reasons=(),
        sha256=("0" * 64,),
        runs=50,
        ops=tuple(
            OpTime(part="model", index=i, kind=kind, delegated=not kind.isupper(), mean_ms=ms, share=ms / total)
            for i, (kind, ms) in enumerate(ops)
        ),
        profiled_ms=1.3 * total,
        started_at="2026-01-01T00:00:00Z",
    )
    return replace(made, **changes)

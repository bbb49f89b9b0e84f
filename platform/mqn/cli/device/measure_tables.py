"""What `mqn measure` prints: a measurement, two models beside each other, where the time goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mqn.cli import output
from mqn.records import Comparison, DeviceInfo, Measurement, OpProfile

HEADS = ("min ms", "p50 ms", "p90 ms", "p99 ms", "runs")
SHOWN_OPERATORS = 20
BAR = 24
"""Characters of the longest bar."""


def print_measurement(measurement: Measurement) -> None:
    """Print a measurement that has samples."""
    from mqn.report.timing.words import delegation_text, machine_text, memory_text, percentile_cells, work_text

    assert measurement.latency_ms is not None
    parts = measurement.parts if len(measurement.parts) > 1 else ()
    rows = [[part.part, *percentile_cells(part.latency_ms)] for part in parts]
    rows.append(["together" if parts else "model", *percentile_cells(measurement.latency_ms)])
    output.line(_device_text(measurement.device))
    output.table(["part", *HEADS], rows)
    for part in measurement.parts:
        output.line(f"{part.part}: {delegation_text(part.delegation)}")
    output.line(memory_text(measurement))
    output.line(f"machine: {machine_text(measurement.before, measurement.after)}; {work_text(measurement)}")
    print_verdict(measurement)


def print_comparison(comparison: Comparison, names: Sequence[str]) -> None:
    """Print two models beside each other.

    Args:
        comparison: one that has samples.
        names: of model A and model B.
    """
    from mqn.device.science.intervals import total_latency
    from mqn.report.timing.words import (
        delegation_text,
        machine_text,
        percentile_cells,
        ratio_text,
        verdict_on,
        work_text,
    )

    models = list(zip("AB", names, (comparison.first, comparison.second), strict=True))
    rounds = comparison.process_rounds
    rows = [[letter, name, *percentile_cells(total_latency(parts, rounds))] for letter, name, parts in models]
    output.line(_device_text(comparison.device))
    output.table(["", "model", *HEADS], rows)
    for letter, _, parts in models:
        for part in parts:
            output.line(f"{letter} {part.part}: {delegation_text(part.delegation)}")
    output.line(f"machine: {machine_text(comparison.before, comparison.after)}; {work_text(comparison)}")
    print_verdict(comparison)
    for name, ratio in (("p50", comparison.p50), ("p90", comparison.p90)):
        if ratio is not None:
            output.line(f"{name}, B over A: {ratio_text(ratio)}, with {100 * ratio.confidence:g} % confidence")
    output.line(verdict_on(comparison.p50, names))


def print_beside_reference(comparison: Comparison) -> None:
    """Print what a paired device counts: the time over that of the reference model, in turns with it."""
    from mqn.device.pairing import in_any_state

    assert comparison.p50 is not None, "a comparison without a ratio is refused"
    range_ = in_any_state(comparison.p50)
    output.line(
        f"in turns with the reference model: {comparison.p50.value:.4g} of its time ({range_.low:.4g} to "
        f"{range_.high:.4g}). The device is paired, so this counts, whatever the verdict says of the machine"
    )


def print_profile(profile: OpProfile, name: str) -> None:
    """Print where a model's time goes: the dearest operators, then the sums by kind.

    Args:
        profile: one that has operators.
        name: of the model.
    """
    ops = sorted(profile.ops, key=lambda op: -op.mean_ms)
    parts = len({op.part for op in ops}) > 1
    rows = [
        [
            str(op.index),
            *([op.part] if parts else []),
            op.kind,
            *_share_cells(op.mean_ms, op.share, ops[0].share),
        ]
        for op in ops[:SHOWN_OPERATORS]
    ]
    output.line(f"{name}, operator by operator, mean of {profile.runs} runs on {profile.device.id}")
    output.table(["#", *(["part"] if parts else []), "operator", "ms", "share %", ""], rows)
    if len(ops) > SHOWN_OPERATORS:
        rest = ops[SHOWN_OPERATORS:]
        output.line(f"and {len(rest)} more with {sum(op.mean_ms for op in rest):.3f} ms together")
    by_kind: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for op in ops:
        by_kind[op.kind if op.delegated else f"{op.kind}, not delegated"].append((op.mean_ms, op.share))
    sums = {kind: (sum(ms for ms, _ in found), sum(share for _, share in found)) for kind, found in by_kind.items()}
    ranked = sorted(sums.items(), key=lambda item: -item[1][0])
    output.table(
        ["kind", "operators", "ms", "share %", ""],
        [[kind, str(len(by_kind[kind])), *_share_cells(ms, share, ranked[0][1][1])] for kind, (ms, share) in ranked],
    )
    whole = f"{profile.profiled_ms:.3f} ms" if profile.profiled_ms is not None else "unknown"
    output.line(f"an invocation took {whole} while profiled: profiling slows it down, so read shares, not times")


def _share_cells(mean_ms: float, share: float, largest: float) -> list[str]:
    bar = "█" * max(1, round(BAR * share / largest)) if share > 0 else ""
    return [f"{mean_ms:.4f}", f"{100 * share:.1f}", bar]


def print_verdict(record: Measurement | Comparison) -> None:
    """Print whether a measurement counts, and why not."""
    output.line(f"verdict: {record.verdict}{': ' + '; '.join(record.reasons) if record.reasons else ''}")


def _device_text(device: DeviceInfo) -> str:
    imitated = f", imitates {device.architecture}: its times say nothing about a real one" if device.emulated else ""
    return f"{device.id}: {device.model}, {device.soc}, {device.runtime}{imitated}"

"""Latencies, ranges and comparisons in words, the same in the terminal, on pictures and in notes."""

from __future__ import annotations

from collections.abc import Sequence

from mqn.records import Comparison, Delegation, Latency, MachineState, Measurement, Range, Ratio

UNKNOWN = "unknown"


def range_text(value: float, found: Range | None, digits: int = 3) -> str:
    """A figure with the range in which it lies: `3.141 (3.120 to 3.172)`; without a range the figure alone."""
    if found is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"


def ratio_text(ratio: Ratio) -> str:
    """A ratio with its range: `1.031 (1.024 to 1.038)`."""
    return range_text(ratio.value, ratio.range)


def verdict_on(ratio: Ratio | None, names: Sequence[str] = ()) -> str:
    """Say what a comparison of two models comes to, as a sentence without a full stop.

    `ratio` is the second model's time over the first's.

    Returns:
        `B takes 3.1 % longer (2.4 to 3.8 %)`, `B takes 3.1 % less (2.4 to 3.8 %)`, or `cannot be told apart (-0.4 to
        +0.6 %)`. With names: `B (y.tflite) takes 3.1 % longer (2.4 to 3.8 %) than A (x.tflite)`.
    """
    named = len(set(names)) == 2
    first, second = (f"{letter} ({name})" for letter, name in zip("AB", names, strict=True)) if named else ("A", "B")
    both, than = (f"{first} and {second} ", f" than {first}") if named else ("", "")
    if ratio is None:
        return "not compared: it takes two processes at least"
    low, high = 100 * (ratio.range.low - 1), 100 * (ratio.range.high - 1)
    if not ratio.different:
        return f"{both}cannot be told apart ({low:+.1f} to {high:+.1f} %)"
    if ratio.value > 1:
        return f"{second} takes {100 * (ratio.value - 1):.1f} % longer ({low:.1f} to {high:.1f} %){than}"
    return f"{second} takes {100 * (1 - ratio.value):.1f} % less ({-high:.1f} to {-low:.1f} %){than}"


def delegation_text(found: Delegation | None) -> str:
    """What a delegate took of a graph: `xnnpack took 12 of 14 operators in 2 partitions; outside: CUSTOM 2`."""
    if found is None:
        return "the device does not tell what the delegate took"
    if found.delegate == "none":
        return f"no delegate; {found.nodes} operators"
    pieces = f"{found.partitions} partition{'' if found.partitions == 1 else 's'}"
    left = ", ".join(f"{kind} {count}" for kind, count in sorted(found.outside.items()))
    outside = f"; outside: {left}" if left else ""
    return f"{found.delegate} took {found.delegated} of {found.nodes} operators in {pieces}{outside}"


def memory_text(measurement: Measurement) -> str:
    """Memory by both its names: as measured, and without a delegate."""

    def text(value: float | None) -> str:
        return UNKNOWN if value is None else f"{value:.1f} MB"

    peak = f"peak memory {text(measurement.peak_memory_mb)} ({measurement.memory_method})"
    return f"{peak}; without a delegate {text(measurement.undelegated_memory_mb)}"


def machine_text(before: MachineState, after: MachineState) -> str:
    """How the machine was when timing began and when it ended; what cannot be read is left out."""
    readings = (
        ("load", "load_1m", "{:.1f}", ""),
        ("clock", "frequency_mhz", "{:.0f}", " MHz"),
        ("", "temperature_c", "{:.0f}", " °C"),
        ("battery", "battery_percent", "{:.0f}", " %"),
    )
    words = []
    for label, name, form, unit in readings:
        first, last = getattr(before, name), getattr(after, name)
        if first is None and last is None:
            continue
        texts = ["?" if value is None else form.format(value) for value in (first, last)]
        change = texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"
        words.append(f"{label} {change}{unit}".strip())
    if after.charging is not None:
        words.append("charging" if after.charging else "not charging")
    return ", ".join(words) or "nothing of the machine's state can be read"


def work_text(record: Measurement | Comparison) -> str:
    """How much of the processor was ours: `cpu/wall 0.99, processors 0 1, 3 processes`."""
    words = []
    if record.cpu_wall_ratio is not None:
        words.append(f"cpu/wall {record.cpu_wall_ratio:.2f}")
    if isinstance(record, Measurement):
        if record.yardstick is not None:
            words.append(f"yardstick {record.yardstick:.2f} of its best")
        words.append("processors " + (" ".join(map(str, record.affinity)) or UNKNOWN))
    if record.process_rounds:
        count = len(record.process_rounds)
        words.append(f"{count} process{'' if count == 1 else 'es'}")
    return ", ".join(words)


def percentile_cells(latency: Latency) -> list[str]:
    """The cells of a table's row: min, p50 with its range, p90 with its range, p99, runs."""
    return [
        f"{latency.min:.3f}",
        range_text(latency.p50, latency.p50_range),
        range_text(latency.p90, latency.p90_range),
        f"{latency.p99:.3f}",
        str(latency.n),
    ]

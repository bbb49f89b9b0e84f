"""A bundle's model card: what the model is, how good, how fast, from what, and what it is not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mqn.quantities import QUANTITIES
from mqn.records import Manifest, TrialRecord


def model_card(
    title: str,
    record: TrialRecord,
    *,
    scores: Mapping[str, Any],
    measurements: Mapping[str, Mapping[str, Any]],
    model: Manifest,
) -> str:
    """Write a model card in Markdown.

    Args:
        title: the model's name.
        record: the trial it comes from.
        scores: its `Scores` as plain values; empty where it was not scored.
        measurements: device to its `Measurement` as plain values.
        model: manifest of the exported files.

    Returns:
        Markdown. Every figure in it was measured on these files.
    """
    sections = [
        f"# {title}",
        "Single-picture inverse tone mapping: one 8-bit sRGB picture in, one picture in relative linear light out. "
        "Meant for showing and editing ordinary photographs and video on HDR displays.",
        "It guesses what a camera clipped and a tone curve hid. It does not measure light: 1.0 is the picture's own "
        "white, and the result is no evidence of what a scene looked like.",
        "## Network",
        _markdown(("what", "value"), [(f"`{key}`", value) for key, value in record.candidate.flat().items()]),
        "## Accuracy",
        _accuracy(record, scores),
        "## Cost",
        _cost(record, measurements),
        "## Made from",
        _markdown(
            ("what", "value"),
            [
                ("study, trial", f"{record.study}, {record.number}"),
                *((f"artifact `{step}`", f"`{key}`") for step, key in record.artifacts.items()),
                *((f"`{name}`", f"`{sha256}`") for name, sha256 in model.files.items() if name.endswith(".tflite")),
                *((package, version) for package, version in model.versions.items()),
            ],
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _accuracy(record: TrialRecord, scores: Mapping[str, Any]) -> str:
    if not scores:
        return "Not scored."
    rows = []
    for name, interval in scores["scores"].items():
        label = QUANTITIES[name].axis if name in QUANTITIES else name
        digits = QUANTITIES[name].paper_digits if name in QUANTITIES else 4
        beside = [record.figures.get(f"{name}_{kind}") for kind in ("float", "baseline")]
        cells = [f"{value:.{digits}f}" if value is not None else "" for value in beside]
        mean = f"{interval['mean']:.{digits}f}"
        rows.append((label, mean, f"{interval['low']:.{digits}f} to {interval['high']:.{digits}f}", *cells))
    protocol = ", ".join(f"{key} {value}" for key, value in scores["protocol"].items())
    head = ("figure", "these files", "95 % interval", "before quantization", "doing nothing")
    return f"{_markdown(head, rows)}\n\nOn {scores['pictures']} pictures; {protocol}."


def _cost(record: TrialRecord, measurements: Mapping[str, Mapping[str, Any]]) -> str:
    rows: list[tuple[Any, ...]] = []
    for device, measurement in measurements.items():
        latency, info = measurement["latency_ms"], measurement["device"]
        memory = measurement["peak_memory_mb"]
        rows.append(
            (
                f"{device}: {info['model']}, {info['soc']}",
                f"{latency['p50']:.2f}{_range_text(latency)} / {latency['p90']:.2f}" if latency else "",
                f"{memory:.1f}" if memory is not None else "",
                measurement["settings"]["threads"],
                measurement["verdict"],
            )
        )
    counts = [
        (QUANTITIES[name].axis, f"{record.figures[name]:,.0f}")
        for name in ("size_bytes", "parameters", "macs")
        if name in record.figures
    ]
    head = ("device", "latency p50 (95 % range) / p90 (ms)", "peak memory (MB)", "threads", "verdict")
    tables = [_markdown(head, rows)] if rows else ["Not measured on a device."]
    return "\n\n".join([*tables, *([_markdown(("what", "value"), counts)] if counts else [])])


def _range_text(latency: Mapping[str, Any]) -> str:
    found = latency.get("p50_range")
    return "" if found is None else f" ({found['low']:.2f} to {found['high']:.2f})"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)

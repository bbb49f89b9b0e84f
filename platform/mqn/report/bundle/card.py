"""A bundle's model card: intended use, accuracy beside doing nothing, data, cost and origin of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mqn.data.licence import Origin
from mqn.quantities import QUANTITIES
from mqn.records import Manifest, TrialRecord
from mqn.report.bundle.against_input import AgainstInput, against_input
from mqn.text.markdown import escape, table

_WHAT = (
    "Single-picture inverse tone mapping: one 8-bit sRGB picture in, one picture in relative linear light out. It "
    "guesses what a camera clipped and a tone curve hid. It does not measure light: 1.0 is the picture's own white, "
    "and the result is no evidence of what a scene looked like."
)
_INPUTS = {
    "operators": "8-bit inputs made of HDR pictures by the paper's tone-mapping operators",
    "virtual": "8-bit inputs made of HDR pictures by a virtual camera",
    "camera": "the camera's own 8-bit pictures",
}

_SPLITS = {"train": "pictures for training", "val": "for validation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The records behind a card, as plain values.

    Attributes:
        scores: the files' `Scores`; empty if they were not scored.
        baseline: the same of doing nothing; empty if that was not scored.
        measurements: device to its `Measurement`.
        model: manifest of the exported files.
        origin: where the study's pictures come from; None: unknown.
        inputs: kind of the scored pictures' inputs, as in `Scoring.inputs`; empty: unknown.
        whose: which device's files these are, in Markdown; empty: every device runs them.
    """

    scores: Mapping[str, Any]
    baseline: Mapping[str, Any]
    measurements: Mapping[str, Mapping[str, Any]]
    model: Manifest
    origin: Origin | None = None
    inputs: str = ""
    whose: str = ""


def model_card(title: str, record: TrialRecord, evidence: Evidence) -> str:
    """Write a model card in Markdown. All figures were measured on these files; all text from elsewhere is escaped."""
    compared = list(against_input(evidence.scores, evidence.baseline))
    sections = [
        f"# {escape(title)}",
        _WHAT,
        "## Intended use",
        _use(compared, evidence),
        "## Accuracy",
        _accuracy(record, evidence, compared),
        "## Data",
        _data(evidence.origin),
        "## Cost",
        *filter(None, (_cost(record, evidence), evidence.whose)),
        "## Network",
        table(("what", "value"), [(f"`{key}`", _value(value)) for key, value in record.candidate.flat().items()]),
        "## Made from",
        _made_from(record, evidence.model),
    ]
    return "\n\n".join(sections) + "\n"


def _use(compared: Sequence[AgainstInput], evidence: Evidence) -> str:
    worse = [_label(one.metric) for one in compared if one.verdict == "worse"]
    better = [_label(one.metric) for one in compared if one.verdict == "better"]
    if evidence.origin is not None and evidence.origin.procedural:
        said = "Not meant for use: it was trained and judged on procedural scenes, which show nothing real. "
    elif not compared:
        said = "Its use is not known: it was not compared with doing nothing. "
    elif worse and len(worse) >= len(better):
        said = "Not meant for use as it is: on the study's own pictures, leaving the input as it is does better. "
    elif not better:
        said = "Its use is not known: no measure distinguishes it from its input. "
    else:
        said = "Meant for showing and editing ordinary photographs and video on HDR displays. "
    if compared:
        said += _count("better", better, compared) + " " + _count("worse", worse, compared)
    if evidence.origin is None or not (evidence.origin.licence or evidence.origin.procedural):
        said += " The licence of its training pictures is not recorded: find out before you ship it."
    return said.strip()


def _count(word: str, names: Sequence[str], compared: Sequence[AgainstInput]) -> str:
    listed = f" ({', '.join(names)})" if names else ""
    return f"It is {word} than its input in {len(names)} of {len(compared)} measures{listed}."


def _accuracy(record: TrialRecord, evidence: Evidence, compared: Sequence[AgainstInput]) -> str:
    scores = evidence.scores
    if not scores:
        return "Not scored."
    beside, rows = {one.metric: one for one in compared}, []
    for name, interval in scores["scores"].items():
        digits = QUANTITIES[name].paper_digits if name in QUANTITIES else 4
        one, before = beside.get(name), record.figures.get(f"{name}_float")
        nothing = one.input if one else record.figures.get(f"{name}_baseline")
        rows.append(
            (
                escape(QUANTITIES[name].axis if name in QUANTITIES else name),
                f"{interval['mean']:.{digits}f}",
                f"{interval['low']:.{digits}f} to {interval['high']:.{digits}f}",
                "" if nothing is None else f"{nothing:.{digits}f}",
                f"{one.difference:+.{digits}f} ({one.low:+.{digits}f} to {one.high:+.{digits}f})" if one else "",
                one.verdict if one else "not compared",
                "" if before is None else f"{before:.{digits}f}",
            )
        )
    head = ("measure", "these files", "95 % interval", "doing nothing", "difference (95 %)", "than its input", "float")
    return f"{table(head, rows)}\n\n{_protocol(scores, evidence.inputs)}"


def _protocol(scores: Mapping[str, Any], inputs: str) -> str:
    protocol = scores["protocol"]
    sources = len(set(protocol["sources"])) if "sources" in protocol else None
    shown = f" of {sources} source{'' if sources == 1 else 's'}" if sources is not None else ""
    made = f" Inputs: {_INPUTS[inputs]}." if inputs in _INPUTS else ""
    count = f"{scores['pictures']} validation picture{'' if scores['pictures'] == 1 else 's'}"
    return (
        f"On {count}{shown}.{made} `difference` is these files' figure minus their input's, averaged over pictures; "
        "`better` and `worse` mean that its 95 % interval (bootstrap over sources) excludes 0. `float` is the network "
        "before quantization. `scores.json` has every picture's value and everything that the values depend on."
    )


def _data(origin: Origin | None) -> str:
    if origin is None:
        return "Not known."
    if origin.procedural:
        licence = "made by this program; they show no real scene, and no licence is needed"
    else:
        licence = f"licence: {escape(origin.licence)}" if origin.licence else "licence: not recorded"
    counts = ", ".join(f"{origin.counts[split]} {words}" for split, words in _SPLITS.items() if split in origin.counts)
    return f"The data set is {escape(origin.name)} ({licence}): {counts}. Its hash is `{origin.hash}`."


def _cost(record: TrialRecord, evidence: Evidence) -> str:
    rows: list[tuple[Any, ...]] = []
    for device, measurement in evidence.measurements.items():
        latency, info = measurement["latency_ms"], measurement["device"]
        memory = measurement["peak_memory_mb"]
        rows.append(
            (
                escape(f"{device}: {info['model']}, {info['soc']}"),
                f"{latency['p50']:.2f}{_range_text(latency)} / {latency['p90']:.2f}" if latency else "",
                f"{memory:.1f}" if memory is not None else "",
                measurement["settings"]["threads"],
                escape(", ".join((measurement["verdict"], *measurement["reasons"]))),
            )
        )
    counts = [
        (QUANTITIES[name].axis, f"{record.figures[name]:,.0f}")
        for name in ("size_bytes", "parameters", "macs")
        if name in record.figures
    ]
    head = ("device", "latency p50 (95 % range) / p90 (ms)", "peak memory (MB)", "threads", "verdict")
    tables = [table(head, rows)] if rows else ["Not measured on a device."]
    return "\n\n".join([*tables, *([table(("what", "value"), counts)] if counts else [])])


def _made_from(record: TrialRecord, model: Manifest) -> str:
    return table(
        ("what", "value"),
        [
            ("study, trial", f"{escape(record.study)}, {record.number}"),
            *((f"artifact {escape(step)}", f"`{key}`") for step, key in record.artifacts.items()),
            *((escape(name), f"`{sha256}`") for name, sha256 in model.files.items() if name.endswith(".tflite")),
            *((escape(package), escape(version)) for package, version in model.versions.items()),
        ],
    )


def _value(value: Any) -> str:
    return ", ".join(map(_value, value)) if isinstance(value, (list, tuple)) else escape(value)


def _label(metric: str) -> str:
    return escape(QUANTITIES[metric].label if metric in QUANTITIES else metric)


def _range_text(latency: Mapping[str, Any]) -> str:
    found = latency.get("p50_range")
    return "" if found is None else f" ({found['low']:.2f} to {found['high']:.2f})"

"""One trial in full: what was tried, what came of it on every device, why it ended as it did, where its work lies."""

from __future__ import annotations

from mqn.dashboard.panels.elements import plain_table
from mqn.dashboard.studies.reading import State
from mqn.look.blocks import Block, Facts, Heading, Text
from mqn.quantities import find_quantity, quantity
from mqn.records import TrialRecord
from mqn.report.front.words import SIMULATED, state_of
from mqn.report.pages.view import View
from mqn.search.gate.words import miss_text


def describe_trial(record: TrialRecord, state: State, view: View) -> list[Block]:
    """What is known of a trial, the most telling first."""
    blocks: list[Block] = []
    if record.simulated:
        blocks.append(Text(SIMULATED, tone="bad"))
    place = "on the front" if record.number in view.best else state_of(record)
    blocks.append(Facts((("state", place), ("study", record.study))))
    blocks += [Text(line, tone="bad") for line in why(record)]
    blocks += _figures(record, view)
    blocks += [Heading("Candidate"), *_candidate(record, view)]
    if record.artifacts:
        spent = {**record.seconds}
        rows = [[step, key, f"{spent[step]:.1f} s" if step in spent else ""] for step, key in record.artifacts.items()]
        blocks += [Heading("Artifacts"), plain_table(("step", "key", "took"), rows, numbers=(2,))]
    if record.attempts:
        rows = [[tried.step, ": ".join(tried.error)] for tried in record.attempts]
        blocks += [Heading("Tries that failed before"), plain_table(("step", "error"), rows)]
    return [*blocks, Heading("Its log"), Text(f"mqn logs {state.study} {record.number}")]


def why(record: TrialRecord) -> list[str]:
    """Why a trial failed, waits or breaks a constraint, a line each; empty where nothing is wrong."""
    broken = [f"breaks {name} by {miss_text(name, by)}" for name, by in record.violations.items() if by > 0]
    return [line for line in (record.error, record.waits, *broken) if line]


def _figures(record: TrialRecord, view: View) -> list[Block]:
    blocks: list[Block] = []
    own = record.gate if record.state == "gated" else record.figures
    if own:
        title = "Before training" if record.state == "gated" else "Figures of its file"
        rows = [[_label(name), _value(name, value)] for name, value in sorted(own.items())]
        blocks += [Heading(title), plain_table(("figure", "value"), rows, numbers=(1,))]
    told = {**record.device_figures, **record.unaccepted}
    if told:
        names = list(dict.fromkeys(name for figures in told.values() for name in figures))
        rows = [[_label(name), *(_value(name, own.get(name)) for own in told.values())] for name in names]
        rows.append(["verdict", *(record.verdicts.get(target, "") for target in told)])
        if record.lowering:
            rows.append(["rewrites", *(record.lowering.get(target, "") for target in told)])
        heading = "On the device" if len(told) == 1 else "On the devices"
        blocks += [Heading(heading), plain_table(("figure", *told), rows, numbers=range(1, len(told) + 1))]
    if view.front is not None and (same := dict(zip(view.best_in_order, view.front.alike, strict=True))):
        numbers = same.get(record.number, ())
        if numbers:
            told_apart = ", ".join(f"#{number}" for number in numbers)
            blocks.append(Text(f"not told apart from {told_apart} in any objective"))
    return blocks


def _candidate(record: TrialRecord, view: View) -> list[Block]:
    flat, varied = record.candidate.flat(), view.varied
    first = [[key, _text(flat.get(key))] for key in varied]
    rest = tuple((key, _text(value)) for key, value in flat.items() if key not in varied)
    return [*([plain_table(("varied here", "value"), first)] if first else []), Facts(rest)]


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _label(name: str) -> str:
    known = find_quantity(name)
    return name if known is None else known.axis


def _value(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if find_quantity(name) is None else quantity(name).text(value)

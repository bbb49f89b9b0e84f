"""The latency of one trial: every sample by the process that it came from, and what the delegate took."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mqn.look.charts import dress
from mqn.look.palette import ACCENT, GRID, INK, LIMIT, MUTED
from mqn.parsing import from_mapping
from mqn.plain_values import loads_json
from mqn.records import Measurement, PartMeasurement, TrialRecord
from mqn.search.artifacts import ArtifactStore
from mqn.search.stages.measure import MEASUREMENT

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MEASURE = "measure/"
_BINS = 40
_FAR = 2.0
"""Samples beyond so many medians are counted in words: one that took a second would hide all others."""
_ROW, _FRAME = 64, 60
_MS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The timed invocations of one process, in ms, as they came; `first` and `last` are their places in all."""

    process: int
    values: tuple[float, ...]


def find_measurements(record: TrialRecord, store: ArtifactStore) -> tuple[dict[str, Measurement], list[str]]:
    """Read what was measured of a trial: target to the measurement; and what is not there, a line each.

    Raises:
        ConfigError: a measurement cannot be read.
        FaultError: the store fails meanwhile.
    """
    keys = {step: key for step, key in record.artifacts.items() if step.startswith(_MEASURE)}
    found = store.find_steps(keys)
    read = {}
    for step, artifact in found.items():
        path = artifact.path(MEASUREMENT)
        plain = loads_json(path.read_text(encoding="utf-8"), str(path))
        read[step.removeprefix(_MEASURE)] = from_mapping(Measurement, plain, source=str(path))
    gone = [step.removeprefix(_MEASURE) for step in keys if step not in found]
    return read, [f"The measurement on {target} is not in the store any more." for target in gone]


def samples_of(found: Measurement) -> list[Samples]:
    """All samples of a measurement by process: of several files the sum of their times, as the figures are."""
    times = [_MS * sum(row) for row in zip(*(part.samples_ns for part in found.parts), strict=True)]
    rounds = found.process_rounds if sum(found.process_rounds) == len(times) else (len(times),)
    ends = itertools.accumulate(rounds, initial=0)
    return [
        Samples(process=number, values=tuple(times[begin:end]))
        for number, (begin, end) in enumerate(itertools.pairwise(ends), start=1)
        if end > begin
    ]


def far_away(found: Sequence[Samples]) -> tuple[float, int]:
    """Where a drawing of samples ends, in ms, and how many samples lie beyond."""
    values = [value for one in found for value in one.values]
    most = max(values)
    edge = min(most, _FAR * float(np.median(values)))
    return edge, sum(value > edge for value in values)


def draw_samples(found: Measurement) -> Figure:
    """Draw a histogram for each process, one below the other on one axis, with the median and p90 of all.

    `found` has samples.
    """
    from plotly.subplots import make_subplots

    processes = samples_of(found)
    edge, _ = far_away(processes)
    low = min(value for one in processes for value in one.values)
    bins = np.linspace(low, max(edge, low * (1 + 1e-6)), _BINS + 1)
    figure = make_subplots(rows=len(processes), cols=1, shared_xaxes=True, vertical_spacing=0.02)
    middles, width = (bins[:-1] + bins[1:]) / 2, float(bins[1] - bins[0])
    for row, one in enumerate(processes, start=1):
        counts, _ = np.histogram(one.values, bins)
        own = float(np.median(one.values))
        figure.add_bar(
            x=middles.tolist(),
            y=counts.tolist(),
            width=width,
            marker={"color": ACCENT, "line": {"width": 0}},
            hovertemplate=f"process {one.process}: %{{y}} invocations at %{{x:.3f}} ms<extra></extra>",
            row=row,
            col=1,
        )
        axis = "" if row == 1 else str(row)
        figure.add_annotation(
            text=f"process {one.process}: {len(one.values)} runs, p50 {own:.4g} ms",
            showarrow=False,
            font={"size": 11, "color": INK},
            bgcolor="rgba(255,255,255,0.75)",
            x=1,
            y=1,
            xref=f"x{axis} domain",
            yref=f"y{axis} domain",
            xanchor="right",
        )
        looks = {"gridcolor": GRID, "zeroline": False, "nticks": 4, "tickfont": {"color": MUTED, "size": 10}}
        figure.update_yaxes(range=[0, 1.5 * max(counts.tolist())], **looks, row=row, col=1)
    assert found.latency_ms is not None
    for value, color, dash in ((found.latency_ms.p50, INK, "solid"), (found.latency_ms.p90, LIMIT, "dot")):
        if value <= edge:
            figure.add_vline(value, line={"color": color, "width": 1.2, "dash": dash})
    height = _ROW * max(len(processes), 2) + _FRAME
    dress(figure, height=height, margin={"l": 56, "r": 14, "t": 8, "b": 46}, size=11)
    figure.update_layout(showlegend=False, bargap=0)
    figure.update_xaxes(gridcolor=GRID, zeroline=False, tickfont={"color": MUTED})
    figure.update_xaxes(title="one invocation (ms)", row=len(processes), col=1)
    figure.update_yaxes(title="runs", row=(len(processes) + 1) // 2, col=1)
    return figure


def tell_samples(found: Measurement) -> list[str]:
    """What a drawing of samples does not say by itself, a sentence each."""
    latency, processes = found.latency_ms, samples_of(found)
    assert latency is not None
    edge, beyond = far_away(processes)
    medians = [float(np.median(one.values)) for one in processes]
    told = [
        f"{latency.n} invocations in {_many(len(processes), 'process', 'processes')}, {found.settings.threads} "
        f"{'thread' if found.settings.threads == 1 else 'threads'}. Black line: p50 {latency.p50:.4g} ms; dotted red: "
        f"p90 {latency.p90:.4g} ms; p99 {latency.p99:.4g} ms."
    ]
    if len(medians) > 1:
        apart = 100 * (max(medians) / min(medians) - 1)
        told.append(f"The medians of the processes are {apart:.1f} % apart, from fastest to slowest.")
    if beyond:
        slowest = max(value for one in processes for value in one.values)
        told.append(f"Not drawn: {_many(beyond, 'sample', 'samples')} beyond {edge:.3g} ms, up to {slowest:.3g} ms.")
    return told


def tell_state(found: Measurement) -> str:
    """How warm the device was at both ends, and when that was; empty parts are left out."""
    ends = (found.before.temperature_c, found.after.temperature_c)
    warm = " to ".join(f"{value:.0f}" for value in ends if value is not None)
    parts = [f"verdict {found.verdict}", *found.reasons, f"{warm} °C" if warm else "", f"began {found.started_at}"]
    return "; ".join(part for part in parts if part)


def list_delegation(found: Measurement) -> list[list[str]]:
    """A row for each file: its name, the delegate, operators taken of all, partitions, what was left, first run."""
    return [[part.part, *_delegation(part), f"{part.init_ms:.3g}", f"{part.first_ms:.3g}"] for part in found.parts]


def _delegation(part: PartMeasurement) -> tuple[str, str, str, str]:
    told = part.delegation
    if told is None:
        return "not told by this device", "", "", ""
    share = f" ({math.floor(100 * told.delegated / told.nodes)} %)" if told.nodes else ""
    outside: Mapping[str, int] = dict(sorted(told.outside.items(), key=lambda item: (-item[1], item[0])))
    left = ", ".join(f"{count} {kind}" for kind, count in outside.items()) or "nothing"
    return told.delegate, f"{told.delegated} of {told.nodes}{share}", str(told.partitions), left


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"

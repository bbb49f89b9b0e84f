"""Pictures of timed invocations: where they lie, process by process, and where two models lie beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mqn.records import Comparison, Latency, Measurement, PartMeasurement, Range
from mqn.report.canvas import add_legend, open_figure, save_figure
from mqn.report.palette import INK, SERIES
from mqn.report.timing_words import range_text, verdict_on
from mqn.report.totals import total_latency

BINS = 80
REACH = 2.0
"""The picture ends so many times as far above p50 as p90 lies; how many runs lie beyond is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """Samples of one model, as they are drawn.

    Attributes:
        name: in the legend.
        processes: invocations in ms, one array a process.
        p50: the median, in ms.
        p50_range: where it lies with 95 % confidence.
        p90: likewise the 90th percentile.
        p90_range: likewise.
    """

    name: str
    processes: tuple[NDArray[np.float64], ...]
    p50: float
    p50_range: Range | None
    p90: float
    p90_range: Range | None

    @property
    def samples(self) -> NDArray[np.float64]:
        """All processes' together."""
        return np.concatenate(self.processes)


def pile_measurement(measurement: Measurement, name: str) -> Pile:
    """A measurement's samples, of all parts together.

    Args:
        measurement: one that has samples.
        name: what the model is called.
    """
    assert measurement.latency_ms is not None
    return _pile(name, measurement.parts, measurement.process_rounds, measurement.latency_ms)


def pile_comparison(comparison: Comparison, names: Sequence[str]) -> tuple[Pile, Pile]:
    """Both models' samples, of all parts together.

    Args:
        comparison: one that has samples.
        names: what model A and model B are called.
    """
    first, second = (
        _pile(name, parts, comparison.process_rounds, total_latency(parts, comparison.process_rounds))
        for name, parts in zip(names, (comparison.first, comparison.second), strict=True)
    )
    return first, second


def write_measurement_png(measurement: Measurement, name: str, path: Path) -> None:
    """Draw a measurement: a histogram a process, p50 and p90 with their ranges.

    Args:
        measurement: one that has samples.
        name: what the model is called.
        path: the .png file to write.

    Raises:
        UsageError: the file cannot be written.
    """
    pile = pile_measurement(measurement, name)
    bad = "" if measurement.verdict == "ok" else f", verdict {measurement.verdict}"
    figure, (axes,) = open_figure(f"{name} on {measurement.device.id}{bad}")
    edges = _edges([pile])
    style: dict[str, Any] = {"bins": edges, "histtype": "stepfilled", "alpha": 0.35}
    for number, samples in enumerate(pile.processes):
        color = SERIES[number % len(SERIES)]
        label = f"process {number + 1}: {len(samples)} runs"
        axes.hist(samples, **style, color=color, edgecolor=color, label=label)
    _mark(axes, pile, INK, 1)
    _finish(figure, axes, [pile], edges, path)


def write_comparison_png(comparison: Comparison, names: Sequence[str], path: Path) -> None:
    """Draw two models over each other, and say what they come to.

    Args:
        comparison: one that has samples.
        names: what model A and model B are called.
        path: the .png file to write.

    Raises:
        UsageError: the file cannot be written.
    """
    piles = pile_comparison(comparison, names)
    bad = "" if comparison.verdict == "ok" else f", verdict {comparison.verdict}"
    figure, (axes,) = open_figure(f"{verdict_on(comparison.p50, names)} on {comparison.device.id}{bad}")
    edges = _edges(piles)
    style: dict[str, Any] = {"bins": edges, "histtype": "stepfilled", "alpha": 0.35}
    for number, pile in enumerate(piles):
        color = SERIES[number]
        label = f"{'AB'[number]}: {pile.name}, {len(pile.samples)} runs in {len(pile.processes)} processes"
        axes.hist(pile.samples, **style, color=color, edgecolor=color, label=label)
        _mark(axes, pile, color, number + 1)
    _finish(figure, axes, piles, edges, path)


def _pile(name: str, parts: Sequence[PartMeasurement], rounds: Sequence[int], latency: Latency) -> Pile:
    from mqn.device.science.figures import sum_parts

    totals = np.array(sum_parts(parts), dtype=np.float64) / 1e6
    ends = np.cumsum(rounds)[:-1] if sum(rounds) == len(totals) else np.array([], dtype=np.int64)
    return Pile(
        name=name,
        processes=tuple(np.split(totals, ends)),
        p50=latency.p50,
        p50_range=latency.p50_range,
        p90=latency.p90,
        p90_range=latency.p90_range,
    )


def _edges(piles: Sequence[Pile]) -> NDArray[np.float64]:
    """Borders of the bins that all samples share. A few very slow runs would press all others into one bin."""
    samples = np.concatenate([pile.samples for pile in piles])
    ends = [pile.p90_range.high for pile in piles if pile.p90_range]
    reach = max(*ends, *(pile.p50 + REACH * (pile.p90 - pile.p50) for pile in piles), 0.0)
    low, high = float(samples.min()), min(float(samples.max()), reach)
    margin = 0.03 * (high - low) or 0.01 * high
    return np.linspace(low - margin, high + margin, BINS + 1)


def _mark(axes: Axes, pile: Pile, color: str, row: int) -> None:
    """Draw p50 and p90 as lines through the picture, their ranges as bars near its top."""
    figures = (("p50", pile.p50, pile.p50_range, "-"), ("p90", pile.p90, pile.p90_range, "--"))
    for number, (name, value, found, dashes) in enumerate(figures):
        axes.axvline(value, color=color, lw=1.4, ls=dashes, label=f"{name} {range_text(value, found)} ms")
        if found is not None:
            below, above = max(0.0, value - found.low), max(0.0, found.high - value)
            axes.errorbar(
                [value],
                [1.04 - 0.08 * row - 0.035 * number],
                xerr=([below], [above]),
                transform=axes.get_xaxis_transform(),
                fmt="none",
                ecolor=color,
                elinewidth=1.6,
                capsize=4,
            )


def _finish(figure: Figure, axes: Axes, piles: Sequence[Pile], edges: NDArray[np.float64], path: Path) -> None:
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(top=1.22 * axes.get_ylim()[1])  # Room for the ranges above the highest bar.
    beyond = sum(int((pile.samples > edges[-1]).sum()) for pile in piles)
    beyond_text = f"; {beyond} slower {'run lies' if beyond == 1 else 'runs lie'} beyond" if beyond else ""
    axes.set_xlabel(f"Latency of an invocation (ms){beyond_text}")
    axes.set_ylabel("Invocations")
    add_legend(figure, columns=2)
    save_figure(figure, path)

"""Histograms of timed invocations, of one model process by process or of two models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mqn.device.science.intervals import total_latency
from mqn.look.canvas import picture
from mqn.look.palette import INK, SERIES
from mqn.records import Comparison, Latency, Measurement, PartMeasurement
from mqn.report.timing.words import range_text, verdict_on

BINS = 80
REACH = 2.0
"""The histogram ends this many times as far above p50 as p90 lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """Samples of one model: its name in the legend, invocations in ms by process, and their order statistics."""

    name: str
    processes: tuple[NDArray[np.float64], ...]
    latency: Latency

    @property
    def samples(self) -> NDArray[np.float64]:
        """The samples of all processes."""
        return np.concatenate(self.processes)


def pile_measurement(measurement: Measurement, name: str) -> Pile:
    """Gather the samples of a measurement that has some, summed over all files of the model."""
    assert measurement.latency_ms is not None
    return _pile(name, measurement.parts, measurement.process_rounds, measurement.latency_ms)


def pile_comparison(comparison: Comparison, names: Sequence[str]) -> tuple[Pile, Pile]:
    """Gather the samples of both models of a comparison that has some, each summed over all its files."""
    first, second = (
        _pile(name, parts, comparison.process_rounds, total_latency(parts, comparison.process_rounds))
        for name, parts in zip(names, (comparison.first, comparison.second), strict=True)
    )
    return first, second


def write_measurement_png(measurement: Measurement, name: str, path: Path) -> None:
    """Draw a measurement that has samples: a histogram for each process, p50 and p90 with their ranges.

    Raises `UsageError` if the file cannot be written.
    """
    pile = pile_measurement(measurement, name)
    with picture(path, f"{name} on {_place(measurement)}", legend=2) as (axes,):
        edges = _lay_out(axes, [pile])
        for number, samples in enumerate(pile.processes):
            label = f"process {number + 1}: {len(samples)} runs"
            _fill(axes, samples, edges, SERIES[number % len(SERIES)], label)
        _mark(axes, pile, INK, 1)
        _leave_room(axes)


def write_comparison_png(comparison: Comparison, names: Sequence[str], path: Path) -> None:
    """Draw two models over each other, named `names`, under the verdict on them.

    Raises `UsageError` if the file cannot be written.
    """
    piles = pile_comparison(comparison, names)
    with picture(path, f"{verdict_on(comparison.p50, names)} on {_place(comparison)}", legend=2) as (axes,):
        edges = _lay_out(axes, piles)
        for number, pile in enumerate(piles):
            label = f"{'AB'[number]}: {pile.name}, {len(pile.samples)} runs in {len(pile.processes)} processes"
            _fill(axes, pile.samples, edges, SERIES[number], label)
            _mark(axes, pile, SERIES[number], number + 1)
        _leave_room(axes)


def _place(found: Measurement | Comparison) -> str:
    return found.device.id + ("" if found.verdict == "ok" else f", verdict {found.verdict}")


def _pile(name: str, parts: Sequence[PartMeasurement], rounds: Sequence[int], latency: Latency) -> Pile:
    from mqn.device.science.figures import sum_parts

    totals = np.array(sum_parts(parts), dtype=np.float64) / 1e6
    ends = np.cumsum(rounds)[:-1] if sum(rounds) == len(totals) else np.array([], dtype=np.int64)
    return Pile(name=name, processes=tuple(np.split(totals, ends)), latency=latency)


def _lay_out(axes: Axes, piles: Sequence[Pile]) -> NDArray[np.float64]:
    """Label the axes and return the borders of the bins that all samples share.

    Very slow runs would press all others into one bin. They lie beyond the right end, and the label says how many.
    """
    samples = np.concatenate([pile.samples for pile in piles])
    figures = [pile.latency for pile in piles]
    ends = [latency.p90_range.high for latency in figures if latency.p90_range]
    reach = max(*ends, *(latency.p50 + REACH * (latency.p90 - latency.p50) for latency in figures), 0.0)
    low, high = float(samples.min()), min(float(samples.max()), reach)
    margin = 0.03 * (high - low) or 0.01 * high
    edges = np.linspace(low - margin, high + margin, BINS + 1)
    beyond = int((samples > edges[-1]).sum())
    beyond_text = f"; {beyond} slower {'run lies' if beyond == 1 else 'runs lie'} beyond" if beyond else ""
    axes.set_xlabel(f"Latency of an invocation (ms){beyond_text}")
    axes.set_ylabel("Invocations")
    axes.set_xlim(edges[0], edges[-1])
    return edges


def _fill(axes: Axes, samples: NDArray[np.float64], edges: NDArray[np.float64], color: str, label: str) -> None:
    axes.hist(samples, bins=list(edges), histtype="stepfilled", alpha=0.35, color=color, edgecolor=color, label=label)


def _mark(axes: Axes, pile: Pile, color: str, row: int) -> None:
    """Draw p50 and p90 as lines through the picture, their ranges as bars near its top."""
    latency = pile.latency
    figures = (("p50", latency.p50, latency.p50_range, "-"), ("p90", latency.p90, latency.p90_range, "--"))
    for number, (name, value, found, dashes) in enumerate(figures):
        axes.axvline(value, color=color, lw=1.4, ls=dashes, label=f"{name} {range_text(value, found)} ms")
        if found is not None:
            heights = [1.04 - 0.08 * row - 0.035 * number] * 2
            ends = [found.low, found.high]
            axes.plot(ends, heights, "|-", color=color, lw=1.6, ms=8, transform=axes.get_xaxis_transform())


def _leave_room(axes: Axes) -> None:
    """Leave room for the ranges above the highest bar."""
    axes.set_ylim(top=1.22 * axes.get_ylim()[1])

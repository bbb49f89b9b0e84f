"""Cells of an ablation table: means over seeds with their 95 % intervals, and how far two rows are apart."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mqn.families.paper import Figure
from mqn.metrics.certainty import Sample, difference, mean_of
from mqn.quantities import measure_of, split_target
from mqn.records import Interval, TrialRecord
from mqn.report.front.points import LATENCY, range_of
from mqn.report.front.scorebook import Scorebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure of one row.

    Attributes:
        mean: over pictures in the paper, over seeds in ours.
        std: standard deviation over the same; None for a single seed.
        seeds: how many; None in the paper.
        gap: the mean minus that of the reference row; None where one of them is missing.
        low: where the mean lies with 95 % confidence: over pictures' sources, and over seeds where there are several,
            for an accuracy; over seeds and of the measurements for a latency. None where nothing tells that: the paper,
            an accuracy of one seed whose scores were not read, or a measurement that was not steady.
        high: likewise.
        gap_low: where the gap lies with 95 % confidence, as `Column.apart` has it; None where nothing tells that.
        gap_high: likewise.
        verdicts: of the measurements behind a latency, other than `ok`.
    """

    mean: float
    std: float | None
    seeds: int | None
    gap: float | None
    low: float | None = None
    high: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One figure of all our rows.

    Attributes:
        metric: the figure.
        cells: by label; rows without the figure are not there.
        samples: by label, what an accuracy came to on every picture with every seed; rows are not there if the scores
            of any of their trials are not.
    """

    metric: str
    cells: Mapping[str, Cell]
    samples: Mapping[str, Sample]

    @property
    def accuracy(self) -> bool:
        """Whether it is an accuracy, which is judged picture by picture."""
        return measure_of(self.metric) is not None

    def apart(self, first: str, second: str) -> Interval | None:
        """The first row's mean minus the second's, with its 95 % interval.

        Accuracies are paired by picture, and by seed where both rows have the same seeds: what a seed does to both
        drops out. Other figures reach from one end of their own intervals to the other.

        Returns:
            None where nothing tells: scores that are not there or are of other pictures, pictures of one source, a
            latency without an interval.
        """
        if self.accuracy:
            pair = [self.samples[label] for label in (first, second) if label in self.samples]
            return difference(*pair) if len(pair) == 2 else None
        one, other = self.cells[first], self.cells[second]
        if one.low is None or one.high is None or other.low is None or other.high is None:
            return None
        return Interval(mean=one.mean - other.mean, low=one.low - other.high, high=one.high - other.low, n=None)

    def unknown(self, first: str, second: str) -> str:
        """Why `apart` gives nothing, in words."""
        if not self.accuracy:
            disturbed = {verdict for label in (first, second) for verdict in self.cells[label].verdicts}
            return f"measured {' or '.join(sorted(disturbed))}" if disturbed else "no range was measured"
        absent = [label for label in (first, second) if label not in self.samples]
        if absent:
            return f"the scores of {' and of '.join(absent)} are not there"
        if self.samples[first].pictures != self.samples[second].pictures:
            return "they were judged on different pictures"
        return "all pictures are of one source"


def column(groups: Mapping[str, Sequence[TrialRecord]], metric: str, reference: str, book: Scorebook | None) -> Column:
    """Put a column together.

    Args:
        groups: complete trials by row; the seed and the layout may differ within one.
        metric: the figure.
        reference: the row that gaps are told against.
        book: what trials scored on every picture; None: nothing is compared picture by picture.
    """
    behind = {label: found for label, group in groups.items() if (found := _behind(group, metric))}
    means = {label: _over_seeds(group, metric) for label, group in behind.items()}
    scored = (
        {} if book is None else {label: book.sample(group, metric, by_seed=True) for label, group in behind.items()}
    )
    samples = {label: sample for label, sample in scored.items() if sample is not None}
    cells = {}
    for label, cell in cells_of(means, reference).items():
        told = mean_of(samples[label]) if label in samples else None
        known = _with_interval(cell, behind[label], metric)
        cells[label] = known if told is None else replace(known, low=told.low, high=told.high)
    made = Column(metric=metric, cells=cells, samples=samples)
    others = [label for label in cells if label != reference and reference in cells]
    gaps = {label: gap for label in others if (gap := made.apart(label, reference)) is not None}
    return replace(
        made,
        cells=cells | {label: replace(cells[label], gap_low=gap.low, gap_high=gap.high) for label, gap in gaps.items()},
    )


def cells_of(figures: Mapping[str, Figure], reference: str) -> dict[str, Cell]:
    """Cells of figures by row, with their gaps to the reference row and without intervals."""
    base = figures.get(reference)
    return {
        label: Cell(
            mean=found.mean, std=found.std, seeds=found.seeds, gap=None if base is None else found.mean - base.mean
        )
        for label, found in figures.items()
    }


def _behind(group: Sequence[TrialRecord], metric: str) -> Sequence[TrialRecord]:
    """The trials of a row that a figure is computed from."""
    if metric == LATENCY:
        # Where a row has both layouts, the whole network's latency is the fused file's; two files give their parts'.
        group = [record for record in group if record.candidate.plan.layout == "fused"] or group
    return [record for record in group if record.figure(metric) is not None]


def _over_seeds(behind: Sequence[TrialRecord], metric: str) -> Figure:
    """Mean and deviation over seeds; a seed's own trials (fused and pair) are averaged first."""
    by_seed: dict[int, list[float]] = {}
    for record in behind:
        by_seed.setdefault(record.candidate.training.seed, []).append(record.figures_by_name()[metric])
    means = [statistics.fmean(values) for values in by_seed.values()]
    deviation = statistics.stdev(means) if len(means) > 1 else None
    return Figure(statistics.fmean(means), deviation, len(means))


def _with_interval(cell: Cell, behind: Sequence[TrialRecord], metric: str) -> Cell:
    """A cell with its 95 % interval: of the mean over seeds (Student's t), and of the latencies themselves."""
    ends: list[tuple[float, float]] = []
    if cell.std is not None and cell.seeds is not None and cell.seeds > 1:
        from scipy.stats import t

        half = float(t.ppf(0.975, cell.seeds - 1)) * cell.std / math.sqrt(cell.seeds)
        ends.append((cell.mean - half, cell.mean + half))
    if split_target(metric)[0].startswith(LATENCY):
        verdicts = tuple(sorted({verdict for record in behind for verdict in record.verdicts.values()} - {"ok"}))
        ranges = [found for record in behind if (found := range_of(record.figures_by_name(), metric)) is not None]
        if verdicts:
            return replace(cell, verdicts=verdicts)
        if len(ranges) == len(behind):
            low, high = (statistics.fmean(getattr(found, end) for found in ranges) for end in ("low", "high"))
            ends.append((low, high))
    if not ends:
        return cell
    return replace(cell, low=min(low for low, _ in ends), high=max(high for _, high in ends))

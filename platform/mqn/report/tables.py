"""The paper's ablation tables with ours beside theirs: means over seeds, gaps to a reference row."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mqn.errors import NothingSatisfiesError, UnknownNameError, UsageError
from mqn.quantities import quantity, split_target
from mqn.records import TrialRecord
from mqn.report.certainty import LATENCY, range_of
from mqn.report.departures import Setting, departures
from mqn.report.paper import TABLES, Figure, PaperTable

# What may differ between trials of one row: seeds are averaged over; `pair` alone knows backbone and head apart.
_FREE = frozenset({"training.seed", "plan.layout"})

NOTES = (
    "Absolute decibels cannot be compared: the paper tone-maps with operators drawn at random, unseeded, after "
    "normalising each picture by its own extremes, on pictures of its own. Compare orderings and gaps.",
    "The paper's ± is over pictures, ours over seeds. Its latencies are of a phone (Exynos 990), ours of our device.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure of one row.

    Attributes:
        mean: over pictures in the paper, over seeds in ours.
        std: standard deviation over the same; None for a single seed.
        seeds: how many; None in the paper.
        gap: the mean minus that of the reference row; None where one of them is missing.
        low: where the mean lies with 95 % confidence; None where nothing tells that: one seed, the paper, or a
            measurement that was not steady.
        high: likewise.
        verdicts: of the measurements behind a latency, other than `ok`.
    """

    mean: float
    std: float | None
    seeds: int | None
    gap: float | None
    low: float | None = None
    high: float | None = None
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: figures by metric, None where they were not published or not measured."""

    label: str
    paper: Mapping[str, Cell | None]
    ours: Mapping[str, Cell | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the paper with ours beside it.

    Attributes:
        kind: `attention`, `losses`, `quantization`.
        title: what it shows.
        metrics: columns, each told for the paper and for us.
        reference: label of the row that gaps are told against.
        rows: in the paper's order.
        departures: in what ours is not as the paper has it, a line each.
        notes: what a reader must know.
    """

    kind: str
    title: str
    metrics: tuple[str, ...]
    reference: str
    rows: tuple[Row, ...]
    departures: tuple[str, ...]
    notes: tuple[str, ...]

    def best(self, metric: str) -> str | None:
        """Label of our row that is best in a metric, where its 95 % interval overlaps no other row's; else None."""
        cells = {row.label: cell for row in self.rows if (cell := row.ours[metric]) is not None}
        ends = {label: (cell.low, cell.high) for label, cell in cells.items()}
        sign = -1.0 if quantity(metric).direction == "maximize" else 1.0
        known = {label: (low, high) for label, (low, high) in ends.items() if low is not None and high is not None}
        if len(cells) < 2 or len(known) < len(cells):
            return None
        first = min(cells, key=lambda label: sign * cells[label].mean)
        low, high = known[first]
        apart = all(high < other[0] or other[1] < low for label, other in known.items() if label != first)
        return first if apart else None


def ablation(kind: str, records: Sequence[TrialRecord], setting: Setting | None = None) -> Table:
    """Set our trials beside a table of the paper.

    Args:
        kind: `attention`, `losses`, or `quantization`.
        records: trials of a study that varies what the table varies, the seed, and perhaps the layout; nothing else.
            Complete ones that fit a row count, whether or not they keep the study's constraints.
        setting: what they were run on, to be told beside what the paper has.

    Raises:
        UnknownNameError: there is no such table.
        NothingSatisfiesError: no complete trial fits any row.
        UsageError: the trials differ in something that the table does not show.
    """
    if kind not in TABLES:
        raise UnknownNameError("ablation", kind, TABLES)
    paper = TABLES[kind]
    complete = [record for record in records if record.state == "complete"]
    groups = {row.label: [record for record in complete if row.holds(record.candidate)] for row in paper.rows}
    used = [record for group in groups.values() for record in group]
    if not used:
        raise NothingSatisfiesError(f"none of {len(records)} trials is complete and fits a row of the table {kind!r}")
    _check_alike(paper, used)
    measured = {figure for record in used for figure in record.figures}
    # Latency of the whole is ours alone: the paper has its two files' apart.
    whole = ("latency_ms",) if "latency_ms" in measured else ()
    metrics = (*whole, *paper.metrics)
    theirs = {row.label: {name: row.figures.get(name) for name in metrics} for row in paper.rows}
    ours = {label: {name: _over_seeds(group, name) for name in metrics} for label, group in groups.items()}
    rows = tuple(
        Row(
            label=row.label,
            paper={name: _cell(theirs, row.label, paper.reference, name) for name in metrics},
            ours={
                name: _with_certainty(_cell(ours, row.label, paper.reference, name), groups[row.label], name)
                for name in metrics
            },
        )
        for row in paper.rows
    )
    absent = [label for label, group in groups.items() if not group]
    return Table(
        kind=kind,
        title=paper.title,
        metrics=metrics,
        reference=paper.reference,
        rows=rows,
        departures=departures(paper, used, setting or Setting()),
        notes=(*NOTES, _seen(used), *((f"No complete trial yet: {'; '.join(absent)}.",) if absent else ())),
    )


def _behind(group: Sequence[TrialRecord], metric: str) -> Sequence[TrialRecord]:
    """The trials of a row that a figure is told of."""
    if metric == "latency_ms":
        # Where a row has both layouts, the whole is told of the fused file: a pair is there to tell its parts apart.
        group = [record for record in group if record.candidate.plan.layout == "fused"] or group
    return [record for record in group if metric in record.figures]


def _over_seeds(group: Sequence[TrialRecord], metric: str) -> Figure | None:
    """Mean and deviation over seeds; a seed's own trials (fused and pair) are averaged first."""
    by_seed: dict[int, list[float]] = {}
    for record in _behind(group, metric):
        by_seed.setdefault(record.candidate.training.seed, []).append(record.figures[metric])
    if not by_seed:
        return None
    means = [statistics.fmean(values) for values in by_seed.values()]
    deviation = statistics.stdev(means) if len(means) > 1 else None
    return Figure(statistics.fmean(means), deviation, len(means))


def _cell(rows: Mapping[str, Mapping[str, Figure | None]], label: str, reference: str, metric: str) -> Cell | None:
    found, base = rows[label][metric], rows[reference][metric]
    if found is None:
        return None
    gap = None if base is None else found.mean - base.mean
    return Cell(mean=found.mean, std=found.std, seeds=found.seeds, gap=gap)


def _with_certainty(cell: Cell | None, group: Sequence[TrialRecord], metric: str) -> Cell | None:
    """A cell of ours with its 95 % interval: of the mean over seeds (Student's t), and of the latencies themselves."""
    if cell is None:
        return None
    ends: list[tuple[float, float]] = []
    if cell.std is not None and cell.seeds is not None and cell.seeds > 1:
        from scipy.stats import t

        half = float(t.ppf(0.975, cell.seeds - 1)) * cell.std / math.sqrt(cell.seeds)
        ends.append((cell.mean - half, cell.mean + half))
    if split_target(metric)[0].startswith(LATENCY):
        behind = _behind(group, metric)
        verdicts = tuple(sorted({verdict for record in behind for verdict in record.verdicts.values()} - {"ok"}))
        ranges = [found for record in behind if (found := range_of(record.figures, metric)) is not None]
        if verdicts:
            return replace(cell, verdicts=verdicts)
        if len(ranges) == len(behind):
            low, high = (statistics.fmean(getattr(found, end) for found in ranges) for end in ("low", "high"))
            ends.append((low, high))
    if not ends:
        return cell
    return replace(cell, low=min(low for low, _ in ends), high=max(high for _, high in ends))


def _check_alike(paper: PaperTable, used: Sequence[TrialRecord]) -> None:
    """Make sure that rows differ in what the table is about, and in nothing else."""
    free = paper.varied | _FREE
    fixed = [{k: v for k, v in record.candidate.flat().items() if k not in free} for record in used]
    differing = sorted(key for key in fixed[0] if len({str(flat[key]) for flat in fixed}) > 1)
    if differing:
        raise UsageError(
            f"the trials differ in {', '.join(differing)}, which this table does not show; "
            "ablate in a study that varies nothing else"
        )


def _seen(used: Sequence[TrialRecord]) -> str:
    devices = sorted({device for record in used for device in record.device_figures})
    verdicts = sorted({verdict for record in used for verdict in record.verdicts.values()} - {"ok"})
    seeds = len({record.candidate.training.seed for record in used})
    where = f" on {', '.join(devices)}" if devices else ""
    marked = f"; some measurements are {', '.join(verdicts)}" if verdicts else ""
    return f"Ours: {len(used)} trials, {seeds} seed{'s' if seeds > 1 else ''}{where}{marked}."

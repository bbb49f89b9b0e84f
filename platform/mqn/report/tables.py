"""The paper's ablation tables with ours beside theirs: means over seeds, gaps to a reference row."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqn.errors import NothingSatisfiesError, UnknownNameError, UsageError
from mqn.records import TrialRecord
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
    """

    mean: float
    std: float | None
    seeds: int | None
    gap: float | None


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
        notes: what a reader must know.
    """

    kind: str
    title: str
    metrics: tuple[str, ...]
    reference: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def ablation(kind: str, records: Sequence[TrialRecord]) -> Table:
    """Set our trials beside a table of the paper.

    Args:
        kind: `attention`, `losses`, or `quantization`.
        records: trials of a study that varies what the table varies, the seed, and perhaps the layout; nothing else.
            Complete ones that fit a row count, whether or not they keep the study's constraints.

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
            ours={name: _cell(ours, row.label, paper.reference, name) for name in metrics},
        )
        for row in paper.rows
    )
    return Table(
        kind=kind, title=paper.title, metrics=metrics, reference=paper.reference, rows=rows, notes=(*NOTES, _seen(used))
    )


def _over_seeds(group: Sequence[TrialRecord], metric: str) -> Figure | None:
    """Mean and deviation over seeds; a seed's own trials (fused and pair) are averaged first."""
    if metric == "latency_ms":
        # Where a row has both layouts, the whole is told of the fused file: a pair is there to tell its parts apart.
        group = [record for record in group if record.candidate.plan.layout == "fused"] or group
    by_seed: dict[int, list[float]] = {}
    for record in group:
        if metric in record.figures:
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

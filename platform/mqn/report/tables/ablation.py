"""The paper's ablation tables with ours beside theirs: means over seeds, gaps to a reference row."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mqn.errors import NothingSatisfiesError, UnknownNameError, UsageError
from mqn.families import DEFAULT_FAMILY
from mqn.families.contract import find_family
from mqn.families.paper import Figure, Paper, PaperTable
from mqn.metrics.certainty import Sample, difference, mean_of
from mqn.quantities import quantity, split_target
from mqn.records import TrialRecord
from mqn.report.front.points import LATENCY, range_of
from mqn.report.front.scorebook import Scorebook
from mqn.report.front.words import SIMULATED
from mqn.report.tables.departures import Setting, departures

# What may differ between trials of one row: seeds are averaged; only two files give backbone and head separately.
_FREE = frozenset({"training.seed", "plan.layout"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure of one row.

    Attributes:
        mean: over pictures in the paper, over seeds in ours.
        std: standard deviation over the same; None for a single seed.
        seeds: how many; None in the paper.
        gap: the mean minus that of the reference row; None where one of them is missing.
        low: where the mean lies with 95 % confidence: over pictures' sources and seeds for an accuracy, over seeds and
            of the measurements for a latency. None where nothing tells that: the paper, an accuracy whose scores were
            not read, or a measurement that was not steady.
        high: likewise.
        gap_low: where the gap lies with 95 % confidence, paired by picture; None where it is no accuracy of ours.
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
class Row:
    """One row: figures by metric, None where they were not published or not measured."""

    label: str
    paper: Mapping[str, Cell | None]
    ours: Mapping[str, Cell | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the paper with ours beside it.

    Attributes:
        kind: its name in `Paper.tables`.
        title: what it shows.
        metrics: columns, each told for the paper and for us.
        reference: label of the row that gaps are told against.
        rows: in the paper's order.
        departures: in what ours is not as the paper has it, a line each.
        notes: what a reader must know.
        alike: by accuracy, pairs of rows that cannot be told apart picture by picture, in either order; only accuracies
            whose scores were read, in every row that has any.
    """

    kind: str
    title: str
    metrics: tuple[str, ...]
    reference: str
    rows: tuple[Row, ...]
    departures: tuple[str, ...]
    notes: tuple[str, ...]
    alike: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)

    def best(self, metric: str) -> str | None:
        """Label of our row that is best in a metric and told apart from every other row; else None.

        Accuracies whose scores were read are told apart by their paired differences, all other figures by their
        intervals.
        """
        cells = {row.label: cell for row in self.rows if (cell := row.ours[metric]) is not None}
        ends = {label: (cell.low, cell.high) for label, cell in cells.items()}
        sign = -1.0 if quantity(metric).direction == "maximize" else 1.0
        known = {label: (low, high) for label, (low, high) in ends.items() if low is not None and high is not None}
        if len(cells) < 2 or (len(known) < len(cells) and metric not in self.alike):
            return None
        first = min(cells, key=lambda label: sign * cells[label].mean)
        if metric in self.alike:
            return None if any(first in pair for pair in self.alike[metric]) else first
        low, high = known[first]
        apart = all(high < other[0] or other[1] < low for label, other in known.items() if label != first)
        return first if apart else None


def ablation(
    kind: str, records: Sequence[TrialRecord], setting: Setting | None = None, book: Scorebook | None = None
) -> Table:
    """Set our trials beside a table of the paper.

    Args:
        kind: a table of their family's paper.
        records: trials of a study that varies what the table varies, the seed, and perhaps the layout; nothing else.
            Complete ones that fit a row count, whether or not they keep the study's constraints.
        setting: what they were run on, to be compared with the paper.
        book: what trials scored on every picture; None: accuracies have intervals over seeds alone.

    Raises:
        UnknownNameError: there is no such table.
        NothingSatisfiesError: no complete trial fits any row.
        UsageError: the trials differ in something that the table does not show.
    """
    source, paper = published(kind, records[0].candidate.arch.family if records else DEFAULT_FAMILY)
    complete = [record for record in records if record.state == "complete"]
    groups = {
        row.label: [record for record in complete if paper.holds(row, record.candidate.flat())] for row in paper.rows
    }
    used = [record for group in groups.values() for record in group]
    if not used:
        raise NothingSatisfiesError(f"none of {len(records)} trials is complete and fits a row of the table {kind!r}")
    _check_alike(paper, used)
    # The paper gives the latencies of its two files only; the whole network's is ours alone.
    whole = ("latency_ms",) if any(record.figure("latency_ms") is not None for record in used) else ()
    metrics = (*whole, *paper.metrics)
    theirs = {row.label: {name: row.figures.get(name) for name in metrics} for row in paper.rows}
    ours = {label: {name: _over_seeds(group, name) for name in metrics} for label, group in groups.items()}
    samples = {name: _samples(groups, name, book) for name in metrics}

    def cell(label: str, name: str) -> Cell | None:
        found = _with_certainty(_cell(ours, label, paper.reference, name), groups[label], name)
        return found if found is None else _by_picture(found, samples[name], label, paper.reference)

    rows = tuple(
        Row(
            label=row.label,
            paper={name: _cell(theirs, row.label, paper.reference, name) for name in metrics},
            ours={name: cell(row.label, name) for name in metrics},
        )
        for row in paper.rows
    )
    absent = [label for label, group in groups.items() if not group]
    return Table(
        kind=kind,
        title=f"{SIMULATED}: {paper.title}" if any(record.simulated for record in used) else paper.title,
        metrics=metrics,
        reference=paper.reference,
        rows=rows,
        departures=departures(source, paper, used, setting or Setting()),
        notes=(*source.notes, _seen(used), *((f"No complete trial yet: {'; '.join(absent)}.",) if absent else ())),
        alike={name: _alike(found) for name, found in samples.items() if found},
    )


def published(kind: str, family: str = DEFAULT_FAMILY) -> tuple[Paper, PaperTable]:
    """A published table, and the paper that it stands in.

    Raises:
        UnknownNameError: the family's paper has no such table.
        UsageError: the family has no paper with tables.
    """
    paper = find_family(family).paper
    if paper is None:
        raise UsageError(f"family {family!r} has no published table to set beside ours; `mqn front` compares trials")
    if kind not in paper.tables:
        raise UnknownNameError("ablation", kind, paper.tables)
    return paper, paper.tables[kind]


def _behind(group: Sequence[TrialRecord], metric: str) -> Sequence[TrialRecord]:
    """The trials of a row that a figure is computed from."""
    if metric == "latency_ms":
        # Where a row has both layouts, the whole network's latency is the fused file's; two files give their parts'.
        group = [record for record in group if record.candidate.plan.layout == "fused"] or group
    return [record for record in group if record.figure(metric) is not None]


def _over_seeds(group: Sequence[TrialRecord], metric: str) -> Figure | None:
    """Mean and deviation over seeds; a seed's own trials (fused and pair) are averaged first."""
    by_seed: dict[int, list[float]] = {}
    for record in _behind(group, metric):
        by_seed.setdefault(record.candidate.training.seed, []).append(record.figures_by_name()[metric])
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
        ranges = [found for record in behind if (found := range_of(record.figures_by_name(), metric)) is not None]
        if verdicts:
            return replace(cell, verdicts=verdicts)
        if len(ranges) == len(behind):
            low, high = (statistics.fmean(getattr(found, end) for found in ranges) for end in ("low", "high"))
            ends.append((low, high))
    if not ends:
        return cell
    return replace(cell, low=min(low for low, _ in ends), high=max(high for _, high in ends))


def _samples(groups: Mapping[str, Sequence[TrialRecord]], metric: str, book: Scorebook | None) -> dict[str, Sample]:
    """By row what it scored on every picture with every seed; empty where the scores of any row are not there."""
    if book is None:
        return {}
    behind = {label: found for label, group in groups.items() if (found := _behind(group, metric))}
    samples = {label: book.sample(found, metric) for label, found in behind.items()}
    known = {label: sample for label, sample in samples.items() if sample is not None}
    return known if len(known) == len(behind) else {}


def _by_picture(cell: Cell, samples: Mapping[str, Sample], label: str, reference: str) -> Cell:
    """A cell of an accuracy with the intervals that its pictures give: of its mean, and of its gap."""
    told = mean_of(samples[label]) if label in samples else None
    if told is None:
        return cell
    gap = difference(samples[label], samples[reference]) if reference in samples and label != reference else None
    return replace(
        cell,
        low=told.low,
        high=told.high,
        gap_low=None if gap is None else gap.low,
        gap_high=None if gap is None else gap.high,
    )


def _alike(samples: Mapping[str, Sample]) -> frozenset[tuple[str, str]]:
    """Pairs of rows whose difference may be 0, or is not known."""
    return frozenset(
        (one, other)
        for one, other in itertools.permutations(samples, 2)
        if (told := difference(samples[one], samples[other])) is None or told.low <= 0 <= told.high
    )


def _check_alike(paper: PaperTable, used: Sequence[TrialRecord]) -> None:
    """Make sure that the rows differ only in what the table compares."""
    free = paper.varied | _FREE
    fixed = [{k: v for k, v in record.candidate.flat().items() if k not in free} for record in used]
    differing = sorted(key for key in fixed[0] if len({str(flat[key]) for flat in fixed}) > 1)
    if differing:
        raise UsageError(
            f"the trials differ in {', '.join(differing)}, which this table does not show; "
            "ablate in a study that varies nothing else"
        )


def _seen(used: Sequence[TrialRecord]) -> str:
    devices = sorted({device for record in used for device in record.targets})
    verdicts = sorted({verdict for record in used for verdict in record.verdicts.values()} - {"ok"})
    seeds = len({record.candidate.training.seed for record in used})
    where = f" on {', '.join(devices)}" if devices else ""
    marked = f"; some measurements are {', '.join(verdicts)}" if verdicts else ""
    return f"Ours: {len(used)} trials, {seeds} seed{'s' if seeds > 1 else ''}{where}{marked}."

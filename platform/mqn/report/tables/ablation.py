"""The paper's ablation tables with ours beside theirs: means over seeds, gaps to a reference row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqn.errors import NothingSatisfiesError, UnknownNameError, UsageError
from mqn.families import DEFAULT_FAMILY
from mqn.families.contract import find_family
from mqn.families.paper import Paper, PaperTable
from mqn.quantities import quantity
from mqn.records import TrialRecord
from mqn.report.front.points import LATENCY
from mqn.report.front.scorebook import Scorebook
from mqn.report.front.words import SIMULATED
from mqn.report.tables.cells import Cell, Column, cells_of, column
from mqn.report.tables.departures import Setting, departures
from mqn.report.tables.orderings import Ordering, orderings

# What may differ between trials of one row: seeds are averaged; only two files give backbone and head separately.
_FREE = frozenset({"training.seed", "plan.layout"})


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
        columns: our side by metric, which tells how far two rows are apart.
        orderings: the paper's ranking of the rows by each metric, and whether it holds here.
    """

    kind: str
    title: str
    metrics: tuple[str, ...]
    reference: str
    rows: tuple[Row, ...]
    departures: tuple[str, ...]
    notes: tuple[str, ...]
    columns: Mapping[str, Column]
    orderings: tuple[Ordering, ...]

    def best(self, metric: str) -> str | None:
        """Label of our row that is best in a metric and told apart from every other row (`Column.apart`); else None."""
        own = self.columns[metric]
        if len(own.cells) < 2:
            return None
        sign = -1.0 if quantity(metric).direction == "maximize" else 1.0
        first = min(own.cells, key=lambda label: sign * own.cells[label].mean)
        gaps = [own.apart(first, label) for label in own.cells if label != first]
        return first if all(gap is not None and max(sign * gap.low, sign * gap.high) < 0 for gap in gaps) else None


def ablation(
    kind: str, records: Sequence[TrialRecord], setting: Setting | None = None, book: Scorebook | None = None
) -> Table:
    """Set our trials beside a table of the paper.

    Args:
        kind: a table of their family's paper.
        records: trials of a study that varies what the table varies, the seed, and perhaps the layout; nothing else.
            Complete ones that fit a row count, whether or not they keep the study's constraints.
        setting: what they were run on, to be compared with the paper.
        book: what trials scored on every picture; None: accuracies have intervals over seeds alone, and
            nothing tells them apart.

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
    whole = (LATENCY,) if any(record.figure(LATENCY) is not None for record in used) else ()
    metrics = (*whole, *paper.metrics)
    theirs = {
        name: cells_of({row.label: row.figures[name] for row in paper.rows if name in row.figures}, paper.reference)
        for name in metrics
    }
    if book is not None:
        book.read(used)
    columns = {name: column(groups, name, paper.reference, book) for name in metrics}
    rows = tuple(
        Row(
            label=row.label,
            paper={name: theirs[name].get(row.label) for name in metrics},
            ours={name: columns[name].cells.get(row.label) for name in metrics},
        )
        for row in paper.rows
    )
    return Table(
        kind=kind,
        title=f"{SIMULATED}: {paper.title}" if any(record.simulated for record in used) else paper.title,
        metrics=metrics,
        reference=paper.reference,
        rows=rows,
        departures=departures(source, paper, used, setting or Setting()),
        notes=(*source.notes, _seen(used), *_lacking(groups, columns)),
        columns=columns,
        orderings=orderings(paper, columns),
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


def _lacking(groups: Mapping[str, Sequence[TrialRecord]], columns: Mapping[str, Column]) -> list[str]:
    """Lines on what the intervals do not tell: rows without trials, without scores, or with one seed."""
    absent = [label for label, group in groups.items() if not group]
    judged = [column for column in columns.values() if column.accuracy]
    unscored = [label for label in groups if any(label in one.cells and label not in one.samples for one in judged)]
    single = [label for label in groups if any(label in one.samples and one.cells[label].seeds == 1 for one in judged)]
    lines = []
    if absent:
        lines.append(f"No complete trial yet: {'; '.join(absent)}.")
    if unscored:
        lines.append(
            f"Scores of single pictures are not there (removed, or of an early version): {'; '.join(unscored)}. "
            "Nothing tells these rows' accuracies apart from others; resume the study to make the scores again."
        )
    if single:
        rows = "" if len(single) == sum(map(bool, groups.values())) else f" of {'; '.join(single)}"
        lines.append(
            f"One seed{rows}: intervals are over pictures alone, and do not tell how another training would come out; "
            "give --seeds 3."
        )
    return lines

"""Ablation tables as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from mqn.look import blocks
from mqn.parsing import to_plain
from mqn.quantities import quantity
from mqn.report.tables.ablation import Row, Table
from mqn.report.tables.cells import Cell
from mqn.text.markdown import escape

_SIDES = ("paper", "ours")
UNSTEADY = "†"
DEPARTS = "Ours departs from the paper in:"
ORDERED = "The paper's ranking by each metric, neighbour by neighbour:"


def to_markdown(table: Table) -> str:
    """Write a table for people: `mean ± std [95 %] (gap, 95 %)`, our best row bold if told apart from every other."""
    head, *rows = _grid(table, "**{}**")
    body = "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---", *("---:" for _ in head[1:])], *rows))
    parts = [f"## {table.title}", body]
    for heading, lines in findings(table).items():
        parts += [heading, "\n".join(f"- {escape(line)}" for line in lines)]
    notes = "\n".join(f"- {note}" for note in words(table))
    return "\n\n".join([*parts, notes]) + "\n"


def to_section(table: Table) -> blocks.Section:
    """The same for a page; `*` marks the best."""
    head, *rows = (tuple(blocks.Cell(text=text) for text in line) for line in _grid(table, "{} *"))
    below: list[blocks.Block] = [blocks.Table(head=head, rows=tuple(blocks.Row(cells=cells) for cells in rows))]
    for heading, lines in (*findings(table).items(), ("Notes", words(table, "*"))):
        below += [blocks.Heading(heading), *map(blocks.Text, lines)]
    return blocks.Section(title=table.title, blocks=tuple(below))


def findings(table: Table) -> dict[str, tuple[str, ...]]:
    """What stands below a table, by heading: how the paper's ranking fares, and what ours departs in."""
    found = {ORDERED: tuple(one.text for one in table.orderings), DEPARTS: table.departures}
    return {heading: lines for heading, lines in found.items() if lines}


def words(table: Table, mark: str = "Bold") -> tuple[str, ...]:
    """Notes on how to read a table; `mark` is what the best of ours has."""
    reading = (
        "Ranges hold a mean of ours with 95 % confidence, or its difference to the row "
        f"{table.reference!r}: over the pictures' sources, and over the seeds where there are several. Accuracies are "
        "compared picture by picture, and seed by seed where rows have the same seeds; latencies by their ranges. Two "
        "rows are called different only where the range of their difference leaves out 0. That is judged for each pair "
        f"by itself: of twenty pairs that are alike, one may seem different. {mark}: the best of ours, where it is "
        "told apart from every other row."
    )
    disturbed = sorted(
        {verdict for row in table.rows for cell in row.ours.values() if cell for verdict in cell.verdicts}
    )
    unsteady = f"{UNSTEADY} measured {' or '.join(disturbed)}: the device was disturbed; do not decide by this figure."
    return (reading, *((unsteady,) if disturbed else ()), *table.notes)


def to_csv(table: Table) -> str:
    """Write a table for spreadsheets: mean, std, seeds, gap, both 95 % intervals and verdict, each in a column."""
    fields: dict[str, Callable[[Cell], float | str | None]] = {
        "mean": lambda cell: cell.mean,
        "std": lambda cell: cell.std,
        "seeds": lambda cell: cell.seeds,
        "gap": lambda cell: cell.gap,
        "low": lambda cell: cell.low,
        "high": lambda cell: cell.high,
        "gap_low": lambda cell: cell.gap_low,
        "gap_high": lambda cell: cell.gap_high,
        "verdict": lambda cell: ", ".join(cell.verdicts),
    }
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([table.kind, *(f"{metric}/{side}/{name}" for metric, side in _columns(table) for name in fields)])
    for row in table.rows:
        found = [_cell(row, *column) for column in _columns(table)]
        writer.writerow([row.label, *("" if cell is None else get(cell) for cell in found for get in fields.values())])
    for one in table.orderings:
        writer.writerow([f"the paper's ranking: {one.text}"])
    for line in table.departures:
        writer.writerow([f"departs from the paper: {line}"])
    return stream.getvalue()


def to_json(table: Table) -> dict[str, Any]:
    """A table as plain values, ready for `json.dumps`; `best` is `Table.best` by metric."""
    return {
        "ablation": table.kind,
        "title": table.title,
        "reference": table.reference,
        "metrics": [
            {"metric": name, "label": quantity(name).label, "unit": quantity(name).unit} for name in table.metrics
        ],
        "rows": to_plain(table.rows),
        "best": {name: table.best(name) for name in table.metrics},
        "orderings": to_plain(table.orderings),
        "departures": list(table.departures),
        "notes": list(table.notes),
    }


def _grid(table: Table, best: str) -> list[list[str]]:
    """Head and rows in words; `best` is how the text of the best of ours is marked."""
    columns = _columns(table)
    lines = [[table.kind.capitalize(), *(f"{quantity(metric).axis}, {side}" for metric, side in columns)]]
    for row in table.rows:
        cells = []
        for metric, side in columns:
            text = cell_text(_cell(row, metric, side), quantity(metric).paper_digits)
            cells.append(best.format(text) if side == "ours" and table.best(metric) == row.label else text)
        lines.append([row.label, *cells])
    return lines


def _columns(table: Table) -> list[tuple[str, str]]:
    """Metric and side of every column that is not empty."""
    pairs = [(metric, side) for metric in table.metrics for side in _SIDES]
    return [pair for pair in pairs if any(_cell(row, *pair) is not None for row in table.rows)]


def _cell(row: Row, metric: str, side: str) -> Cell | None:
    return (row.paper if side == "paper" else row.ours)[metric]


def metric_rows(table: Table, metric: str) -> tuple[list[str], list[list[str]]]:
    """One metric in at most 80 columns: below every figure stands how far it spreads; `*` marks the best of ours.

    Returns:
        The head, and two lines for each row of the table, or one where nothing is known of its spread.
    """
    digits, best = quantity(metric).paper_digits, table.best(metric)
    rows: list[list[str]] = []
    for row in table.rows:
        paper, ours = row.paper[metric], row.ours[metric]
        first, second = [row.label, "–", "–", ""], ["", "", "", ""]
        if paper is not None:
            first[1] = f"{_mean(paper, digits)} ({_gap(paper, digits)})"
            second[1] = _deviation(paper, digits)
        if ours is not None:
            first[2] = f"{_mean(ours, digits)} {_deviation(ours, digits)}".strip() + (" *" if row.label == best else "")
            second[2] = _span(ours.low, ours.high, digits)
            first[3], second[3] = _gap(ours, digits), _span(ours.gap_low, ours.gap_high, digits, "+")
        rows += [first, second] if any(second) else [first]
    head = [quantity(metric).axis, "paper", "ours, 95 %", "difference, 95 %"]
    if any(row.paper[metric] for row in table.rows):
        return head, rows
    return [head[0], *head[2:]], [[cells[0], *cells[2:]] for cells in rows]


def cell_text(cell: Cell | None, digits: int) -> str:
    """A cell in words: `21.25 ± 0.31 [20.80 to 21.70] (+0.49, +0.40 to +0.58)`, with a mark if measured disturbed."""
    if cell is None:
        return "–"
    own, between = _span(cell.low, cell.high, digits), _span(cell.gap_low, cell.gap_high, digits, "+")
    gap = ", ".join(filter(None, (_gap(cell, digits), between)))
    parts = (_mean(cell, digits), _deviation(cell, digits), f"[{own}]" if own else "", f"({gap})" if gap else "")
    return " ".join(filter(None, parts))


def _mean(cell: Cell, digits: int) -> str:
    return f"{cell.mean:.{digits}f}{UNSTEADY if cell.verdicts else ''}"


def _deviation(cell: Cell, digits: int) -> str:
    return "" if cell.std is None else f"± {cell.std:.{digits}f}"


def _gap(cell: Cell, digits: int) -> str:
    return "" if cell.gap is None else f"{cell.gap:+.{digits}f}"


def _span(low: float | None, high: float | None, digits: int, sign: str = "") -> str:
    """`20.80 to 21.70`; empty where an end is not known."""
    return "" if low is None or high is None else f"{low:{sign}.{digits}f} to {high:{sign}.{digits}f}"

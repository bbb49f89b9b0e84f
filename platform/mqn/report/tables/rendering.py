"""Ablation tables as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from mqn.parsing import to_plain
from mqn.quantities import quantity
from mqn.report.tables.ablation import Cell, Row, Table
from mqn.text.markdown import escape

_SIDES = ("paper", "ours")
UNSTEADY = "†"
DEPARTS = "Ours departs from the paper in:"


def to_markdown(table: Table) -> str:
    """Write a table for people: `mean ± std (gap)`, our best row bold if it is told apart from every other."""
    columns = _columns(table)
    head = [table.kind.capitalize(), *(f"{quantity(metric).axis}, {side}" for metric, side in columns)]
    lines = [head, ["---", *("---:" for _ in columns)]]
    for row in table.rows:
        cells = []
        for column in columns:
            text = cell_text(_cell(row, *column), quantity(column[0]).paper_digits)
            cells.append(f"**{text}**" if column[1] == "ours" and table.best(column[0]) == row.label else text)
        lines.append([row.label, *cells])
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    departed = "\n".join(f"- {escape(line)}" for line in table.departures)
    notes = "\n".join(f"- {note}" for note in words(table))
    apart = f"{DEPARTS}\n\n{departed}\n\n" if departed else ""
    return f"## {table.title}\n\n{body}\n\n{apart}{notes}\n"


def words(table: Table) -> tuple[str, ...]:
    """Notes on how to read a table."""
    reading = (
        f"In brackets: the difference to the row {table.reference!r}; of our accuracies with its 95 % interval, where "
        "the pictures' scores are there: rows are compared picture by picture, and the interval is over the pictures' "
        "sources, and over the seeds where there are several (rows of the same trainings are paired by seed too). "
        "Bold: the best of ours, where it is told apart from every other row: accuracies by that difference, latencies "
        "by their intervals."
    )
    marked = sorted({verdict for row in table.rows for cell in row.ours.values() if cell for verdict in cell.verdicts})
    mark = f"{UNSTEADY} measured {' or '.join(marked)}: the device was disturbed; do not decide by this figure."
    return (reading, *((mark,) if marked else ()), *table.notes)


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
        "departures": list(table.departures),
        "notes": list(table.notes),
    }


def _columns(table: Table) -> list[tuple[str, str]]:
    """Metric and side of every column that is not empty."""
    pairs = [(metric, side) for metric in table.metrics for side in _SIDES]
    return [pair for pair in pairs if any(_cell(row, *pair) is not None for row in table.rows)]


def _cell(row: Row, metric: str, side: str) -> Cell | None:
    return (row.paper if side == "paper" else row.ours)[metric]


def cell_text(cell: Cell | None, digits: int) -> str:
    """A cell in words: `21.25 ± 0.31 (+0.49, +0.40 to +0.58)`, with a mark where its measurement was disturbed."""
    if cell is None:
        return "–"
    deviation = "" if cell.std is None else f" ± {cell.std:.{digits}f}"
    known = cell.gap_low is not None and cell.gap_high is not None
    span = f", {cell.gap_low:+.{digits}f} to {cell.gap_high:+.{digits}f}" if known else ""
    gap = "" if cell.gap is None else f" ({cell.gap:+.{digits}f}{span})"
    return f"{cell.mean:.{digits}f}{UNSTEADY if cell.verdicts else ''}{deviation}{gap}"

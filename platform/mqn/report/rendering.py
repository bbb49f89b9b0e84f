"""Ablation tables as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from mqn.parsing import to_plain
from mqn.quantities import quantity
from mqn.report.tables import Cell, Row, Table

_SIDES = ("paper", "ours")


def to_markdown(table: Table) -> str:
    """Write a table for people: `mean ± std (gap)`, the best of each column in bold.

    Args:
        table: what `mqn.report.tables.ablation` made.
    """
    columns = _columns(table)
    best = {column: _best(table, *column) for column in columns}
    head = [table.kind.capitalize(), *(f"{quantity(metric).axis}, {side}" for metric, side in columns)]
    lines = [head, ["---", *("---:" for _ in columns)]]
    for row in table.rows:
        cells = []
        for column in columns:
            cell = _cell(row, *column)
            text = _text(cell, quantity(column[0]).paper_digits)
            cells.append(f"**{text}**" if cell is not None and cell.mean == best[column] else text)
        lines.append([row.label, *cells])
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    gaps = f"In brackets: the difference to the row {table.reference!r}. Bold: the best of its column."
    notes = "\n".join(f"- {note}" for note in (gaps, *table.notes))
    return f"## {table.title}\n\n{body}\n\n{notes}\n"


def to_csv(table: Table) -> str:
    """Write a table for spreadsheets: mean, std, seeds and gap of the paper and of ours in columns of their own."""
    fields: dict[str, Callable[[Cell], float | None]] = {
        "mean": lambda cell: cell.mean,
        "std": lambda cell: cell.std,
        "seeds": lambda cell: cell.seeds,
        "gap": lambda cell: cell.gap,
    }
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([table.kind, *(f"{metric}/{side}/{name}" for metric, side in _columns(table) for name in fields)])
    for row in table.rows:
        found = [_cell(row, *column) for column in _columns(table)]
        writer.writerow([row.label, *("" if cell is None else get(cell) for cell in found for get in fields.values())])
    return stream.getvalue()


def to_json(table: Table) -> dict[str, Any]:
    """A table as plain values, ready for `json.dumps`."""
    return {
        "ablation": table.kind,
        "title": table.title,
        "reference": table.reference,
        "metrics": [
            {"metric": name, "label": quantity(name).label, "unit": quantity(name).unit} for name in table.metrics
        ],
        "rows": to_plain(table.rows),
        "notes": list(table.notes),
    }


def _columns(table: Table) -> list[tuple[str, str]]:
    """Metric and side of every column that holds anything."""
    pairs = [(metric, side) for metric in table.metrics for side in _SIDES]
    return [pair for pair in pairs if any(_cell(row, *pair) is not None for row in table.rows)]


def _cell(row: Row, metric: str, side: str) -> Cell | None:
    return (row.paper if side == "paper" else row.ours)[metric]


def _best(table: Table, metric: str, side: str) -> float:
    means = [cell.mean for row in table.rows if (cell := _cell(row, metric, side)) is not None]
    return max(means) if quantity(metric).direction == "maximize" else min(means)


def _text(cell: Cell | None, digits: int) -> str:
    if cell is None:
        return "–"
    deviation = "" if cell.std is None else f" ± {cell.std:.{digits}f}"
    gap = "" if cell.gap is None else f" ({cell.gap:+.{digits}f})"
    return f"{cell.mean:.{digits}f}{deviation}{gap}"

"""The paper's ranking of a table's rows by each metric, and whether ours has it too."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mqn.families.paper import PaperTable
from mqn.quantities import quantity
from mqn.report.tables.cells import Column

Verdict = Literal["holds here", "the other way round here", "not told apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """Two neighbours of the paper's ranking by one metric.

    Attributes:
        metric: the figure.
        first: label of the row that is the better one in the paper.
        second: label of the row that comes next.
        paper: the first row's mean minus the second's, in the paper.
        ours: the same of ours.
        low: where ours lies with 95 % confidence (`Column.apart`); None where nothing tells.
        high: likewise.
        verdict: told by that interval alone.
        unknown: why nothing tells, in words; empty where something does.
    """

    metric: str
    first: str
    second: str
    paper: float
    ours: float
    low: float | None
    high: float | None
    verdict: Verdict
    unknown: str = ""

    @property
    def text(self) -> str:
        """In words: `psnr_tm: CA above SA: holds here (+0.42, +0.10 to +0.75)`."""
        known = quantity(self.metric)
        digits, side = known.paper_digits, "above" if known.direction == "maximize" else "below"
        span = f"; {self.unknown}"
        if self.low is not None and self.high is not None:
            span = f", {self.low:+.{digits}f} to {self.high:+.{digits}f}"
        return f"{self.metric}: {self.first} {side} {self.second}: {self.verdict} ({self.ours:+.{digits}f}{span})"


def orderings(table: PaperTable, columns: Mapping[str, Column]) -> tuple[Ordering, ...]:
    """Compare the paper's ranking with ours, from its best row to its worst, neighbour by neighbour.

    Neighbours say the whole ranking in the fewest lines; gaps to the reference row stand in the table itself. A row
    that we have no figure of is left out of the ranking, and rows that the paper has level have no order.

    Args:
        table: the paper's.
        columns: ours, by metric.
    """
    found = []
    for metric in table.metrics:
        column, sign = columns[metric], -1.0 if quantity(metric).direction == "maximize" else 1.0
        published = [row for row in table.rows if metric in row.figures and row.label in column.cells]
        means = {row.label: row.figures[metric].mean for row in published}
        ranking = sorted(means, key=lambda label: sign * means[label])
        found += [
            _compare(column, first, second, means[first] - means[second])
            for first, second in itertools.pairwise(ranking)
            if means[first] != means[second]
        ]
    return tuple(found)


def _compare(column: Column, first: str, second: str, paper: float) -> Ordering:
    told = column.apart(first, second)
    ours = column.cells[first].mean - column.cells[second].mean if told is None else told.mean
    verdict: Verdict = "not told apart"
    if told is not None and (told.low > 0 or told.high < 0):
        verdict = "holds here" if (told.low > 0) == (paper > 0) else "the other way round here"
    return Ordering(
        metric=column.metric,
        first=first,
        second=second,
        paper=paper,
        ours=ours,
        low=None if told is None else told.low,
        high=None if told is None else told.high,
        verdict=verdict,
        unknown=column.unknown(first, second) if told is None else "",
    )

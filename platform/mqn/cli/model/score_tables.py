"""What `mqn score` prints: means, differences, and both again for each kind of input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mqn.cli import output as out
from mqn.quantities import quantity

if TYPE_CHECKING:
    from mqn.scoring.comparison import Difference
    from mqn.scoring.result import Result
    from mqn.scoring.summary import Summary

COLUMNS = 6
"""Metrics side by side in one table; further ones follow below, the methods in the same order."""


def print_result(result: Result, *, by_condition: bool) -> None:
    """Print a result on stdout."""
    overall = result.overall
    if not overall.summaries:
        return
    if len(overall.summaries) == 1:
        ((name, summary),) = overall.summaries.items()
        _print_one(name, summary)
    else:
        _print_means(overall.summaries, result.request.metrics, "")
    _print_differences(result, overall.differences, "")
    if by_condition:
        for label, ranking in result.conditions.items():
            _print_means(ranking.summaries, result.request.metrics, f"{label}: ")
            _print_differences(result, ranking.differences, f"{label}: ")
    out.line(result.stated)
    if result.request.output:
        out.line(f"written: {result.request.output}   (look at {result.request.output / 'sheet.html'})")


def _print_one(name: str, summary: Summary) -> None:
    from mqn.scoring.wording import figure_text

    out.table(
        ["metric", "mean", "95 % from", "to", "pictures"],
        [
            [quantity(metric).axis, *(figure_text(metric, v) for v in (f.mean, f.low, f.high)), str(f.n)]
            for metric, f in summary.scores.items()
        ],
        title=f"{name}: {summary.pictures} pictures of {summary.sources} sources",
    )


def _print_means(summaries: Mapping[str, Summary], metrics: Sequence[str], title: str) -> None:
    from mqn.scoring.wording import figure_text, interval_text

    def cell(name: str, metric: str) -> tuple[str, ...]:
        summary = summaries[name]
        figure = summary.scores[metric]
        lines = figure_text(metric, figure.mean), interval_text(metric, figure)
        return lines if figure.n == summary.pictures else (*lines, f"n = {figure.n}")

    counts = sorted({summary.pictures for summary in summaries.values()})
    pictures = f"{counts[0]} pictures" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} pictures"
    _print_blocks(
        list(summaries), metrics, cell, f"{title}{pictures}, means and 95 % intervals over sources", rank=True
    )


def _print_differences(result: Result, differences: Mapping[str, Mapping[str, Difference]], title: str) -> None:
    from mqn.scoring.wording import difference_text, interval_text, p_text

    if not differences:
        return

    def cell(name: str, metric: str) -> tuple[str, ...]:
        difference = differences[name][metric]
        return difference_text(metric, difference.mean), interval_text(metric, difference), p_text(difference.p)

    words = f"{title}minus {result.request.against} on the same pictures, 95 % intervals and sign flips over sources"
    _print_blocks(list(differences), result.request.metrics, cell, words, rank=False)


def _print_blocks(
    names: Sequence[str], metrics: Sequence[str], cell: Callable[[str, str], out.Cell], title: str, *, rank: bool
) -> None:
    from mqn.scoring.wording import short_names

    short = short_names(names)
    for start in range(0, len(metrics), COLUMNS):
        block = metrics[start : start + COLUMNS]
        rows: list[list[out.Cell]] = [
            [*([str(place)] if rank else []), short[name], *(cell(name, metric) for metric in block)]
            for place, name in enumerate(names, start=1)
        ]
        heads = [*([""] if rank else []), "method", *(quantity(metric).axis for metric in block)]
        # Not the table's own title, which would be broken to its width.
        out.line(title)
        out.table(heads, rows)

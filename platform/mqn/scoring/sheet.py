"""A contact sheet: one HTML file with the figures and the worst, median and best pictures of each method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mqn.errors import DataError
from mqn.look import blocks
from mqn.look.page import render, write_page
from mqn.quantities import quantity
from mqn.scoring.comparison import LEVEL, Difference
from mqn.scoring.judging.ledger import Line
from mqn.scoring.result import Ranking, Result
from mqn.scoring.summary import Summary
from mqn.scoring.tiles import DECADES, Tiles
from mqn.scoring.wording import difference_text, figure_text, interval_text, p_text, short_names

EACH = 3
"""Pictures of each group: worst, median, best."""

_CAPTIONS = {"ldr": "input", "prediction": "prediction", "truth": "truth", "error": "error"}
_NOTE = (
    "Paired differences with 95 % bootstrap intervals over sources, and the p-value of a sign-flip permutation test; "
    f"in colour where p < {LEVEL:g}, not corrected for their number."
)


def choose(lines: Mapping[int, Line], metric: str) -> dict[str, list[int]]:
    """Choose the `EACH` worst, median and best pictures of a method by a measure; no picture twice, the worst first."""
    sign = 1 if quantity(metric).direction == "maximize" else -1
    known = [(sign * value, index) for index, line in lines.items() if (value := line.figures[metric]) is not None]
    order = [index for _, index in sorted(known)]
    if len(order) <= 3 * EACH:
        third = -(-len(order) // 3)
        return {"worst": order[:third], "median": order[third : len(order) - third], "best": order[third:][-third:]}
    middle = (len(order) - EACH) // 2
    return {"worst": order[:EACH], "median": order[middle : middle + EACH], "best": order[-EACH:]}


def write_sheet(
    path: Path,
    result: Result,
    chosen: Mapping[str, Mapping[str, list[int]]],
    tiles: Mapping[tuple[str, int], Tiles],
) -> None:
    """Write the sheet.

    `chosen` are picture indices by method and group. A picture without tiles is shown by its figures alone.

    Raises:
        DataError: the file cannot be written.
    """
    short = short_names(result.overall.summaries)
    anchors = {name: f"m{place}" for place, name in enumerate(result.overall.summaries)}
    intro: list[blocks.Block] = [
        blocks.Text(f"{result.stated} · worst, median and best by {quantity(result.request.metrics[0]).label}"),
        blocks.Links(tuple((anchor, short[name]) for name, anchor in anchors.items())),
        blocks.Scale(
            "Prediction and truth through Reinhard's operator at the truth's exposure. Error of log luminance: 0",
            f"{DECADES:g} decade and above",
        ),
    ]
    sections = [blocks.Section(title="Ranked", blocks=_tables(result, result.overall, short))]
    if result.conditions:
        folds = (blocks.Fold(label, _tables(result, ranking, short)) for label, ranking in result.conditions.items())
        sections.append(blocks.Section(title="By kind of input", blocks=tuple(folds)))
    sections += [
        blocks.Section(title=name, blocks=tuple(_pictures(result, name, chosen[name], tiles)), anchor=anchor)
        for name, anchor in anchors.items()
    ]
    write_page(path, render("Scores", intro, sections), DataError)


def _tables(result: Result, ranked: Ranking, short: Mapping[str, str]) -> tuple[blocks.Block, ...]:
    metrics = tuple(blocks.Cell(text=quantity(name).axis, kind="number") for name in result.request.metrics)
    method = blocks.Cell(text="method")
    means = tuple(
        blocks.Row(
            cells=(
                blocks.Cell(text=str(place), value=place),
                blocks.Cell(
                    text=short[name],
                    kind="key",
                    notes=(f"{summary.pictures} pictures, {summary.sources} sources",),
                ),
                *_mean_cells(summary),
            )
        )
        for place, (name, summary) in enumerate(ranked.summaries.items(), start=1)
    )
    means_table = blocks.Table(head=(blocks.Cell(text=""), method, *metrics), rows=means)
    if not ranked.differences:
        return (means_table,)
    paired = tuple(
        blocks.Row(cells=(blocks.Cell(text=short[name], kind="key"), *_difference_cells(by_metric)))
        for name, by_metric in ranked.differences.items()
    )
    heading = blocks.Heading(f"Minus {result.request.against}, on the same pictures")
    return means_table, heading, blocks.Table(head=(method, *metrics), rows=paired), blocks.Text(_NOTE)


def _mean_cells(summary: Summary) -> Iterator[blocks.Cell]:
    for metric, figure in summary.scores.items():
        count = "" if figure.n == summary.pictures else f" n={figure.n}"
        note = f"{interval_text(metric, figure)}{count}"
        yield blocks.Cell(text=figure_text(metric, figure.mean), kind="number", notes=(note,))


def _difference_cells(differences: Mapping[str, Difference]) -> Iterator[blocks.Cell]:
    for metric, difference in differences.items():
        better = difference.mean is not None and (difference.mean > 0) == (quantity(metric).direction == "maximize")
        sure = difference.p is not None and difference.p < LEVEL
        yield blocks.Cell(
            text=difference_text(metric, difference.mean),
            kind="number",
            tone=("good" if better else "bad") if sure else "",
            notes=(interval_text(metric, difference), p_text(difference.p)),
        )


def _pictures(
    result: Result, name: str, groups: Mapping[str, list[int]], tiles: Mapping[tuple[str, int], Tiles]
) -> Iterator[blocks.Block]:
    for group, indices in groups.items():
        if indices:
            yield blocks.Heading(group.capitalize())
            lines = result.lines[name]
            cards = (_card(lines[index], result.request.metrics, tiles.get((name, index))) for index in indices)
            yield blocks.Cards(cards=tuple(cards))


def _card(line: Line, metrics: tuple[str, ...], tiles: Tiles | None) -> blocks.Card:
    figures = [(quantity(metric).label, figure_text(metric, line.figures[metric])) for metric in metrics]
    shown = (
        () if tiles is None else (blocks.Picture(getattr(tiles, part), caption) for part, caption in _CAPTIONS.items())
    )
    return blocks.Card(
        pictures=tuple(shown),
        name=line.name,
        lead=figures[0][1],
        note=f"{line.condition} · {line.width} x {line.height}",
        facts=blocks.Facts(tuple(figures[1:])),
    )

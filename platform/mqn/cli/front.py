"""`mqn front`: a study's Pareto front as a table, a picture, an interactive page, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, check_files
from mqn.profile import load_profile
from mqn.quantities import quantity

if TYPE_CHECKING:
    from mqn.records import Range
    from mqn.report.front import Front
    from mqn.report.points import Axis, Point


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("front", epilog="Example: mqn front smoke --html front.html --png front.png")(front)


def front(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    device: Annotated[
        str | None,
        typer.Option(help="Device whose figures count; other devices' objectives are left out. Default: all."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write an interactive page that works offline.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture.")] = None,
    board: Annotated[
        str, typer.Option(help="What the page shows: a board in dashboards/ or a .toml file.")
    ] = "default",
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """The trials that no other trial beats in every objective, constraints kept."""
    from mqn.report.board import load_board
    from mqn.report.front import front as find
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.census import records
    from mqn.search.study import open_study

    shown = load_board(board)
    settings = load_profile(profile)
    opened = open_study(study, settings.study_url)
    found = records(opened)
    best = find(found, opened.space.objectives, device, opened.space.constraints)
    check_files(png, html)
    if png is not None:
        from mqn.report.figures import write_front_png

        write_front_png(best, png)
    if html is not None:
        from mqn.report.page import write_page

        write_page(found, opened.space, shown, html, store=ArtifactStore(settings.artifacts), device=device)
    if json:
        output.document(best.plain())
        return
    show_front(best)
    for path in (png, html):
        if path is not None:
            output.line(f"written: {path}")


def show_front(best: Front) -> None:
    """Print a front as a table: latencies with their 95 % ranges, trials that they do not tell apart, constraints."""
    same = [" ".join(f"#{number}" for number in numbers) for numbers in best.indistinct]
    limited = [constraint.metric for constraint in best.constraints]
    more = [metric for metric in dict.fromkeys(limited) if metric not in [axis.metric for axis in best.axes]]
    columns = ["trial", "candidate", *(axis.quantity.axis for axis in best.axes), *(quantity(m).axis for m in more)]
    output.table(
        [*columns, *(["latency ≈"] if any(same) else []), "verdict"],
        [
            [*_cells(best, point, more), *([others] if any(same) else []), _verdict(point)]
            for point, others in zip(best.points, same, strict=True)
        ],
        title=f"{best.study}: {best.caption}",
    )
    if best.limits:
        output.line(best.limits)
    if any(same):
        output.line("latency ≈: 95 % ranges overlap, so that neither can be called faster; tell them apart with")
        output.line("mqn measure MODEL --against MODEL2")
    if best.held:
        output.table(
            [*columns, "verdict"],
            [[*_cells(best, point, more), _verdict(point)] for point in best.held],
            title="waiting for a steady device: their figures are of a disturbed one, and no front takes them",
        )


def _cells(best: Front, point: Point, more: Sequence[str]) -> list[str]:
    from mqn.report.certainty import figures_of

    figures = figures_of(point.record, best.device)
    return [
        str(point.record.number),
        point.record.label,
        *map(_cell, best.axes, point.values, point.ranges),
        *(quantity(metric).text(figures[metric]) if metric in figures else "" for metric in more),
    ]


def _cell(axis: Axis, value: float, found: Range | None) -> str:
    text = axis.quantity.text
    return text(value) if found is None else f"{text(value)} ({text(found.low)} to {text(found.high)})"


def _verdict(point: Point) -> str:
    return ", ".join(sorted(set(point.record.verdicts.values())))

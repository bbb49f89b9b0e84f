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
    from mqn.report.front.front import Front
    from mqn.report.front.points import Axis, Point

EXAMPLE = "mqn front smoke --html front.html --png front.png"


def front(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    device: Annotated[
        str | None,
        typer.Option(help="Device whose figures count; other devices' objectives are left out. Default: all."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write an interactive page that works offline.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture.")] = None,
    dashboard: Annotated[
        str, typer.Option("--dashboard", "--board", help="What the page shows: a file in dashboards/ or a .toml file.")
    ] = "default",
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show the trials that keep the constraints and that no other trial beats in every objective.

    A latency has its 95 % range. An accuracy has the range of its difference from the best on the same pictures: much
    narrower than the spread over pictures, because what is hard for both drops out.
    """
    from mqn.report.front.front import front as find
    from mqn.report.front.scorebook import Scorebook
    from mqn.report.pages.dashboard import load_dashboard
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records

    shown = load_dashboard(dashboard)
    settings = load_profile(profile)
    opened = open_study(study, settings.study_url)
    found = records(opened)
    store = ArtifactStore.of(settings.storage)
    best = find(found, opened.space.objectives, device, opened.space.constraints, Scorebook(store))
    check_files(png, html)
    if png is not None:
        from mqn.report.figures.front_picture import write_front_png

        write_front_png(best, png)
    if html is not None:
        from mqn.report.pages.page import write_page

        write_page(found, opened.space, shown, html, store=store, device=device)
    if json:
        output.document(best.plain())
        return
    show_front(best)
    for path in (png, html):
        if path is not None:
            output.line(f"written: {path}")


def show_front(best: Front) -> None:
    """Print a front as a table, with 95 % ranges and the trials that cannot be told apart."""
    same, alike = ([" ".join(f"#{n}" for n in numbers) for numbers in told] for told in (best.indistinct, best.alike))
    marks = [(words, told) for words, told in (("latency ≈", same), ("all ≈", alike)) if any(told)]
    limited = [constraint.metric for constraint in best.constraints]
    more = [metric for metric in dict.fromkeys(limited) if metric not in [axis.metric for axis in best.axes]]
    columns = ["trial", "candidate", *(axis.quantity.axis for axis in best.axes), *(quantity(m).axis for m in more)]
    output.table(
        [*columns, *(words for words, _ in marks), "verdict"],
        [
            [*_cells(best, point, more), *(told[row] for _, told in marks), _verdict(point)]
            for row, point in enumerate(best.points)
        ],
        title=f"{best.study}: {best.caption}",
    )
    if best.limits:
        output.line(best.limits)
    for line in best.reading:
        output.line(line)
    if any(same):
        output.line("latency ≈: 95 % ranges overlap, so that neither can be called faster; tell them apart with")
        output.line("mqn measure MODEL --against MODEL2")
    if any(alike):
        output.line("all ≈: neither is better in any objective, as far as these pictures and measurements tell")
    if best.held:
        output.table(
            [*columns, "verdict"],
            [[*_cells(best, point, more), _verdict(point)] for point in best.held],
            title="waiting for a steady device: their figures are of a disturbed one, and no front takes them",
        )


def _cells(best: Front, point: Point, more: Sequence[str]) -> list[str]:
    figures = point.record.figures_by_name(best.device)
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

"""`mqn front`: the Pareto front of a study, or of several, as a table, a picture, an interactive page, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, check_files
from mqn.errors import UsageError
from mqn.profile import load_profile
from mqn.quantities import quantity

if TYPE_CHECKING:
    from mqn.records import Range
    from mqn.report.front.front import Front
    from mqn.report.front.overlay import Overlay
    from mqn.report.front.points import Axis, Point

EXAMPLE = "mqn front smoke --html front.html --png front.png"


def front(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY...", help="A study's name; several are laid over each other.")
    ],
    device: Annotated[
        str | None,
        typer.Option(help="Device whose figures count; other devices' objectives are left out. Default: all."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write an interactive page that works offline.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture.")] = None,
    dashboard: Annotated[
        str, typer.Option("--dashboard", "--board", help="What the page shows: a file in dashboards/ or a .toml file.")
    ] = "default",
    attainment: Annotated[
        bool,
        typer.Option(
            "--attainment",
            help="Take all studies for runs of one search: show what one, half and all of them attain. Studies that "
            "differ by their seeds alone are taken so by themselves.",
        ),
    ] = False,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show the trials that keep the constraints and that no other trial beats in every objective.

    Fronts of several studies stand in one table and one chart, with hypervolumes from one reference point.

    A latency has its 95 % range. An accuracy has the range of its difference from the best on the same pictures: much
    narrower than the spread over pictures, because what is hard for both drops out.
    """
    if len(studies) > 1 or attainment:
        if dashboard != "default":
            raise UsageError(f"--dashboard {dashboard} is for the page of one study; leave it out, or name one study")
        _overlay(studies, device, html, png, profile, attainment=attainment, json=json)
        return
    (study,) = studies
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


def _overlay(
    names: Sequence[str],
    device: str | None,
    html: Path | None,
    png: Path | None,
    profile: str,
    *,
    attainment: bool,
    json: bool,
) -> None:
    from mqn.report.front.overlay import Told, overlay
    from mqn.report.front.scorebook import Scorebook
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records

    if len(set(names)) < max(2, len(names)):
        raise UsageError(f"{' '.join(names)}: several fronts need several studies; name each once")
    settings = load_profile(profile)
    told = [
        Told(
            name=opened.name,
            records=records(opened),
            objectives=opened.space.objectives,
            constraints=opened.space.constraints,
            definition=opened.space.definition,
            data_hash=opened.about.data_hash,
            devices=opened.optuna.user_attrs.get("devices", {}),
            simulated=opened.about.simulated,
        )
        for opened in (open_study(name, settings.study_url) for name in names)
    ]
    found = overlay(told, device, together=attainment, book=Scorebook(ArtifactStore.of(settings.storage)))
    check_files(png, html)
    if png is not None:
        from mqn.report.figures.overlay_picture import write_overlay_png

        write_overlay_png(found, png)
    if html is not None:
        from mqn.report.pages.overlay import write_overlay_page

        write_overlay_page(found, html)
    if json:
        output.document(found.plain())
        return
    show_overlay(found)
    for path in (png, html):
        if path is not None:
            output.line(f"written: {path}")


def show_overlay(found: Overlay) -> None:
    """Print several fronts as tables: the studies, the members of all fronts, and what so many studies attain."""
    figures = [axis.quantity.axis for axis in found.axes]
    output.table(
        ["study", "front", "hypervolume"],
        [[one.study, one.caption, text] for one, text in zip(found.fronts, found.volume_texts, strict=True)],
        title=f"hypervolumes from {found.reference_text}",
    )
    output.table(
        ["study", "trial", "candidate", *figures, "verdict"],
        [
            [
                one.study,
                str(point.record.number),
                point.record.label,
                *map(_cell, one.axes, point.values, point.ranges),
                _verdict(point),
            ]
            for one in found.fronts
            for point in one.points
        ],
    )
    if found.surfaces:
        rows = [[one.words, str(len(one.points)), found.volume_text(one.volume)] for one in found.surfaces]
        output.table(["surface", "corners", "hypervolume"], rows)
        output.line("the corners of the surfaces: --json, --html")
    for one in found.fronts:
        for line in (one.limits, *one.reading):
            if line:
                output.line(f"{one.study}: {line}")
    for line in found.notes:
        output.line(line)


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

"""`mqn search`: runs or resumes a study."""

from __future__ import annotations

from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Data, Json, ProfileName, Settings, parse_settings
from mqn.errors import NothingSatisfiesError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("search", epilog="Example: mqn search attention --data photos --set training.epochs=20")(search)


def search(
    space: Annotated[str, typer.Argument(help="What to search: a name in search_spaces/ or a .toml file.")],
    profile: ProfileName = "default",
    trials: Annotated[
        int | None, typer.Option(help="Trials that the study has in the end. Default: the space's number.")
    ] = None,
    study: Annotated[str | None, typer.Option(help="The study's name. Default: the space's.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a study; nothing runs twice.")] = False,
    seed: Annotated[int | None, typer.Option(help="Of the sampler and of every training.")] = None,
    data: Data = None,
    settings: Settings = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Every trial takes this trained network instead of training one; the space varies plans."),
    ] = None,
    parallel: Annotated[
        int | None, typer.Option(help="Trials on their way at a time. Default: as many as keep the machine busy.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Begin no trial after so many hours.")] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="Measure on this: a device, 'kind:...' or 'soc:...'. Repeat for several; each then has objectives of "
            "its own."
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --resume: try the failed trials once more.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            help="Let measurements with this verdict count: contended, unsteady or throttled. May be repeated; such "
            "figures are marked."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Search a space: every trial trains, exports, scores and measures a real model. Ctrl-C stops, --resume goes on."""
    from mqn.cli.front import show_front
    from mqn.cli.tracking import load_tracked
    from mqn.report.front import front
    from mqn.search.census import records, say_counts
    from mqn.search.driver import SearchRequest, run_search
    from mqn.search.study import open_study

    settled = load_tracked(profile)
    summary = run_search(
        SearchRequest(
            space=space,
            profile=profile,
            trials=trials,
            study=study,
            resume=resume,
            seed=seed,
            data=data,
            overrides=parse_settings(settings),
            parallel=parallel,
            hours=hours,
            targets=tuple(device or ()),
            checkpoint=checkpoint,
            retry_failed=retry_failed,
            accept=tuple(accept or ()),
        ),
        output.note,
    )
    output.note(
        f"{summary.study}: {say_counts(summary.trials)}; {summary.trainings} trainings; {summary.seconds:.0f} s"
    )
    if summary.unsent:
        output.note(f"not tracked yet: {summary.unsent}")
    if summary.stopped == "exhausted":
        output.note("the space is exhausted: each of its points has been tried")
    for line in summary.held:
        output.note(line)
    if summary.advice and not summary.held:
        output.note(f"{summary.stopped}; go on with: {summary.advice}")
    opened = open_study(summary.study, settled.study_url)
    found = records(opened)
    if summary.trials.get("failed"):
        output.note(f"why trials failed: mqn status {summary.study} --profile {profile}")
    try:
        best = front(found, opened.space.objectives, constraints=opened.space.constraints)
    except NothingSatisfiesError:
        if summary.stopped == "interrupted":
            raise typer.Exit(130) from None
        raise
    if json:
        output.document({"summary": summary, **best.plain()})
    else:
        show_front(best)
    if summary.stopped == "interrupted":
        raise typer.Exit(130)

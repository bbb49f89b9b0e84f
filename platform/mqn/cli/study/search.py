"""`mqn search`: runs or resumes a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Data, Json, ProfileName, Settings, parse_settings
from mqn.errors import NothingSatisfiesError

if TYPE_CHECKING:
    from mqn.search.study.driver import StudySummary

EXAMPLE = "mqn search attention --data photos --set training.epochs=20"


def search(
    context: typer.Context,
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
    budget: Annotated[
        list[str] | None,
        typer.Option(
            help="What the study may spend in all, on any driver: trainings, epochs, training_hours, "
            "cpu_hours, gpu_hours or device_hours. May be repeated.",
            metavar="NAME=NUMBER",
        ),
    ] = None,
    stall: Annotated[
        str | None,
        typer.Option(
            help="End when the front's hypervolume has grown by less than GAIN (0.01: one percent) over so many "
            "trainings; 'off': never. Default: [stall] of the space.",
            metavar="TRAININGS:GAIN",
        ),
    ] = None,
    confirm: Annotated[
        int | None,
        typer.Option(
            help="When the search is over, train each trial of the front again with so many further seeds, and score "
            "and measure it again. With --resume also on a finished study, which keeps its number of trials. Default: "
            "[confirm] of the space.",
            metavar="SEEDS",
        ),
    ] = None,
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
    weight: Annotated[
        float | None,
        typer.Option(help="On a cluster that several studies share: one of weight 2 gets twice as much. Default: 1."),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            help="Let measurements with this verdict count: contended, unsteady or throttled. May be repeated; such "
            "figures are marked."
        ),
    ] = None,
    warm_start: Annotated[
        list[str] | None,
        typer.Option(
            help="Learn from this earlier study too: accuracy from any device, latency from the same. May be repeated.",
            metavar="STUDY",
        ),
    ] = None,
    submit: Annotated[
        str | None,
        typer.Option(
            help="Run the search on this cluster, by its job server's address; it goes on when this machine is off.",
            metavar="http://HEAD:8265",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Search a space: a trial trains, exports, scores and measures a real model. Ctrl-C stops, --resume continues."""
    if submit is not None:
        from mqn.cli.study.submission import submit_search

        submit_search(context, submit, profile, json=json)
        return
    from mqn.cli.study.front import show_front
    from mqn.cli.study.live_progress import LiveProgress
    from mqn.cli.system.tracking import load_tracked
    from mqn.report.front.front import front
    from mqn.report.front.hypervolume import final_hypervolume
    from mqn.report.front.scorebook import Scorebook
    from mqn.report.front.tracked import write_tracked_front
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.study.driver import SearchRequest, run_search
    from mqn.search.study.request import parse_budget
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records

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
            budget=parse_budget(budget),
            targets=tuple(device or ()),
            checkpoint=checkpoint,
            retry_failed=retry_failed,
            weight=weight,
            accept=tuple(accept or ()),
            stall=stall,
            confirm=confirm,
            warm_start=tuple(warm_start or ()),
        ),
        output.note,
        LiveProgress,
        volume=final_hypervolume,
        front=write_tracked_front,
    )
    _tell_end(summary)
    if summary.unmet:
        raise NothingSatisfiesError(summary.unmet)
    opened = open_study(summary.study, settled.study_url)
    found = records(opened)
    if summary.trials.get("failed"):
        output.note(f"why trials failed: mqn trials {summary.study} --profile {profile}")
    try:
        book = Scorebook(ArtifactStore.of(settled.storage))
        best = front(found, opened.space.objectives, constraints=opened.space.constraints, book=book)
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


def _tell_end(summary: StudySummary) -> None:
    """Say what became of the study, and how to go on."""
    from mqn.search.study.trials import say_counts

    output.note(
        f"{summary.study}: {say_counts(summary.trials)}; trainings: {summary.trainings}; {summary.seconds:.0f} s"
    )
    if any(summary.confirmations.values()):
        output.note(f"confirmations of the front: {say_counts(summary.confirmations)}")
    if summary.spent.text():
        output.note(f"spent: {summary.spent.text(summary.limits)}")
    if summary.unsent:
        output.note(f"not tracked yet: {summary.unsent}")
    if summary.stopped == "exhausted":
        output.note("the space is exhausted: each of its points has been tried")
    for line in summary.held:
        output.note(line)
    if summary.advice and not summary.held:
        output.note(f"{summary.why}; go on with: {summary.advice}")

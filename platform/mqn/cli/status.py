"""`mqn status`: where a study stands."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.profile import load_profile

if TYPE_CHECKING:
    from mqn.records import TrialRecord
    from mqn.search.study import Study


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", epilog="Example: mqn status smoke")(status)


def status(
    study: Annotated[str | None, typer.Argument(help="A study's name. Without one: all studies.")] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """How many trials and trainings a study has, who drives it, what failed and why, and how good its front is."""
    from mqn.search.study import list_studies

    url = load_profile(profile).study_url
    if study is None:
        names = list(list_studies(url))
        if json:
            output.document({"studies": names})
        elif names:
            output.line("\n".join(names))
        else:
            output.line("no study yet; start one with: mqn search smoke")
        return
    _show(study, url, profile, json)


def _show(name: str, url: str, profile: str, json: bool) -> None:
    from mqn.report.hypervolume import hypervolume
    from mqn.search.census import count_states, count_trainings, records, say_counts
    from mqn.search.study import open_study

    opened = open_study(name, url)
    drivers = opened.store.drivers(name)
    found, states = records(opened), count_states(opened)
    history = hypervolume(found, opened.space.objectives)
    failures = {record.number: record.error for record in found if record.error}
    if json:
        output.document(
            {
                "study": name,
                "trials": states,
                "trainings": count_trainings(found),
                "hypervolume": history.final,
                "hypervolume_unit": history.unit,
                "hypervolume_reference": dict(
                    zip((axis.metric for axis in history.axes), history.reference, strict=True)
                ),
                "failures": failures,
                "drivers": [
                    {"host": driver.host, "process": driver.process, "since": driver.since_text} for driver in drivers
                ],
                "accepted": opened.accepted,
            }
        )
        return
    output.line(f"{name}: {say_counts(states)}")
    output.line(f"trainings: {count_trainings(found)}")
    if history.trials:
        output.line(f"hypervolume: {history.text}, from {history.reference_text} (a tenth behind the worst trial)")
    for number, error in failures.items():
        output.line(f"trial {number} failed: {error}")
    if opened.accepted:
        output.line(f"measurements count that are {' or '.join(opened.accepted)}")
    for driver in drivers:
        output.line(f"driven by {driver.shown} since {driver.since_text}")
    if not drivers:
        _advise(opened, found, states, profile)


def _advise(study: Study, found: list[TrialRecord], states: dict[str, int], profile: str) -> None:
    """Say how to go on where something is left, and nobody is at it."""
    from mqn.search.advice import resume_command, say_held

    space, points = study.about.space_name, len(study.space.grid())
    usual = points or study.space.trials
    goal = study.goal or usual
    command = functools.partial(
        resume_command, study.name, space, profile=profile, trials=None if goal == usual else goal
    )
    begun = sum(states.values()) - states["waiting"]
    held = say_held(found, command())
    for line in held:
        output.line(line)
    if not held and (states["interrupted"] or begun < goal):
        output.line(f"go on with: {command()}")
    if states["failed"]:
        output.line(f"try the failed ones again with: {command(retry_failed=True)}")

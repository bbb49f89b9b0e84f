"""`mqn status`: where a study stands."""

from __future__ import annotations

from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.profile import load_profile


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", epilog="Example: mqn status smoke")(status)


def status(
    study: Annotated[str | None, typer.Argument(help="A study's name. Without one: all studies.")] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """How many trials and trainings a study has, what failed and why, and how good its front is."""
    from mqn.search.study import count_states, count_trainings, list_studies, open_study, records

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
    from mqn.report.front import study_hypervolume

    opened = open_study(study, url)
    found = records(opened)
    states = count_states(opened)
    hypervolume = study_hypervolume(found, opened.space)
    failures = {record.number: record.error for record in found if record.error}
    if json:
        output.document(
            {
                "study": study,
                "trials": states,
                "trainings": count_trainings(found),
                "hypervolume": hypervolume,
                "failures": failures,
            }
        )
        return
    output.line(f"{study}: " + ", ".join(f"{count} {state}" for state, count in states.items() if count))
    output.line(f"trainings: {count_trainings(found)}   hypervolume: {hypervolume:.4g}")
    for number, error in failures.items():
        output.line(f"trial {number} failed: {error}")
    if states["running"] or states["waiting"]:
        output.line(f"go on with: mqn search {opened.about.space_name} --study {study} --resume")

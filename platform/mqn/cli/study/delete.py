"""`mqn delete`: deletes a study with its trials, runs and artifacts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, Yes
from mqn.cli.system.tracking import load_tracked
from mqn.errors import UsageError
from mqn.text.redaction import redact_url

if TYPE_CHECKING:
    from mqn.search.removal.deletion import Deletion

EXAMPLE = "mqn delete smoke --yes"


def delete(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    yes: Yes = False,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Delete a study: its trials, its runs in MLflow, and the artifacts that no other study refers to."""
    from mqn.search.removal.deletion import delete_study, plan_deletion

    settings = load_tracked(profile)
    with output.spinner(f"looking what goes with {study}"):
        deletion = plan_deletion(study, settings)
    for line in _told(deletion, redact_url(settings.tracking_uri)):
        output.note(line)
    confirm(f"delete study {study}?", yes=yes)
    with output.progress() as bar:
        task = bar.add_task("removing artifacts", total=len(deletion.artifacts))
        delete_study(deletion, settings, lambda count: bar.update(task, completed=count))
    if json:
        output.document({"deleted": deletion})
    else:
        output.line(f"deleted: {study}")


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal before something is lost.

    Raises:
        UsageError: nobody can be asked, and --yes is not given.
        typer.Exit: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can be asked here: add --yes")
    if not typer.confirm(question, err=True):
        output.note("nothing was deleted")
        raise typer.Exit(1)


def _told(deletion: Deletion, server: str) -> list[str]:
    from rich.filesize import decimal

    tracked, trials = deletion.tracked, deletion.trials
    lines = [f"{deletion.study}: {trials} trial{'' if trials == 1 else 's'} in the study's database"]
    if tracked.experiment is not None:
        lines.append(f"its experiment with {tracked.runs} runs in {server} (`mlflow gc` empties MLflow's own bin)")
    if tracked.waiting:
        lines.append(f"{tracked.waiting} entries that wait to be sent to {server}")
    lines.append(f"{len(deletion.artifacts)} artifacts that no other study refers to")
    lines.append(f"room on this disk: {decimal(deletion.size_bytes)}")
    if deletion.stays:
        lines.append(f"other artifacts of it stay: {deletion.stays}; `mqn clean` takes them later")
    if tracked.registered:
        lines.append(f"registered models stay, with their files: {', '.join(tracked.registered)}")
    return lines

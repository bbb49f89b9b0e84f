"""`mqn trials`: a study's records as a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, check_files
from mqn.profile import load_profile
from mqn.quantities import quantity

if TYPE_CHECKING:
    from mqn.records import TrialRecord

EXAMPLE = "mqn trials smoke --csv --output smoke.csv"


def trials(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    csv: Annotated[
        bool, typer.Option("--csv", help="Everything known of every trial as CSV; the columns are named as in MLflow.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the CSV to a file. Default: stdout.")
    ] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """List all trials of a study with their state and figures. --csv and --json hold every figure."""
    from mqn.report.tables.trials import to_csv, trial_rows
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records
    from mqn.text.redaction import redact

    check_files(out)
    opened = open_study(study, load_profile(profile).study_url)
    found = records(opened)
    if json:
        output.document({"study": study, "trials": trial_rows(found)})
    elif out is not None:
        out.write_text(redact(to_csv(trial_rows(found))), encoding="utf-8")
        output.note(f"written: {out}, {len(found)} trials")
    elif csv:
        sys.stdout.write(to_csv(trial_rows(found)))
    else:
        metrics = [*(goal.metric for goal in opened.space.objectives), *(b.metric for b in opened.space.constraints)]
        _show(study, found, list(dict.fromkeys(metrics)))


def _show(study: str, found: Sequence[TrialRecord], metrics: Sequence[str]) -> None:
    from mqn.report.front.words import SIMULATED, state_of

    rows = []
    for record in found:
        figures = record.figures_by_name()
        values = [quantity(name).text(figures[name]) if name in figures else "" for name in metrics]
        broken = [f"breaks {name}" for name, by in record.violations.items() if by > 0]
        why = record.error or record.waits or ", ".join(broken)
        rows.append([str(record.number), record.label, state_of(record), *values, why])
    axes = [quantity(name).axis for name in metrics]
    mark = f"{SIMULATED}: " if any(record.simulated for record in found) else ""
    output.table(["trial", "candidate", "state", *axes, "why"], rows, title=f"{study}: {mark}{len(found)} trials")

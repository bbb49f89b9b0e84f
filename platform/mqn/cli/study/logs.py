"""`mqn logs`: what the stages of a trial printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, open_store
from mqn.errors import NothingSatisfiesError, UsageError, nearest
from mqn.profile import load_profile

if TYPE_CHECKING:
    from mqn.records import TrialRecord
    from mqn.search.watch.logs import StepLog

EXAMPLE = "mqn logs smoke 3 --stage train"


def logs(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    trial: Annotated[int, typer.Argument(help="A trial's number, as `mqn trials` lists it.")],
    stage: Annotated[
        str | None, typer.Option("--stage", help="Only this stage or step: train, convert, score/float, ...")
    ] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show what each stage of a trial printed: epochs, warnings, output of child processes, tracebacks of failures.

    It is kept with the artifacts, so it can be read from any machine that sees them. Of a running stage it is shown as
    far as the artifacts' storage shows it. The middle of more than 1 MiB is left out.
    """
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records
    from mqn.search.watch.logs import trial_logs
    from mqn.search.watch.reading import read_told, steps_of

    opened = open_study(study, load_profile(profile).study_url)
    found = {record.number: record for record in records(opened)}
    if trial not in found:
        begun = f"its trials are 0 to {max(found)}" if found else "none was begun yet"
        raise UsageError(f"study {study!r} has no trial {trial}; {begun}; list them with: mqn trials {study}")
    record = found[trial]
    on_its_way = steps_of(read_told(opened.store, study), trial) if record.state == "running" else {}
    told = trial_logs(record, on_its_way, open_store(profile))
    chosen = [one for one in told if stage in (None, one.step, one.stage)]
    if stage is not None and told and not chosen:
        raise UsageError(f"trial {trial} has no stage {stage!r}; {nearest(stage, [one.step for one in told])}")
    if json:
        output.document({"study": study, "trial": trial, "state": record.state, "error": record.error, "steps": chosen})
        return
    if not chosen:
        raise NothingSatisfiesError(f"no output of trial {trial} is known: {_why_nothing(record)}")
    for one in chosen:
        output.line(_title(one))
        output.line((one.text or _why_no_text(one)).rstrip("\n") + "\n")
    if record.error or record.waits:
        output.line(f"trial {trial} {'failed' if record.error else 'waits'}: {record.error or record.waits}")


def _title(log: StepLog) -> str:
    where = "" if log.span is None else f", {log.span.seconds:.1f} s on {log.span.host or 'a worker that was lost'}"
    return f"== {log.step}: {log.state}{where}"


def _why_no_text(log: StepLog) -> str:
    if log.state == "running":
        return "(nothing yet: it waits for its turn, or runs on a machine whose files this one does not see)"
    if log.state == "done":
        return "(nothing is kept: it was made before outputs were kept, or in the process of a single command)"
    return "(nothing is kept: its worker was lost before it wrote anything, or its files were removed by `mqn clean`)"


def _why_nothing(record: TrialRecord) -> str:
    if record.state == "running":
        return "it has just begun, or its driver has too many trials on their way to list them all; try again later"
    if record.state == "interrupted":
        return "its driver is gone; the next driver that resumes the study goes on with it"
    return "none of its stages was begun"

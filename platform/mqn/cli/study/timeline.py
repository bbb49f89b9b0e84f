"""`mqn timeline`: where a study's time went."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, check_files
from mqn.errors import NothingSatisfiesError, UsageError
from mqn.profile import load_profile

if TYPE_CHECKING:
    from mqn.report.timeline.summary import Sum, Summary

EXAMPLE = "mqn timeline smoke --output smoke.html"
_ENDINGS = (".json", ".html", ".png")
_GAPS = 8


def timeline(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="Write it to a file, by its ending: .html (a page), .png (a picture), .json (a trace for "
            "https://ui.perfetto.dev or chrome://tracing). May be given several times.",
        ),
    ] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show where a study's time went: how busy the trainers were and what they waited for, stages, machines, devices.

    Each trial says when and where its steps ran, and which tries failed. Clocks of other machines are corrected by what
    the driver saw. A step whose artifact another trial had made took no time, and is not shown.
    """
    from mqn.report.timeline.summary import summarise
    from mqn.report.timeline.timeline import make_timeline
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records

    for path in out or ():
        if path.suffix not in _ENDINGS:
            raise UsageError(
                f"--output {path}: a timeline is written as {', '.join(_ENDINGS)}; give one of these endings"
            )
    check_files(*(out or ()))
    made = make_timeline(study, records(open_study(study, load_profile(profile).study_url)))
    if not made.bars:
        raise NothingSatisfiesError(
            f"study {study!r} has no trial that says when its steps ran: none has ended yet, or all were run by an "
            "older version"
        )
    summary = summarise(made)
    for path in out or ():
        _write(summary, path)
    if json:
        output.document(_document(summary))
        return
    _show(summary)
    for path in out or ():
        output.note(f"written: {path}")


def _write(summary: Summary, path: Path) -> None:
    from mqn.files.publishing import writing
    from mqn.report.timeline.drawing import write_timeline_page, write_timeline_png
    from mqn.report.timeline.trace import trace_document
    from mqn.text.redaction import redact

    if path.suffix == ".json":
        with writing(path) as temporary:
            temporary.write_text(redact(json_format.dumps(trace_document(summary))), encoding="utf-8")
    elif path.suffix == ".png":
        write_timeline_png(summary, path)
    else:
        write_timeline_page(summary, path)


def _document(summary: Summary) -> dict[str, object]:
    trainers, made = summary.trainers, summary.timeline
    return {
        "study": made.study,
        "begins": made.zero,
        "seconds": made.seconds,
        "jobs": len(made.bars),
        "trials_without_times": made.without,
        "trainers": None
        if trainers is None
        else {
            "trainings": trainers.trainings,
            "seconds": trainers.end - trainers.begin,
            "busy": trainers.busy,
            "at_once": trainers.at_once,
            "filled": trainers.filled,
            "waited_for": trainers.waits,
            "gaps": trainers.gaps,
        },
        "stages": summary.stages,
        "nodes": summary.nodes,
        "devices": summary.devices,
        "clock_offsets": made.offsets,
        "waited_seconds": summary.waited_seconds,
    }


def _show(summary: Summary) -> None:
    from mqn.report.timeline.words import busy_line, clock, title

    output.line(title(summary.timeline))
    output.line(busy_line(summary))
    for name, sums in (("stage", summary.stages), ("machine", summary.nodes), ("device", summary.devices)):
        if sums:
            _table(name, sums)
    gaps = summary.trainers.gaps if summary.trainers is not None else ()
    if gaps:
        rows = [[clock(gap.begin), f"{gap.seconds:.1f}", gap.why] for gap in gaps[:_GAPS]]
        output.table(["from", "seconds", "why"], rows, title=f"the longest of {len(gaps)} times without a training")
    for host, offset in summary.timeline.offsets.items():
        if offset is None:
            output.line(f"the clock of {host} was set while the study ran: its times are only about right")
        elif abs(offset) >= 0.05:
            output.line(f"the clock of {host} was {abs(offset):.2f} s {'behind' if offset > 0 else 'ahead'}: corrected")
    if summary.timeline.without:
        output.line(f"trials that say nothing about their time: {summary.timeline.without}")


def _table(name: str, sums: tuple[Sum, ...]) -> None:
    from mqn.report.timeline.words import clock

    rows = [
        [
            one.name,
            str(one.jobs),
            str(one.failed or ""),
            f"{one.seconds:,.1f}",
            f"{one.busy_seconds:,.1f}",
            clock(one.first),
            clock(one.last),
        ]
        for one in sums
    ]
    output.table([name, "jobs", "failed", "seconds", "busy", "first used", "last used"], rows)

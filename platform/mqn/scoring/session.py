"""Runs a scoring from request to files: judges, summarises, compares, writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mqn.errors import DataError
from mqn.home import home
from mqn.metrics.protocol import fixed
from mqn.parsing import write_json
from mqn.scoring.comparison import compare
from mqn.scoring.judging.engine import Judgements, draw_all, judge_all
from mqn.scoring.judging.evaluation import Listed
from mqn.scoring.judging.judge import Assignment
from mqn.scoring.judging.ledger import LEDGER, Ledger, Line
from mqn.scoring.predictions import PredictionFolder
from mqn.scoring.result import Ranking, Request, Result
from mqn.scoring.sheet import choose, write_sheet
from mqn.scoring.summary import Summary, fixed_pictures, rank, summarize
from mqn.scoring.tables import write_tables

SCORES = "scores.json"
SHEET = "sheet.html"

Progress = Callable[[str, int, int], None]
"""Called with the current activity, how many of its steps are done, and how many there are."""


def run(request: Request, progress: Progress) -> Result:
    """Judge all methods, and write the files of `request.output`. Pictures that cannot be judged are named as failures.

    Raises:
        EmptyDatasetError: there are no such pictures.
        DataError: a folder of predictions is not complete (all that is wrong is named), or a file cannot be written.
    """
    listing = request.pictures.listing()
    left_out, skipped = _left_out(request, listing)
    kept = home() / "scores" / request.pictures.key / LEDGER
    own = request.output / LEDGER if request.output else kept
    assignment = Assignment(
        pictures=request.pictures,
        methods=request.methods,
        metrics=request.metrics,
        ledgers=() if request.fresh else (kept, own),
    )
    judgements = judge_all(
        assignment,
        [picture.name for picture in listing],
        Ledger(own),
        workers=request.workers,
        skipped=skipped,
        progress=lambda done, total: progress("scoring", done, total),
    )
    result = _conclude(request, judgements, left_out)
    if request.output:
        _write(request.output, assignment, result, progress)
    return result


def _left_out(request: Request, listing: list[Listed]) -> tuple[list[str], set[tuple[int, int]]]:
    notes: list[str] = []
    problems: list[str] = []
    skipped: set[tuple[int, int]] = set()
    for index, method in enumerate(request.methods):
        if method.kind != "folder" or method.path is None:
            continue
        findings = PredictionFolder(method.path).check(listing)
        if findings:
            (notes if request.allow_missing else problems).append(f"{method.name}: {findings}")
        absent = {*findings.missing, *findings.unusable}
        skipped |= {(index, place) for place, picture in enumerate(listing) if picture.name in absent}
    if problems:
        raise DataError(f"{'; '.join(problems)}; put that right, or give --allow-missing to score the others")
    return notes, skipped


def _conclude(request: Request, judgements: Judgements, left_out: list[str]) -> Result:
    lines = {method.name: found for method, found in zip(request.methods, judgements.lines, strict=True) if found}
    metrics, pictures = request.metrics, request.pictures
    summaries = {name: summarize(found.values(), metrics, request.seed) for name, found in lines.items()}
    overall = _rank(request, lines, summaries)
    conditions = {}
    for label in sorted({label for summary in summaries.values() for label in summary.conditions}):
        part = {name: {index: line for index, line in lines[name].items() if line.condition == label} for name in lines}
        own = {name: s.conditions[label] for name, s in summaries.items() if label in s.conditions}
        conditions[label] = _rank(request, part, own)
    common = {
        **fixed(metrics, request.seed),
        "dataset_sha256": pictures.hash,
        "split": pictures.split,
        "inputs": pictures.inputs,
        "limit": pictures.limit,
    }
    return Result(
        request=request,
        lines={name: lines[name] for name in overall.summaries},
        overall=overall,
        protocols={name: {**common, **fixed_pictures(lines[name])} for name in overall.summaries},
        conditions=conditions,
        failures=judgements.failures,
        left_out=left_out,
        judged=judgements.judged,
    )


def _rank(request: Request, lines: dict[str, dict[int, Line]], summaries: dict[str, Summary]) -> Ranking:
    names, against = rank(summaries, request.metrics[0]), request.against
    return Ranking(
        summaries={name: summaries[name] for name in names},
        differences={
            name: compare(lines[name], lines[against], request.metrics, request.seed)
            for name in names
            if against in names and name != against
        },
    )


def _write(folder: Path, assignment: Assignment, result: Result, progress: Progress) -> None:
    metrics = result.request.metrics
    try:
        write_json(folder / SCORES, result.document())
    except OSError as error:
        raise DataError(f"cannot write {folder / SCORES}: {error.strerror}") from error
    write_tables(folder, result.lines, metrics, next(iter(result.protocols.values()), {}))
    places = {method.name: index for index, method in enumerate(assignment.methods)}
    chosen = {name: choose(lines, metrics[0]) for name, lines in result.lines.items()}
    wanted = [(places[name], index) for name, groups in chosen.items() for e in groups.values() for index in e]
    drawn = draw_all(
        assignment,
        wanted,
        workers=result.request.workers,
        progress=lambda done, total: progress("drawing", done, total),
    )
    tiles = {(name, index): drawn[place, index] for name, place in places.items() for p, index in drawn if p == place}
    write_sheet(folder / SHEET, result, chosen, tiles)

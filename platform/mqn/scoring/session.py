"""One scoring from request to files: judge, summarise, compare, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mqn.errors import DataError
from mqn.home import home
from mqn.metrics.measures import PIXELS_PER_DEGREE, split_name
from mqn.metrics.protocol import fixed
from mqn.parsing import to_plain, write_json
from mqn.quantities import quantity
from mqn.scoring.comparison import Difference, compare
from mqn.scoring.engine import Failure, Outcome, draw_all, judge_all
from mqn.scoring.evaluation import Listed, PictureSet
from mqn.scoring.judge import Job
from mqn.scoring.ledger import LEDGER, Ledger, Line
from mqn.scoring.methods import Method
from mqn.scoring.predictions import PredictionFolder
from mqn.scoring.summary import Summary, fixed_pictures, rank, summarize
from mqn.scoring.tables import write_tables

SCORES = "scores.json"
SHEET = "sheet.html"

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        methods: who is judged, the one that is compared against among them.
        pictures: on what.
        metrics: by what; the first one ranks.
        against: the name of the method that all others are compared with; None compares none.
        output: folder for tables, figures, the sheet and the ledger; None keeps a ledger under `$MQN_HOME` only.
        workers: processes.
        allow_missing: leave out what a folder of predictions does not have, instead of refusing it.
        fresh: judge again what the ledger has.
        seed: of intervals and permutations.
    """

    methods: tuple[Method, ...]
    pictures: PictureSet
    metrics: tuple[str, ...]
    workers: int
    against: str | None = None
    output: Path | None = None
    allow_missing: bool = False
    fresh: bool = False
    seed: int = 0


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of it.

    Attributes:
        request: what was asked for.
        lines: by method and the picture's index.
        summaries: by method, the best first; without methods that have no figures at all.
        protocols: by method: everything that fixes its figures.
        differences: each other method minus `request.against`, by metric.
        conditions: `summaries` for each kind of input, where there are several, ranked each by itself.
        condition_differences: `differences` for each kind of input, where there are several.
        failures: what has no figures though it should.
        left_out: what folders of predictions do not have, where that is allowed.
        judged: how many figures are new; the others were in the ledger.
    """

    request: Request
    lines: dict[str, dict[int, Line]]
    summaries: dict[str, Summary]
    protocols: dict[str, dict[str, Any]]
    differences: dict[str, dict[str, Difference]]
    conditions: dict[str, dict[str, Summary]]
    condition_differences: dict[str, dict[str, dict[str, Difference]]]
    failures: list[Failure]
    left_out: list[str] = field(default_factory=list)
    judged: int = 0

    @property
    def stated(self) -> str:
        """What must stand beside the figures: of which pictures, where less is better, how HDR-VDP looks at them."""
        sizes = sorted({(line.width, line.height) for lines in self.lines.values() for line in lines.values()})
        named = [f"{width} x {height}" for width, height in (sizes if len(sizes) < 3 else (sizes[0], sizes[-1]))]
        pictures = self.request.pictures
        parts = [f"{pictures.inputs} inputs", f"split {pictures.split}", f"dataset {pictures.hash[:12]}"]
        parts.append(f"pictures of {(' and ' if len(sizes) < 3 else ' to ').join(named)} pixels")
        quantities = [quantity(split_name(name)[0]) for name in self.request.metrics]
        lower = dict.fromkeys(q.label for q in quantities if q.direction == "minimize")
        if lower:
            parts.append(f"lower is better in {' and '.join(lower)}")
        if any(name.startswith("hdrvdp") for name in self.request.metrics):
            parts.append(f"HDR-VDP at {PIXELS_PER_DEGREE:g} pixels per degree")
        return ", ".join(parts)

    def document(self) -> dict[str, Any]:
        """Plain values, for JSON: what a single method has stands at the top, several stand under `methods`."""
        methods = {
            name: {
                **to_plain(summary),
                "rank": place,
                "failed": [to_plain(failure) for failure in self.failures if failure.method == name],
                "protocol": self.protocols[name],
            }
            for place, (name, summary) in enumerate(self.summaries.items(), start=1)
        }
        single = [method.name for method in self.request.methods if method.name != self.request.against]
        top = {"method": single[0], **methods[single[0]]} if len(single) == 1 and single[0] in methods else {}
        if len(self.request.methods) > 1:
            top["methods"] = methods
            top["ranked_by"] = self.request.metrics[0]
            top["against"] = {
                "method": self.request.against,
                "differences": to_plain(self.differences),
                "conditions": to_plain(self.condition_differences),
            }
        return {**top, "left_out": self.left_out, "failed": to_plain(self.failures), "judged": self.judged}


def run(request: Request, progress: Progress) -> Result:
    """Judge, and write what `request.output` is to hold.

    Args:
        request: what is asked for.
        progress: told as it goes.

    Returns:
        The figures; pictures that could not be judged are among its failures, and the others are kept.

    Raises:
        EmptyDatasetError: there are no such pictures.
        DataError: a folder of predictions is not complete (all that is wrong is named), or a file cannot be written.
    """
    listing = request.pictures.listing()
    left_out, skipped = _left_out(request, listing)
    kept = home() / "scores" / request.pictures.key / LEDGER
    own = request.output / LEDGER if request.output else kept
    job = Job(
        pictures=request.pictures,
        methods=request.methods,
        metrics=request.metrics,
        ledgers=() if request.fresh else (kept, own),
    )
    ledger = Ledger(own)
    try:
        outcome = judge_all(
            job,
            [picture.name for picture in listing],
            ledger,
            workers=request.workers,
            skipped=skipped,
            progress=lambda done, total: progress("scoring", done, total),
        )
    finally:
        ledger.close()
    result = _conclude(request, outcome, left_out)
    if request.output:
        _write(request.output, job, result, progress)
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


def _conclude(request: Request, outcome: Outcome, left_out: list[str]) -> Result:
    lines = {method.name: found for method, found in zip(request.methods, outcome.lines, strict=True) if found}
    metrics, pictures, against = request.metrics, request.pictures, request.against
    summaries = {name: summarize(found.values(), metrics, request.seed) for name, found in lines.items()}
    ranking = rank(summaries, metrics[0])
    ranked = {name: lines[name] for name in ranking}
    labels = sorted({label for summary in summaries.values() for label in summary.conditions})
    conditions = {}
    for label in labels:
        part = {name: s.conditions[label] for name, s in summaries.items() if label in s.conditions}
        conditions[label] = {name: part[name] for name in rank(part, metrics[0])}
    common = {
        **fixed(metrics, request.seed),
        "dataset_sha256": pictures.hash,
        "split": pictures.split,
        "inputs": pictures.inputs,
    }
    return Result(
        request=request,
        lines=ranked,
        summaries={name: summaries[name] for name in ranking},
        protocols={name: {**common, **fixed_pictures(lines[name])} for name in ranking},
        differences=_differences(ranked, against, request),
        conditions=conditions,
        condition_differences={
            label: _differences({name: _of(label, lines[name]) for name in conditions[label]}, against, request)
            for label in labels
        },
        failures=outcome.failures,
        left_out=left_out,
        judged=outcome.judged,
    )


def _differences(
    lines: dict[str, dict[int, Line]], against: str | None, request: Request
) -> dict[str, dict[str, Difference]]:
    return {
        name: compare(lines[name], lines[against], request.metrics, request.seed)
        for name in lines
        if against in lines and name != against
    }


def _of(condition: str, lines: dict[int, Line]) -> dict[int, Line]:
    return {index: line for index, line in lines.items() if line.condition == condition}


def _write(folder: Path, job: Job, result: Result, progress: Progress) -> None:
    from mqn.scoring.sheet import choose, write_sheet

    metrics = result.request.metrics
    try:
        write_json(folder / SCORES, result.document())
    except OSError as error:
        raise DataError(f"cannot write {folder / SCORES}: {error.strerror}") from error
    write_tables(folder, result.lines, metrics, next(iter(result.protocols.values()), {}))
    places = {method.name: index for index, method in enumerate(job.methods)}
    chosen = {name: choose(lines, metrics[0]) for name, lines in result.lines.items()}
    wanted = [(places[name], index) for name, groups in chosen.items() for e in groups.values() for index in e]
    drawn = draw_all(
        job,
        wanted,
        workers=result.request.workers,
        progress=lambda done, total: progress("drawing", done, total),
    )
    tiles = {(name, index): drawn[place, index] for name, place in places.items() for p, index in drawn if p == place}
    write_sheet(folder / SHEET, result, chosen, tiles)

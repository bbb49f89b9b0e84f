"""`mqn compare`: the paper's Table 3 for any networks, measured here and now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output as out
from mqn.cli.options import Data, Json, ProfileName, make_folder
from mqn.errors import UsageError
from mqn.profile import load_profile

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.records import Measurement, NetworkCost
    from mqn.search.comparison.contenders import Exported
    from mqn.search.comparison.costing import Measure, Score

EXAMPLE = "mqn compare mqn expandnet expandnet@static_wi8_ai8 bundle --output table3"

NETWORKS = (
    "What to compare, the first is what ratios are told against: a family (`mqn describe`), with random weights; a "
    "checkpoint.pt; a folder with an exported model. FAMILY@SCHEME or CHECKPOINT@SCHEME quantizes both sides so."
)
METRICS = ("psnr_tm", "ssim_tm")
FILES = ("comparison.md", "comparison.csv", "comparison.json", "comparison.png")
PATIENT_SECONDS = 600.0
"""A pass may take so long: a large network takes seconds a picture."""


def compare(
    networks: Annotated[list[str] | None, typer.Argument(metavar="NETWORK...", help=NETWORKS)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every family, MQN first.")] = False,
    device: Annotated[str | None, typer.Option(help="Device of the profile. Default: its first.")] = None,
    unmeasured: Annotated[bool, typer.Option("--no-measure", help="Count and export only.")] = False,
    data: Data = None,
    size: Annotated[int, typer.Option(help="Side in pixels of the pictures that families take.", min=1)] = 256,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=f"Folder for {', '.join(FILES[:-1])} and {FILES[-1]}.")
    ] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Networks beside each other: parameters, MACs, file, latency, memory, and accuracy where --data is given.

    The paper's figures stand in brackets. A network that cannot be exported or measured is a row that says why.
    """
    from mqn.data.location import locate
    from mqn.families import FAMILIES
    from mqn.report.tables.table3 import NOTE, cells, columns
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.comparison.contenders import Exporting, parse_contender
    from mqn.search.comparison.costing import cost_of

    words = dict.fromkeys([*(FAMILIES if every else ()), *(networks or ())])
    if not words:
        raise UsageError("nothing to compare; name networks, or give --all")
    contenders = [parse_contender(word) for word in words]
    if output is not None:
        make_folder(output)
    runner, dataset = load_profile(profile), locate(data)
    exporting = Exporting(dataset, ArtifactStore.of(runner.storage), size)
    score = None if data is None else _scorer(dataset)
    target = device or next(iter(runner.targets or runner.devices))
    rows: list[NetworkCost] = []
    about = f"{size} x {size} pixels; counted and exported, not measured"
    with ExitStack() as stack:
        tell = stack.enter_context(_telling(len(contenders)))
        measure: Measure | None = None
        if not unmeasured:
            measure, about = stack.enter_context(_device(target, profile, size))
        for contender in contenders:
            rows.append(cost_of(contender, exporting, measure, score, tell))
            tell("")
    if output is not None:
        _write(rows, output, about)
    if json:
        out.document({"about": about, "networks": rows})
        return
    out.line(about)
    out.table(columns(rows), cells(rows))
    out.line(NOTE)
    if output is not None:
        out.line(f"written: {output}")


@contextmanager
def _telling(total: int) -> Iterator[Callable[[str], object]]:
    """A progress bar; an empty word says that one network is done."""
    with out.progress() as bar:
        task = bar.add_task("networks", total=total)
        yield lambda words: bar.update(task, description=words) if words else bar.update(task, advance=1)


@contextmanager
def _device(target: str, profile: str, size: int) -> Iterator[tuple[Measure, str]]:
    """What measures, and where, in a line."""
    from mqn.device.measure import measure
    from mqn.device.pool.pool import Pool
    from mqn.device.pool.state_bounds import bounds_of

    runner = load_profile(profile)
    settings = replace(runner.measure, timeout_seconds=max(runner.measure.timeout_seconds, PATIENT_SECONDS))
    with Pool(runner.devices) as pool, pool.open(target) as (name, client):
        info, bounds = client.info(), bounds_of(name, runner.devices[name])
        threads = "1 thread" if settings.threads == 1 else f"{settings.threads} threads"
        features = f" ({', '.join(info.features)})" if info.features else ""
        about = f"{size} x {size} pixels; {info.id}: {info.soc}{features}, {info.runtime}, {threads}"

        def run(exported: Exported) -> Measurement:
            return measure(client, exported.files, settings, bounds=bounds)

        yield run, about


def _scorer(dataset: Dataset) -> Score:
    from mqn.records import Interval
    from mqn.scoring.judging.evaluation import SIZE, PictureSet
    from mqn.scoring.methods import parse_method
    from mqn.scoring.result import Request
    from mqn.scoring.session import run
    from mqn.workers import processors

    def score(exported: Exported) -> dict[str, Interval]:
        method = parse_method(str(exported.files[0].parent))
        pictures = PictureSet(
            dataset=dataset.folder,
            hash=dataset.hash,
            split="val",
            inputs="operators",
            size=method.input_size or SIZE,
        )
        request = Request(methods=(method,), pictures=pictures, metrics=METRICS, workers=processors())
        (summary,) = run(request, lambda *_: None).overall.summaries.values()
        return {
            name: Interval(mean=found.mean, low=found.low, high=found.high, n=found.n)
            for name, found in summary.scores.items()
            if found.mean is not None and found.low is not None and found.high is not None
        }

    return score


def _write(rows: list[NetworkCost], folder: Path, about: str) -> None:
    from mqn.parsing import write_json
    from mqn.report.figures.cost_picture import write_cost_png
    from mqn.report.tables.table3 import as_csv, markdown

    (folder / "comparison.md").write_text(markdown(rows, about), encoding="utf-8")
    (folder / "comparison.csv").write_text(as_csv(rows), encoding="utf-8")
    write_json(folder / "comparison.json", {"about": about, "networks": rows})
    if any(row.latency_ms is not None for row in rows):
        write_cost_png(rows, folder / "comparison.png", about)

"""`mqn compare`: the paper's Table 3 for any networks, measured here and now, and its Figure 6."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output as out
from mqn.cli.model.compare_pictures import PAGE, PNG, choose_pictures, draw_pictures, left_out
from mqn.cli.model.judged_pictures import Inputs, Limit, SplitName, parse_metrics, picture_set, require_known
from mqn.cli.options import Data, Json, ProfileName, make_folder
from mqn.errors import UsageError
from mqn.profile import load_profile

if TYPE_CHECKING:
    from rich.progress import Progress

    from mqn.records import Measurement, NetworkCost
    from mqn.scoring.judging.evaluation import PictureSet
    from mqn.search.comparison.contenders import Contender, Exported, Exporting
    from mqn.search.comparison.costing import Measure

EXAMPLE = "mqn compare mqn expandnet:expandnet.pth run/checkpoint.pt --data photos --pictures 4 --output table3"

NETWORKS = (
    "What to compare, the first is what ratios are told against: a family (`mqn describe`), with random weights; "
    "`expandnet:FILE` or `lhdr:FILE`, with its authors' weights; a checkpoint.pt; a folder with an exported model. "
    "NETWORK@SCHEME quantizes both sides so."
)
DEFAULT_METRICS = ("hdrvdp_q_p3", "hdrvdp_q", "psnr_tm", "ssim_tm")
FILES = ("comparison.md", "comparison.csv", "comparison.json", "comparison.png")
PATIENT_SECONDS = 600.0
"""A pass may take so long: a large network takes seconds a picture."""


def compare(
    networks: Annotated[list[str] | None, typer.Argument(metavar="NETWORK...", help=NETWORKS)] = None,
    every: Annotated[bool, typer.Option("--all", help="Every family, MQN first.")] = False,
    device: Annotated[str | None, typer.Option(help="Device of the profile. Default: its first.")] = None,
    unmeasured: Annotated[bool, typer.Option("--no-measure", help="Count, export and score only.")] = False,
    data: Data = None,
    metrics: Annotated[
        str | None,
        typer.Option(help=f"Accuracy, names with commas between, with --data. Default: {','.join(DEFAULT_METRICS)}."),
    ] = None,
    inputs: Inputs = "operators",
    split: SplitName = "val",
    limit: Limit = None,
    pictures: Annotated[
        str | None,
        typer.Option(
            metavar="N|NAMES",
            help="Also the paper's Figure 6: so many of the judged pictures, or those named, with commas between.",
        ),
    ] = None,
    size: Annotated[
        int, typer.Option(help="Side in pixels of the pictures that families take, and of those judged on.", min=1)
    ] = 256,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=f"Folder for {', '.join(FILES)}, and {PNG} and {PAGE}."),
    ] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Networks beside each other: parameters, MACs, file, latency, memory, and with --data accuracy of what is trained.

    The paper's figures stand in brackets. A network that cannot be exported, measured or scored is a row that says why.
    """
    from mqn.data.location import locate
    from mqn.families import FAMILIES
    from mqn.report.tables.table3 import papers_test_set
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.comparison.contenders import Exporting, parse_contender
    from mqn.search.comparison.costing import cost_of
    from mqn.search.comparison.scoring import Scorer

    words = dict.fromkeys([*(FAMILIES if every else ()), *(networks or ())])
    if not words:
        raise UsageError("nothing to compare; name networks, or give --all")
    _require_together(data, output, metrics=metrics, pictures=pictures, limit=limit)
    chosen = parse_metrics(metrics, DEFAULT_METRICS)
    require_known(inputs, split)
    contenders = [parse_contender(word, size) for word in words]
    if output is not None:
        make_folder(output)
    runner, dataset = load_profile(profile), locate(data)
    judged = picture_set(dataset, inputs, split, limit, size)
    shown = [] if pictures is None else choose_pictures(judged, pictures)
    exporting = Exporting(dataset, ArtifactStore.of(runner.storage), size)
    target = device or next(iter(runner.targets or runner.devices))
    rows: list[NetworkCost] = []
    about = f"{size} x {size} pixels; counted and exported, not measured"
    with ExitStack() as stack:
        bar = stack.enter_context(out.progress())
        tell = _telling(bar, len(contenders))
        score = None if data is None else Scorer(judged, chosen, _counting(bar))
        measure: Measure | None = None
        if not unmeasured:
            measure, about = stack.enter_context(_device(target, profile, size))
        for contender in contenders:
            rows.append(cost_of(contender, exporting, measure, score, tell))
            tell("")
    if score is not None and score.stated:
        about += f"; accuracy: {score.stated}"
    judged_on = papers_test_set(dataset.catalogue.published, inputs, whole=split == "all" and limit is None)
    if output is not None:
        _write(rows, output, about, judged_on)
    if json:
        out.document({"about": about, "networks": rows})
    else:
        _print(rows, output, about, judged_on)
    if output is not None and shown:
        trained = [contender for contender, row in zip(contenders, rows, strict=True) if row.trained]
        _draw(trained, rows, exporting, judged, shown, output)


def _print(rows: list[NetworkCost], output: Path | None, about: str, judged_on: str) -> None:
    from mqn.report.tables.table3 import cells, columns, note

    out.line(about)
    out.table(columns(rows), cells(rows, judged_on))
    out.line(note(rows, judged_on))
    if output is not None:
        out.line(f"written: {output}")


def _draw(
    trained: list[Contender],
    rows: list[NetworkCost],
    exporting: Exporting,
    pictures: PictureSet,
    shown: list[int],
    folder: Path,
) -> None:
    for words in left_out(rows):
        out.note(f"left out of the pictures: {words}")
    if trained:
        with out.progress() as bar:
            draw_pictures(trained, exporting, pictures, shown, folder, _counting(bar))
        out.note(f"drawn: {folder / PNG}, {folder / PAGE}")


def _require_together(data: str | None, output: Path | None, **options: object) -> None:
    """Refuse options that only count where something is judged."""
    given = [name for name, value in options.items() if value is not None]
    if given and data is None:
        raise UsageError(f"--{given[0]} needs pictures to judge on; give --data")
    if "pictures" in given and output is None:
        raise UsageError("--pictures needs a folder to write to; give --output")


def _telling(bar: Progress, total: int) -> Callable[[str], object]:
    """Networks on a progress bar; an empty word says that one is done."""
    task = bar.add_task("networks", total=total)
    return lambda words: bar.update(task, description=words) if words else bar.update(task, advance=1)


def _counting(bar: Progress) -> Callable[[str, int, int], None]:
    """Pictures on a progress bar, while there are some left."""
    task = bar.add_task("", visible=False)
    return lambda what, done, total: bar.update(
        task, description=what, completed=done, total=total, visible=done < total
    )


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


def _write(rows: list[NetworkCost], folder: Path, about: str, judged_on: str) -> None:
    from mqn.parsing import write_json
    from mqn.report.figures.cost_picture import write_cost_png
    from mqn.report.tables.table3 import as_csv, markdown

    (folder / "comparison.md").write_text(markdown(rows, about, judged_on), encoding="utf-8")
    (folder / "comparison.csv").write_text(as_csv(rows, judged_on), encoding="utf-8")
    write_json(folder / "comparison.json", {"about": about, "networks": rows})
    if any(row.latency_ms is not None for row in rows):
        write_cost_png(rows, folder / "comparison.png", about)

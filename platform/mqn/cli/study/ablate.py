"""`mqn ablate`: the paper's Tables 1 and 2, ours beside theirs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqn.cli import output
from mqn.cli.options import Data, Json, ProfileName, Settings, check_files, make_folder, parse_settings
from mqn.errors import MqnError, UsageError
from mqn.families import DEFAULT_FAMILY
from mqn.parsing import to_plain
from mqn.profile import load_profile

if TYPE_CHECKING:
    from mqn.data.pairs.evaluation import EvaluationPicture
    from mqn.families.paper import PaperTable
    from mqn.records import TrialRecord
    from mqn.report.figures.crops import Crop
    from mqn.report.tables.ablation import Table
    from mqn.report.tables.departures import Setting
    from mqn.search.artifacts import ArtifactStore

EXAMPLE = "mqn ablate quantization --data photos --seeds 3 --csv table2.csv"
PICTURE, PAGE = "figure4.png", "figure4.html"


def ablate(
    kind: Annotated[str, typer.Argument(help="attention, losses (Table 1) or quantization (Table 2).")],
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of every row, each with another seed.")] = 1,
    data: Data = None,
    settings: Settings = None,
    study: Annotated[str | None, typer.Option(help="Name of the studies. Default: ablate-KIND.")] = None,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Read the studies as they are: nothing is trained, measured or made again.")
    ] = False,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the table as Markdown.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the table as CSV.")] = None,
    pictures: Annotated[
        str | None,
        typer.Option(
            "--pictures",
            metavar="N|NAMES",
            help="Draw the paper's Figure 4: so many validation pictures, or these (with commas between), without and "
            "with the feature reconstruction loss.",
        ),
    ] = None,
    crops: Annotated[
        list[str] | None,
        typer.Option(
            "--crop",
            metavar="NAME:X,Y,SIZE",
            help="Square of a picture that is shown larger, in pixels. Default: where the two networks differ most. "
            "May be repeated.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of --pictures. Default: ablate-KIND.")
    ] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Run the paper's ablation and print its table. The same command resumes it; nothing runs twice.

    Rows are compared picture by picture and seed by seed: a difference of accuracies has its 95 % interval over the
    pictures' sources, and with several seeds over seeds too. The paper's ranking of the rows is judged by these.
    """
    from mqn.report.front.scorebook import Scorebook
    from mqn.report.tables.ablation import ablation, published
    from mqn.report.tables.rendering import to_csv, to_json, to_markdown
    from mqn.search.artifacts import ArtifactStore

    _, paper = published(kind, parse_settings(settings).get("arch.family", DEFAULT_FAMILY))
    if as_is and settings:
        raise UsageError("--as-is reads the studies as they were made; leave --set out")
    check_files(markdown, csv)  # Checked first: trainings take hours.
    names = [f"{study or f'ablate-{kind}'}-seed{seed}" for seed in range(seeds)]
    figure = _figure(kind, paper, names[0], pictures, crops, out, data, settings, profile)
    records: list[TrialRecord] = []
    for seed, name in enumerate(names):
        if not as_is:
            _run(kind, name, seed, data, settings, profile)
        found, setting = _read(name, data, profile)
        records += found
    store = ArtifactStore.of(load_profile(profile).storage)
    table = ablation(kind, records, setting, Scorebook(store))
    for path, text in ((markdown, to_markdown), (csv, to_csv)):
        if path is not None:
            path.write_text(text(table), encoding="utf-8")
            output.note(f"written: {path}")
    if not json:
        _show(table)
    seen = None if figure is None else _draw(figure, records, store, table)
    if json:
        output.document({**to_json(table), **({} if seen is None else {"pictures": seen})})
    if any(record.state == "held" for record in records):
        raise typer.Exit(1)  # The table is not complete. How to resume was said above.


@dataclass(frozen=True, slots=True, kw_only=True)
class _FigureRequest:
    """What `--pictures`, `--crop` and `--output` ask for, checked."""

    pictures: Sequence[EvaluationPicture]
    crops: Mapping[str, Crop]
    folder: Path


def _figure(
    kind: str,
    paper: PaperTable,
    study: str,
    pictures: str | None,
    crops: list[str] | None,
    out: Path | None,
    data: str | None,
    settings: list[str] | None,
    profile: str,
) -> _FigureRequest | None:
    """Check all of a Figure 4 that can be checked before the trainings; `study` is the first one's name."""
    if pictures is None:
        if crops or out is not None:
            raise UsageError(
                f"{'--crop' if crops else '--output'} is of a figure; add --pictures N or --pictures NAMES"
            )
        return None
    from mqn.data.location import locate
    from mqn.data.pairs.evaluation import judged_pictures
    from mqn.report.bundle.verification import check_data
    from mqn.report.figures.crops import parse_crops
    from mqn.report.figures.feature_loss import WEIGHT, choose_pictures
    from mqn.search.space.space_file import load_space
    from mqn.search.study.planning import remembered_data
    from mqn.search.study.studies import list_studies, open_study

    if WEIGHT not in paper.varied:
        raise UsageError(
            f"--pictures shows what {WEIGHT} changes, which the table {kind!r} does not vary; ablate losses"
        )
    squares = parse_crops(crops or ())
    url = load_profile(profile).study_url
    if study in list_studies(url):
        opened = open_study(study, url)
        space, dataset = opened.space, locate(remembered_data(opened.about.data, study) if data is None else data)
        check_data(dataset, opened.about.data_hash, study)
    else:
        space, dataset = load_space(kind).with_overrides(parse_settings(settings), source="--set"), locate(data)
    size = space.candidate(space.grid()[0]).arch.input_size
    chosen = choose_pictures(judged_pictures(dataset, size, "val", space.scoring.inputs), pictures, squares)
    folder = out or Path(f"ablate-{kind}")
    make_folder(folder)
    check_files(folder / PICTURE, folder / PAGE)
    return _FigureRequest(pictures=chosen, crops=squares, folder=folder)


def _draw(request: _FigureRequest, records: list[TrialRecord], store: ArtifactStore, table: Table) -> dict[str, Any]:
    """Draw a Figure 4; gives what is known of it as plain values."""
    from mqn.report.figures.feature_loss import find_pair, look, write_figure
    from mqn.report.tables.rendering import to_section

    pair = find_pair(records)
    with output.progress() as bar:
        task = bar.add_task("pictures", total=len(request.pictures))
        seen = look(
            pair,
            store,
            request.pictures,
            request.crops,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    files = request.folder / PICTURE, request.folder / PAGE
    write_figure(*files, pair, seen, request.crops, to_section(table))
    for file in files:
        output.note(f"written: {file}")
    return {
        "study": pair.without.study,
        "without": pair.without.number,
        "with": pair.including.number,
        "shown": [
            {
                "name": one.name,
                "hdrvdp_q_without": one.quality_without,
                "hdrvdp_q_with": one.quality_with,
                "crop": to_plain(one.strip.crop),
            }
            for one in seen
        ],
        "files": list(files),
    }


def _run(kind: str, study: str, seed: int, data: str | None, settings: list[str] | None, profile: str) -> None:
    from mqn.cli.study.live_progress import LiveProgress
    from mqn.report.front.tracked import write_tracked_front
    from mqn.search.study.driver import SearchRequest, run_search
    from mqn.search.study.studies import list_studies

    request = SearchRequest(
        space=kind,
        profile=profile,
        study=study,
        resume=study in list_studies(load_profile(profile).study_url),
        seed=seed,
        data=data,
        overrides=parse_settings(settings),
    )
    summary = run_search(request, output.note, LiveProgress, front=write_tracked_front)
    for line in summary.held:
        output.note(f"{study}: {line}")
    if summary.stopped in ("budget", "interrupted"):
        raise MqnError(f"stopped ({summary.why}) before the table was complete; run the same command again")


def _read(study: str, data: str | None, profile: str) -> tuple[list[TrialRecord], Setting]:
    from mqn.data.licence import origin_of
    from mqn.data.location import locate
    from mqn.report.tables.departures import Setting
    from mqn.search.study.planning import remembered_data
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records

    opened = open_study(study, load_profile(profile).study_url)
    found = records(opened)
    for record in found:
        if record.error:
            output.note(f"{study}: trial {record.number} failed: {record.error}")
    about = opened.about
    origin = origin_of(locate(remembered_data(about.data, study) if data is None else data))
    return found, Setting(origin=origin, inputs=opened.space.scoring.inputs, runtime=dict(about.runtime))


def _show(table: Table) -> None:
    """Print a table for each metric, the paper's figures beside ours, so that it fits a terminal; then what it says."""
    from mqn.report.tables.rendering import findings, metric_rows, words

    output.line(table.title)
    for metric in table.metrics:
        output.table(*metric_rows(table, metric))
    for heading, lines in findings(table).items():
        output.line(heading)
        for line in lines:
            _wrapped(line)
        output.line("")
    for note in words(table, "*"):
        _wrapped(note)


def _wrapped(text: str) -> None:
    output.line(textwrap.fill(text, 78, initial_indent="- ", subsequent_indent="  ", break_long_words=False))

"""`mqn ablate`: the paper's Tables 1 and 2, ours beside theirs."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Data, Json, ProfileName, Settings, check_files, parse_settings
from mqn.errors import MqnError
from mqn.families import DEFAULT_FAMILY
from mqn.profile import load_profile

if TYPE_CHECKING:
    from mqn.records import TrialRecord
    from mqn.report.tables.ablation import Table
    from mqn.report.tables.departures import Setting

EXAMPLE = "mqn ablate quantization --data photos --seeds 3 --csv table2.csv"


def ablate(
    kind: Annotated[str, typer.Argument(help="attention, losses (Table 1) or quantization (Table 2).")],
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of every row, each with another seed.")] = 1,
    data: Data = None,
    settings: Settings = None,
    study: Annotated[str | None, typer.Option(help="Name of the studies. Default: ablate-KIND.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the table as Markdown.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the table as CSV.")] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Run the paper's ablation and print its table. The same command resumes it; nothing runs twice.

    Rows are compared picture by picture: a difference of accuracies has its 95 % interval over the pictures' sources,
    and with several seeds over seeds too.
    """
    from mqn.report.front.scorebook import Scorebook
    from mqn.report.tables.ablation import ablation, published
    from mqn.report.tables.rendering import to_csv, to_json, to_markdown
    from mqn.search.artifacts import ArtifactStore

    published(kind, parse_settings(settings).get("arch.family", DEFAULT_FAMILY))
    check_files(markdown, csv)  # Checked first: trainings take hours.
    name = study or f"ablate-{kind}"
    records: list[TrialRecord] = []
    for seed in range(seeds):
        found, setting = _run(kind, f"{name}-seed{seed}", seed, data, settings, profile)
        records += found
    table = ablation(kind, records, setting, Scorebook(ArtifactStore.of(load_profile(profile).storage)))
    for path, text in ((markdown, to_markdown), (csv, to_csv)):
        if path is not None:
            path.write_text(text(table), encoding="utf-8")
            output.note(f"written: {path}")
    if json:
        output.document(to_json(table))
    else:
        _show(table)
    if any(record.state == "held" for record in records):
        raise typer.Exit(1)  # The table is not complete. How to resume was said above.


def _run(
    kind: str, study: str, seed: int, data: str | None, settings: list[str] | None, profile: str
) -> tuple[list[TrialRecord], Setting]:
    from mqn.cli.study.live_progress import LiveProgress
    from mqn.data.licence import origin_of
    from mqn.data.location import locate
    from mqn.report.tables.departures import Setting
    from mqn.search.study.driver import SearchRequest, run_search
    from mqn.search.study.planning import remembered_data
    from mqn.search.study.studies import list_studies, open_study
    from mqn.search.study.trials import records

    url = load_profile(profile).study_url
    request = SearchRequest(
        space=kind,
        profile=profile,
        study=study,
        resume=study in list_studies(url),
        seed=seed,
        data=data,
        overrides=parse_settings(settings),
    )
    summary = run_search(request, output.note, LiveProgress)
    for line in summary.held:
        output.note(f"{study}: {line}")
    if summary.stopped in ("budget", "interrupted"):
        raise MqnError(f"stopped ({summary.why}) before the table was complete; run the same command again")
    opened = open_study(study, url)
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
    for note in words(table):
        _wrapped(note.replace("Bold:", "*:"))


def _wrapped(text: str) -> None:
    output.line(textwrap.fill(text, 78, initial_indent="- ", subsequent_indent="  ", break_long_words=False))

"""`mqn export-study`: writes a study into one file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, check_files
from mqn.errors import DataError, NothingSatisfiesError, UnknownNameError, UsageError
from mqn.profile import load_profile

if TYPE_CHECKING:
    from mqn.report.front.front import Front
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.exchange.exporting import Load
    from mqn.search.exchange.moment import Moment

EXAMPLE = "mqn export-study smoke smoke.zip --artifacts front"


def export_study(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    file: Annotated[Path, typer.Argument(help="The .zip file to write.")],
    artifacts: Annotated[
        Literal["front", "all", "none"],
        typer.Option(
            help="Whose artifacts go in. front: models, scores and measurements of the front's trials, which select "
            "needs; all: every trial's, checkpoints too; none: figures and curves alone."
        ),
    ] = "front",
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Write a study into one file: its trials, its front as page, picture and JSON, and artifacts.

    `mqn import-study` reads it on any machine and into any database. Paths, hosts and addresses of this machine are
    left out, and so are the pictures. A study that still runs is written as it is now.
    """
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.exchange.archive import check_replaceable
    from mqn.search.exchange.exporting import choose_artifacts, write_archive
    from mqn.search.exchange.moment import take_moment
    from mqn.search.study.studies import open_study

    if file.suffix.lower() != ".zip":
        raise UsageError(f"{file}: a study is written into a .zip file; give a name that ends so")
    check_files(file)
    check_replaceable(file)
    settings = load_profile(profile)
    store = ArtifactStore.of(settings.storage)
    with output.spinner(f"reading {study}"):
        opened = open_study(study, settings.study_url)
        moment = take_moment(opened)
        fronts = _fronts(moment, store)
        shown = {
            record.number
            for front in fronts
            for point in front.points
            for record in (point.record, *point.confirmed_by)
        }
        load = choose_artifacts(moment.records, shown, store, artifacts)
        pages = _pages(moment, fronts, store)
        licence = _licence(opened.about.data, opened.about.data_hash, simulated=opened.about.simulated)
    with output.progress(of_bytes=True) as bar:
        task = bar.add_task(f"writing {file.name}", total=load.size_bytes + sum(map(len, pages.values())))
        contents = write_archive(
            file,
            moment,
            load,
            store,
            licence=licence,
            pages=pages,
            progress=lambda size: bar.update(task, advance=size),
        )
    if json:
        plain = {"study": study, "file": file, "size_bytes": file.stat().st_size, "trials": contents.trials}
        output.document(
            {**plain, "artifacts": len(load.whole), "missing": contents.missing, "pictures": contents.pictures}
        )
        return
    for line in _told(moment, load):
        output.note(line)
    output.line(f"written: {file}, {_megabytes(file)}; import it with: mqn import-study {file}")


def _fronts(moment: Moment, store: ArtifactStore) -> list[Front]:
    """The study's front, and that on each of its devices; none without a complete trial."""
    from mqn.report.front.front import front
    from mqn.report.front.scorebook import Scorebook

    book, space = Scorebook(store), moment.space
    found = []
    for device in (None, *moment.about.targets):
        try:
            found.append(front(moment.records, space.objectives, device, space.constraints, book))
        except (NothingSatisfiesError, UnknownNameError):  # Nothing was measured there yet.
            continue
    return found


def _pages(moment: Moment, fronts: list[Front], store: ArtifactStore) -> Mapping[str, bytes]:
    """What people without mqn look at: the study's page, and its front as picture and JSON."""
    import json

    from mqn.report.figures.front_picture import write_front_png
    from mqn.report.pages.dashboard import load_dashboard
    from mqn.report.pages.page import write_page

    if not moment.records:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        made = [Path(folder) / "front.html"]
        write_page(moment.records, moment.space, load_dashboard(), made[0], store=store)
        if fronts:
            made += [Path(folder) / "front.png", Path(folder) / "front.json"]
            write_front_png(fronts[0], made[1])
            made[2].write_text(json.dumps(fronts[0].plain(), indent=1) + "\n", encoding="utf-8")
        return {path.name: path.read_bytes() for path in made}


def _licence(data: str | None, data_hash: str, *, simulated: bool) -> str | None:
    """What the pictures' publisher allows, where the pictures are still the study's and that is recorded."""
    from mqn.data.licence import origin_of
    from mqn.data.location import locate

    if simulated:
        return None
    try:
        dataset = locate(data)
    except DataError:
        return None
    return origin_of(dataset).licence if dataset.hash == data_hash else None


def _told(moment: Moment, load: Load) -> list[str]:
    lines = []
    if moment.unfinished:
        lines.append(
            f"{moment.unfinished} of its trials have not ended: they go in without figures, and who resumes the study "
            "there begins them again"
        )
    if load.missing:
        lines.append(
            f"{len(load.missing)} artifacts are missing or damaged here, and do not go in: see manifest.json in it"
        )
    if load.which == "all" and any(stage == "train" for stage, _ in load.whole):
        lines.append("checkpoints hold what they were trained with, paths of weights too where paths were given")
    return lines


def _megabytes(file: Path) -> str:
    from rich.filesize import decimal

    return decimal(file.stat().st_size)

"""`mqn select`: picks a model from a study, verifies it again, writes a bundle and registers it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, parse_bounds
from mqn.cli.system.tracking import load_tracked
from mqn.profile import Profile, load_profile
from mqn.quantities import quantity

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.records import TrialRecord
    from mqn.report.bundle.bundle import Bundle
    from mqn.report.bundle.verification import Verification
    from mqn.search.space.goals import Scoring

EXAMPLE = "mqn select smoke --by psnr_tm --max latency_ms=21 --output bundle"


def select(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    by: Annotated[str, typer.Option(help="The figure to be best in.")],
    at_most: Annotated[
        list[str] | None, typer.Option("--max", help="Largest value of a figure. May be repeated.", metavar="METRIC=V")
    ] = None,
    at_least: Annotated[
        list[str] | None, typer.Option("--min", help="Smallest value of a figure. May be repeated.", metavar="METRIC=V")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="Device whose figures count, and whose file is taken. Default: the study's first."),
    ] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the bundle.")] = Path("bundle"),
    data: Annotated[
        str | None, typer.Option(help="The study's data, where they lie somewhere else by now.", show_default=False)
    ] = None,
    register_model: Annotated[
        bool, typer.Option("--register/--no-register", help="Put it in MLflow's registry.")
    ] = True,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Pick the best model within limits, score its files once more, write a bundle, register it."""
    from mqn.data.licence import origin_of
    from mqn.data.location import locate
    from mqn.report.bundle.bundle import check_replaceable, write_bundle
    from mqn.report.bundle.verification import check_data
    from mqn.report.front.selection import select as pick
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.study.planning import remembered_data
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records
    from mqn.track.registry import model_name

    by = quantity(by).name
    limits = parse_bounds(at_most, "--max"), parse_bounds(at_least, "--min")
    settings = load_tracked(profile) if register_model else load_profile(profile)
    opened = open_study(study, settings.study_url)
    record = pick(records(opened), by, *limits, device=device)
    check_replaceable(out.resolve())  # Checked before the work.
    dataset = locate(remembered_data(opened.about.data, study) if data is None else data)
    check_data(dataset, opened.about.data_hash, study)
    scoring = opened.space.scoring
    verified: list[Verification] = []
    folder = write_bundle(
        record,
        ArtifactStore.of(settings.storage),
        out,
        device=device,
        origin=origin_of(dataset),
        inputs=scoring.inputs,
        check=lambda bundle: verified.append(_verify(bundle, record, scoring, dataset)),
    )
    if not json:
        value = record.figures_by_name(device)[by]
        output.line(f"trial {record.number}: {record.label}, {by} {quantity(by).table_text(value)}")
        (done,) = verified
        again = ", ".join(f"{name} {quantity(name).table_text(value)}" for name, value in done.figures.items())
        output.line(f"verified again on this machine, {done.pictures} pictures, {done.inputs} inputs: {again}")
        output.line(f"bundle: {folder}   (start with {folder / 'README.md'} and {folder / 'MODEL_CARD.md'})")
    version = _register(record, by, folder, settings, device) if register_model else ""
    if json:
        output.document({"bundle": folder, "record": record, "verified": verified[0], "version": version})
    elif version:
        output.line(f"registered: {model_name(study)} version {version}")


def _verify(bundle: Bundle, record: TrialRecord, scoring: Scoring, dataset: Dataset) -> Verification:
    from mqn.report.bundle.verification import verify

    with output.progress() as bar:
        task = bar.add_task("verifying", total=None)
        return verify(
            bundle, record, scoring, dataset, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )


def _register(record: TrialRecord, by: str, folder: Path, profile: Profile, device: str | None) -> str:
    from mqn.home import home
    from mqn.track.registry import model_name
    from mqn.track.tracker import Tracker

    figures = record.figures_by_name(device)
    tags = {name: f"{figures[name]:.10g}" for name in dict.fromkeys((by, "psnr_tm", "latency_ms")) if name in figures}
    tags["candidate"] = record.label
    with closing(Tracker(profile.tracking_uri, home() / "spool", registry=profile.registry_uri)) as tracker:
        return tracker.register_bundle(
            model_name(record.study), folder, study=record.study, number=record.number, tags=tags
        )

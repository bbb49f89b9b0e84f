"""`mqn select`: picks a model from a study, verifies it again, writes a bundle and registers it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName, parse_bounds
from mqn.errors import ModelFileError
from mqn.profile import load_profile
from mqn.quantities import quantity

if TYPE_CHECKING:
    from mqn.records import TrialRecord
    from mqn.search.study import Study

# A file scores the same wherever it runs, up to the last bits of another processor's float arithmetic.
TOLERANCE_DB = 0.01


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("select", epilog="Example: mqn select smoke --by psnr_tm --max latency_ms=21 --output bundle")(select)


def select(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    by: Annotated[str, typer.Option(help="The figure to be best in.")],
    at_most: Annotated[
        list[str] | None, typer.Option("--max", help="Largest value of a figure. May be repeated.", metavar="METRIC=V")
    ] = None,
    at_least: Annotated[
        list[str] | None, typer.Option("--min", help="Smallest value of a figure. May be repeated.", metavar="METRIC=V")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Device whose figures count. Default: the study's first.")] = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the bundle.")] = Path("bundle"),
    register_model: Annotated[
        bool, typer.Option("--register/--no-register", help="Put it in MLflow's registry.")
    ] = True,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Pick the best model within limits, score its files once more, write a bundle, register it."""
    from mqn.report.bundle import write_bundle
    from mqn.report.selection import select as pick
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.study import open_study, records

    quantity(by)
    limits = parse_bounds(at_most, "--max"), parse_bounds(at_least, "--min")
    settings = load_profile(profile)
    opened = open_study(study, settings.study_url)
    record = pick(records(opened), by, *limits, device=device)
    folder = write_bundle(record, ArtifactStore(settings.artifacts), out)
    verified = _verify(record, opened, folder)
    version = _register(record, folder, settings.tracking_uri) if register_model else ""
    if json:
        output.document({"bundle": folder, "record": record, "verified": verified, "version": version})
        return
    output.line(f"trial {record.number}: {record.label}, {by} {record.figures[by]:.4g}")
    output.line(f"verified: psnr_tm {verified:.3f} dB again on this machine")
    if version:
        output.line(f"registered: {_model_name(record)} version {version}")
    output.line(f"bundle: {folder}   (start with {folder / 'README.md'})")


def _verify(record: TrialRecord, study: Study, folder: Path) -> float:
    from mqn.data.dataset import locate
    from mqn.data.pairs import evaluation_pictures
    from mqn.export.runner import Runner
    from mqn.metrics.protocol import score
    from mqn.report.bundle import load_bundle

    bundle = load_bundle(folder)
    pictures = evaluation_pictures(locate(study.about.data), bundle.input_size)
    with output.progress() as bar:
        task = bar.add_task("verifying", total=len(pictures))
        scores = score(
            Runner(bundle.files, bundle.codec).predict,
            pictures,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    again, recorded = scores.scores["psnr_tm"].mean, record.figures["psnr_tm"]
    if abs(again - recorded) > TOLERANCE_DB:
        raise ModelFileError(
            f"{folder} scores psnr_tm {again:.3f} dB, its trial recorded {recorded:.3f}: "
            "the data has changed since, or this machine's runtime differs; run the study anew on this data"
        )
    return again


def _model_name(record: TrialRecord) -> str:
    return f"mqn-{record.study}"


def _register(record: TrialRecord, folder: Path, uri: str) -> str:
    from mqn.home import home
    from mqn.track.tracker import Tracker

    figures = record.figures
    tags: dict[str, str] = {name: f"{figures[name]:.6g}" for name in ("psnr_tm", "latency_ms") if name in figures}
    tags["candidate"] = record.label
    tracker = Tracker(uri, home() / "spool")
    return tracker.register_bundle(_model_name(record), folder, study=record.study, number=record.number, tags=tags)

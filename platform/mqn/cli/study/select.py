"""`mqn select`: picks a model from a study, measures and scores it again, writes a bundle and registers it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mqn.cli import output
from mqn.cli.options import Json, parse_bounds
from mqn.cli.system.tracking import load_tracked
from mqn.errors import StudyError, UsageError
from mqn.profile import Profile, load_profile
from mqn.quantities import quantity, split_target

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.records import TrialRecord
    from mqn.report.bundle.bundle import Bundle
    from mqn.report.bundle.remeasure import Remeasurement
    from mqn.report.bundle.verification import Verification
    from mqn.report.front.selection import Selection
    from mqn.search.space.goals import Scoring
    from mqn.search.study.study import Study

EXAMPLE = "mqn select smoke --max latency_ms=21 --top 5 --alias candidate --output bundle"

UNMEASURED = "--no-measure"
SHOWN = 3
"""So many trials are in the JSON document at least, where there are as many."""
Alias = Literal["candidate", "champion"]
"""What a registered version may be called: one that may be shipped, and the one that is."""


def select(
    study: Annotated[str, typer.Argument(help="A study's name.")],
    by: Annotated[str | None, typer.Option(help="The figure to be best in. Default: the knee of the front.")] = None,
    at_most: Annotated[
        list[str] | None,
        typer.Option(
            "--max",
            help="Largest value of a figure: latency_ms=20, latency_ms/pixel=20. May be repeated.",
            metavar="METRIC=V",
        ),
    ] = None,
    at_least: Annotated[
        list[str] | None, typer.Option("--min", help="Smallest value of a figure. May be repeated.", metavar="METRIC=V")
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="Device whose figures count. May be repeated: limits hold on each, --by is the worst of theirs, and "
            "the first one's file is taken. Default: the study's first."
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Show so many trials, the best first.")] = 1,
    measure: Annotated[
        bool, typer.Option("--measure/--no-measure", help="Measure the model again, and refuse it if it differs.")
    ] = True,
    out: Annotated[Path, typer.Option("--output", "-o", help="Folder of the bundle.")] = Path("bundle"),
    data: Annotated[
        str | None, typer.Option(help="The study's data, where they lie somewhere else by now.", show_default=False)
    ] = None,
    register_model: Annotated[
        bool, typer.Option("--register/--no-register", help="Put it in MLflow's registry.")
    ] = True,
    alias: Annotated[
        Alias | None,
        typer.Option(help="What the registered version is called from now on.", show_default=False),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Runner profile: a name in runners/ or a .toml file. Default: default; devices are those of the "
            "profile that the study ran with.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Pick a model within limits, measure and score it once more, write a bundle, register it.

    Without --by it is the knee of the front within the limits: each objective is put on a scale from 0, the front's
    best, to 1, its worst, and the trial with the smallest sum is taken. Of trials that cannot be told apart in what
    decides, the faster is taken, then the smaller.
    """
    from mqn.data.licence import origin_of
    from mqn.data.location import locate
    from mqn.report.bundle.bundle import check_replaceable, write_bundle
    from mqn.report.bundle.remeasure import other_files, reach
    from mqn.report.bundle.verification import check_data
    from mqn.report.front.choice.wish import Wish
    from mqn.report.front.choice.words import selection_lines, selection_table
    from mqn.report.front.scorebook import Scorebook
    from mqn.report.front.selection import select as pick
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.study.planning import remembered_data
    from mqn.search.study.studies import open_study
    from mqn.search.study.trials import records

    wish = Wish(
        by=None if by is None else quantity(by).name,
        at_most=parse_bounds(at_most, "--max"),
        at_least=parse_bounds(at_least, "--min"),
        devices=parse_devices(device),
    )
    if alias is not None and not register_model:
        raise UsageError(f"--alias {alias}: --no-register leaves nothing to give it to; leave one of them out")
    name = profile or "default"
    settings = load_tracked(name) if register_model else load_profile(name)
    opened = open_study(study, settings.study_url)
    store = ArtifactStore.of(settings.storage)
    count = max(top, SHOWN)
    found = pick(records(opened), opened.space.objectives, wish, book=Scorebook(store), count=count)
    record, first = found.picked, next(iter(wish.devices), None)
    check_replaceable(out.resolve())  # Checked before the work.
    dataset = locate(remembered_data(opened.about.data, study) if data is None else data)
    check_data(dataset, opened.about.data_hash, study)
    targets = _measured_on(found, wish.devices) if measure else ()
    if not json:
        if top > 1:
            output.table(*selection_table(found, top))
        for line in selection_lines(found, top):
            output.line(line)
    verified: list[Verification] = []
    with ExitStack() as stack:
        devices = None
        if targets:
            devices = stack.enter_context(reach(opened, _measuring(profile, settings, opened), store, targets))

        def check(bundle: Bundle) -> None:
            verified.append(_verify(bundle, record, opened.space.scoring, dataset, devices, targets, first))

        origin, inputs = origin_of(dataset), opened.space.scoring.inputs
        folder = write_bundle(
            record, store, out, device=first, origin=origin, dataset=dataset, inputs=inputs, check=check
        )
    if not json:
        for line in verified[0].lines:
            output.line(line)
        output.line(f"bundle: {folder}   (start with {folder / 'README.md'} and {folder / 'MODEL_CARD.md'})")
        for line in other_files(record, wish.devices):
            output.line(f"  {line}")
    version = _register(found, verified[0], folder, settings, first, alias) if register_model else ""
    if json:
        picked = {"by": wish.by, "why": found.why, "among": found.among, "ranked": found.plain()}
        shown = {"bundle": folder, "record": record, "verified": verified[0], "version": version, "alias": alias}
        output.document({**shown, **picked})
    elif version:
        from mqn.track.registry import model_name

        output.line(f"registered: {model_name(study)} version {version}{f', alias {alias}' if alias else ''}")


def parse_devices(words: Sequence[str] | None) -> tuple[str, ...]:
    """Read `--device` options, each of which may name several with commas between; every one once.

    Raises:
        UsageError: one names nothing.
    """
    found = [name.strip() for word in words or () for name in word.split(",")]
    if not all(found):
        raise UsageError(f"--device {','.join(words or ())!r}: write a device's name, or several: --device board,phone")
    return tuple(dict.fromkeys(found))


def _measuring(given: str | None, settings: Profile, study: Study) -> Profile:
    """The profile whose devices measure: the one that was given, else the one that the study ran with."""
    ran = study.about.profile
    if given is not None or ran == "default":
        return settings
    try:
        return load_profile(ran)
    except UsageError as error:
        raise StudyError(
            f"study {study.name!r} was measured with profile {ran}, which cannot be read ({error}); give it with "
            f"--profile, or leave the measurement out with {UNMEASURED}"
        ) from error


def _measured_on(found: Selection, devices: Sequence[str]) -> tuple[str, ...]:
    """The targets whose figures decided: those that were named, else those of the figures, else the first."""
    named = [target for axis in found.axes if (target := split_target(axis.metric)[1]) is not None]
    return tuple(devices or dict.fromkeys(named) or found.picked.targets[:1])


def _verify(
    bundle: Bundle,
    record: TrialRecord,
    scoring: Scoring,
    dataset: Dataset,
    devices: Remeasurement | None,
    targets: Sequence[str],
    first: str | None,
) -> Verification:
    """Measure and score what lies in the bundle, and write there what came of it."""
    from mqn.cli.device.waiting import waiting
    from mqn.report.bundle.remeasure import refuse_difference, same_file
    from mqn.report.bundle.verification import keep_verification, verify

    measured = []
    for target in targets:
        assert devices is not None
        with waiting(target) as wait:
            wait.begin("measuring it again")
            files = bundle.files if same_file(record, target, first) else ()
            measured.append(devices.measure(record, target, files, wait.turn))
        refuse_difference(record, measured[-1])
    with output.progress() as bar:
        task = bar.add_task("scoring it again", total=None)
        scored = verify(
            bundle, record, scoring, dataset, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    why = "" if measured else UNMEASURED if record.targets else "the study measured nothing"
    found = replace(scored, measured=tuple(measured), unmeasured=why)
    keep_verification(bundle, found)
    return found


def _register(
    found: Selection, verified: Verification, folder: Path, profile: Profile, device: str | None, alias: str | None
) -> str:
    from mqn.home import home
    from mqn.track.registry import model_name
    from mqn.track.tracker import Tracker

    record = found.picked
    figures = record.figures_by_name(device)
    names = dict.fromkeys((*(axis.metric for axis in found.axes), "psnr_tm", "latency_ms"))
    tags = {name: f"{figures[name]:.10g}" for name in names if name in figures}
    tags |= {"candidate": record.label, "measured_again": verified.unmeasured or "yes"}
    with closing(Tracker(profile.tracking_uri, home() / "spool", registry=profile.registry_uri)) as tracker:
        return tracker.register_bundle(
            model_name(record.study), folder, study=record.study, number=record.number, tags=tags, alias=alias
        )

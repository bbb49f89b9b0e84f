"""`mqn measure`: latency and memory of exported files on a device, alone or against another model."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mqn.cli import output
from mqn.cli.device.waiting import Wait, waiting
from mqn.cli.options import Json, ProfileName, parse_picture
from mqn.errors import DeviceError, MeasurementError, UsageError
from mqn.parsing import to_plain
from mqn.profile import DeviceProfile, load_profile
from mqn.records import PRESETS, Comparison, Delegate, Measurement, MeasureSettings, OpProfile
from mqn.text.display_names import tell_apart

if TYPE_CHECKING:
    from mqn.device.client import Client

PRESET_FIELDS = ("processes", "warmup_seconds", "warmup_limit_seconds", "runs", "seconds", "timeout_seconds")
"""What `--preset` changes; what counts and with how many threads stays as the profile says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as the command line names it: its files, and what it is called in tables and pictures."""

    name: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done on the device: measure `model`, or compare it with `against`; and profile them."""

    model: Model
    against: Model | None
    profile_ops: bool
    settings: MeasureSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureResults:
    """The results; a failure, or a verdict that is not accepted, is reported last.

    `beside` is the time over the reference model's, in turns with it, on a paired device.
    """

    main: Measurement | Comparison
    beside: Comparison | None = None
    profiles: tuple[OpProfile, ...] = ()
    failure: DeviceError | None = None


EXAMPLE = "mqn measure bundle --against other --profile-ops --histogram ab.png"


def measure(
    model: Annotated[
        list[Path],
        typer.Argument(
            help="A .tflite file, two (backbone, head), a folder with an export, or default: the model in the box."
        ),
    ],
    device: Annotated[
        str | None, typer.Option(help="Device of the profile, or 'kind:...' for any of a kind. Default: its first.")
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="Second model, timed in turns with the first. Twice for backbone, head.")
    ] = None,
    profile_ops: Annotated[bool, typer.Option("--profile-ops", help="Also tell where the time goes.")] = False,
    preset: Annotated[
        Literal["quick", "strict"] | None, typer.Option(help="How long and how often. Default: as the profile says.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of the runtime.")] = None,
    processors: Annotated[str | None, typer.Option(help="Processors to run on, for example 0,1.")] = None,
    delegate: Annotated[Delegate | None, typer.Option(help="What the runtime hands the graph to.")] = None,
    histogram: Annotated[Path | None, typer.Option(help="Write a picture (.png) of all samples.")] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Time a model on a device: raw samples, order statistics with their ranges, and whether to trust them."""
    from mqn.device.pool.pool import Pool
    from mqn.infer.exported import model_files

    parse_picture(histogram, "--histogram")
    runner = load_profile(profile)
    given = {"threads": threads, "processors": parse_processors(processors), "delegate": delegate}
    settings = settle(runner.measure, preset, given)
    names = tell_apart([model, against]) if against else (" + ".join(map(str, model)),)
    work = Work(
        model=Model(name=names[0], files=tuple(model_files(model))),
        against=Model(name=names[1], files=tuple(model_files(against))) if against else None,
        profile_ops=profile_ops,
        settings=settings,
    )
    target = device or next(iter(runner.targets or runner.devices))
    with waiting(target) as wait, Pool(runner.devices) as pool, pool.open(target) as (name, client):
        results = carry_out(client, name, runner.devices[name], work, wait)
    drawn = histogram is not None and has_samples(results.main)
    if histogram is not None and drawn:
        _draw(results.main, work, histogram)
    if json:
        output.document(_plain(results, work))
    else:
        _show(results, work)
        if drawn:
            output.line(f"written: {histogram}")
    if results.failure is not None:
        raise results.failure


def settle(settings: MeasureSettings, preset: str | None, given: dict[str, Any]) -> MeasureSettings:
    """The profile's settings with a preset and the fields that the command line gives (None: not given).

    Raises:
        UsageError: a value is out of its range.
    """
    changes: dict[str, Any] = {}
    if preset is not None:
        changes = {name: getattr(PRESETS[preset], name) for name in PRESET_FIELDS}
    changes |= {name: value for name, value in given.items() if value is not None}
    try:
        return dataclasses.replace(settings, **changes)
    except ValueError as error:
        raise UsageError(str(error)) from error


def parse_processors(text: str | None) -> tuple[int, ...] | None:
    """Read `--processors 0,1`; a `UsageError` where it is no list of numbers."""
    if text is None:
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise UsageError(f"--processors {text!r}: give numbers with commas between, for example 0,1")
    return tuple(map(int, words))


def carry_out(client: Client, name: str, device: DeviceProfile, work: Work, wait: Wait) -> MeasureResults:
    """Measure or compare, then profile, and tell `wait` how it goes.

    Returns:
        What was measured, whatever its verdict; one that is not accepted comes with its failure.

    Raises:
        DeviceError: the device is away or refuses, or nothing was measured.
    """
    from mqn.device.measure import compare, profile
    from mqn.device.measure import measure as run
    from mqn.device.pairing import PAIRED
    from mqn.device.pool.state_bounds import bounds_of
    from mqn.device.predictor.profiles import keep_profile, profiles_folder

    told: dict[str, Any] = {"bounds": bounds_of(name, device), "on_state": wait.state, "on_wait": wait.turn}
    main: Measurement | Comparison
    refusal: MeasurementError | None = None
    paired = device.paired and work.against is None
    try:
        if work.against is None:
            wait.begin("measuring")
            settings = dataclasses.replace(work.settings, accept=PAIRED) if paired else work.settings
            main = run(client, work.model.files, settings, **told)
        else:
            wait.begin("timing both in turns")
            main = compare(client, work.model.files, work.against.files, work.settings, **told)
    except MeasurementError as error:
        if error.measurement is None:
            raise
        main, refusal = error.measurement, error
        if not has_samples(main):
            return MeasureResults(main=main, failure=refusal)
    profiles: list[OpProfile] = []
    beside: Comparison | None = None
    try:
        if paired:
            wait.begin("timing it in turns with the reference model")
            beside = _time_beside_reference(client, work, told)
        for model in (work.model, work.against) if work.profile_ops else ():
            if model is not None:
                wait.begin("profiling operators")
                profiles.append(profile(client, model.files, work.settings, **told))
                keep_profile(profiles_folder(), profiles[-1], model.files)
    except DeviceError as error:
        return MeasureResults(main=main, beside=beside, profiles=tuple(profiles), failure=refusal or error)
    return MeasureResults(main=main, beside=beside, profiles=tuple(profiles), failure=refusal)


def _time_beside_reference(client: Client, work: Work, told: dict[str, Any]) -> Comparison:
    from mqn.device.pairing import time_beside, write_reference

    with tempfile.TemporaryDirectory(prefix="mqn-reference-") as folder:
        return time_beside(client, work.model.files, write_reference(Path(folder)), work.settings, **told)


def _draw(main: Measurement | Comparison, work: Work, path: Path) -> None:
    from mqn.report.figures.histogram import write_comparison_png, write_measurement_png

    if isinstance(main, Measurement):
        write_measurement_png(main, work.model.name, path)
    else:
        assert work.against is not None
        write_comparison_png(main, (work.model.name, work.against.name), path)


def has_samples(found: Measurement | Comparison) -> bool:
    """Whether anything was timed; a model that crashes has only a verdict."""
    return found.latency_ms is not None if isinstance(found, Measurement) else bool(found.first and found.second)


def _plain(results: MeasureResults, work: Work) -> dict[str, Any]:
    from mqn.report.timing.words import verdict_on

    plain: dict[str, Any] = to_plain(results.main)
    if isinstance(results.main, Comparison):
        assert work.against is not None
        plain["models"] = names = [work.model.name, work.against.name]
        plain["sentence"] = verdict_on(results.main.p50, names)
    if results.beside is not None:
        plain["beside_reference"] = to_plain(results.beside)
    for key, found in zip(("op_profile", "op_profile_against"), results.profiles, strict=False):
        plain[key] = to_plain(found)
    return plain


def _show(results: MeasureResults, work: Work) -> None:
    from mqn.cli.device.measure_tables import (
        print_beside_reference,
        print_comparison,
        print_measurement,
        print_profile,
        print_verdict,
    )

    models = [model for model in (work.model, work.against) if model is not None]
    if not has_samples(results.main):
        print_verdict(results.main)
    elif isinstance(results.main, Measurement):
        print_measurement(results.main)
        if results.beside is not None:
            print_beside_reference(results.beside)
    else:
        print_comparison(results.main, [model.name for model in models])
    for model, found in zip(models, results.profiles, strict=False):
        print_profile(found, model.name)

"""`mqn devices list|check|bench`: the devices that a profile names."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.errors import DeviceError, MeasurementError, MqnError
from mqn.profile import DeviceProfile, load_profile
from mqn.records import DeviceInfo, MachineState, MeasureSettings

if TYPE_CHECKING:
    from mqn.device.pool.pool import DeviceReport, Pool
    from mqn.device.wire import Guard

TRIAL = MeasureSettings(processes=1, warmup_seconds=0.05, warmup_limit_seconds=0.5, runs=20, seconds=0.1)
"""How `check` measures the smallest model: enough to see that a device measures at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What `check` learned of a device that works.

    Attributes:
        info: who it is.
        state: how busy, fast and warm it was.
        isolation: what passes are kept from there.
        trial_ms: p50 of the smallest model.
        trial_verdict: of that measurement.
        seconds: the whole trial took, upload, turn and all.
        repeatability: what is known of it, in words; None where it was never benched.
    """

    info: DeviceInfo
    state: MachineState
    isolation: tuple[Guard, ...]
    trial_ms: float
    trial_verdict: str
    seconds: float
    repeatability: str | None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    from mqn.cli.device.devices_bench import bench

    group = typer.Typer(help="The devices that a profile names.", no_args_is_help=True)
    group.command("list", epilog="Example: mqn devices list --profile lab.toml")(list_devices)
    group.command("check", epilog="Example: mqn devices check --profile lab.toml")(check)
    group.command("bench", epilog="Example: mqn devices bench --device board --output board.png")(bench)
    app.add_typer(group, name="devices")


def list_devices(profile: ProfileName = "default", json: Json = False) -> None:
    """The devices by name, kind and tags, and how each stands now."""
    from mqn.device.pool.pool import Pool

    devices = load_profile(profile).devices
    with Pool(devices) as pool:
        reports = _reach(pool, devices)
    known = {report.name: _repeatability(report) for report in reports}
    if json:
        output.document(
            {
                "devices": [
                    {
                        "name": report.name,
                        "kind": report.kind,
                        "tags": devices[report.name].tags,
                        "url": report.url,
                        "alone": devices[report.name].alone,
                        "state": report.state,
                        "error": report.error,
                        "info": report.info,
                        "repeatability": known[report.name],
                    }
                    for report in reports
                ]
            }
        )
        return
    output.table(
        ["device", "kind", "tags", "address", "state", "repeatability"],
        [
            [
                report.name,
                report.kind or "-",
                " ".join(f"{tag}:{value}" for tag, value in devices[report.name].tags.items()) or "-",
                report.url,
                report.state,
                known[report.name] or "-",
            ]
            for report in reports
        ],
    )
    for report in reports:
        if report.error:
            output.line(f"{report.name}: {report.error}")


def check(profile: ProfileName = "default", json: Json = False) -> None:
    """Ask every device who it is and how it is, and measure a tiny model on it; fails if one does not work."""
    from mqn.cli.device.waiting import waiting
    from mqn.device.pool.pool import Pool

    devices = load_profile(profile).devices
    answers: dict[str, Answer] = {}
    failures: dict[str, str] = {}
    with waiting("devices") as wait, Pool(devices) as pool:
        reports = _reach(pool, devices)
        for report in reports:
            wait.begin(f"trying {report.name}")
            try:
                answers[report.name] = _try(pool, report)
            except MqnError as error:
                failures[report.name] = str(error)
    if json:
        output.document({"devices": answers, "failures": failures})
    else:
        for name, answer in answers.items():
            _print_answer(name, devices[name], answer)
    for name, reason in failures.items():
        output.error(f"{name}: {reason}")
    if failures:
        raise typer.Exit(1)


def _reach(pool: Pool, devices: Mapping[str, DeviceProfile]) -> tuple[DeviceReport, ...]:
    """Reach all devices at once; a failure stands in the device's report."""
    with contextlib.suppress(DeviceError):
        pool.reach(list(devices))
    return pool.report()


def _try(pool: Pool, report: DeviceReport) -> Answer:
    """Measure the smallest model on a device.

    Raises:
        DeviceError: it is away, rests, refuses, or cannot measure.
    """
    import time

    from mqn.device.lease import name_holder
    from mqn.device.measure import FINAL
    from mqn.device.reference_models import write_trial_model

    if report.state != "idle" or report.info is None:
        raise DeviceError(report.error or f"is {report.state}")
    began = time.monotonic()
    with TemporaryDirectory(prefix="mqn-check-") as folder, pool.address(report.name).connect() as client:
        model = write_trial_model(Path(folder) / "trial.tflite")
        client.send([model])
        state, isolation = client.state(), client.isolation()
        with client.lease(name_holder("mqn devices check")) as lease:
            found = lease.measure([model], TRIAL)
    if found.verdict in FINAL or found.latency_ms is None:
        raise MeasurementError(f"measured a tiny model as {found.verdict!r} ({'; '.join(found.reasons)})")
    return Answer(
        info=report.info,
        state=state,
        isolation=isolation.guards,
        trial_ms=found.latency_ms.p50,
        trial_verdict=found.verdict,
        seconds=time.monotonic() - began,
        repeatability=_repeatability(report),
    )


def _print_answer(name: str, device: DeviceProfile, answer: Answer) -> None:
    from mqn.report.timing.words import machine_text

    info = answer.info
    imitated = f", imitates {info.architecture}: no figure of it counts" if info.emulated else ""
    output.line(f"{name}: {info.model}, {info.soc}, {info.cores} cores, {info.os}, {info.runtime}{imitated}")
    output.line(
        f"  {info.backend}, delegates {' '.join(info.delegates)}; now {machine_text(answer.state, answer.state)}"
    )
    bounds = [
        f"{key} {value:g}"
        for key in ("max_temperature_c", "min_battery_percent")
        if (value := getattr(device, key)) is not None
    ]
    if bounds:
        output.line(f"  keeps {', '.join(bounds)}")
    output.line(
        f"  measures: a tiny model in {answer.trial_ms:.3f} ms, {answer.trial_verdict}, {answer.seconds:.1f} s in all"
    )
    for guard in answer.isolation:
        output.line(f"  isolation of passes: {guard.text}")
    output.line(f"  repeatability: {answer.repeatability or f'unknown; mqn devices bench --device {name}'}")


def _repeatability(report: DeviceReport) -> str | None:
    from mqn.report.timing.repeatability import known_repeatability

    known = known_repeatability(report.info.id) if report.info is not None else None
    return None if known is None else known.text

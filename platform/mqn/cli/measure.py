"""`mqn measure`: latency and memory of exported files on a device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.errors import UnknownNameError
from mqn.profile import load_profile

if TYPE_CHECKING:
    from mqn.records import Measurement


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("measure", epilog="Example: mqn measure bundle --device local --profile laptop")(measure)


def measure(
    model: Annotated[
        list[Path], typer.Argument(help="A .tflite file, two (backbone, head), or a folder with an export.")
    ],
    device: Annotated[str | None, typer.Option(help="Device of the profile. Default: its first.")] = None,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Time a model on a device: raw samples, order statistics, and a verdict on whether to trust them."""
    from mqn.device.measure import measure as run
    from mqn.device.pool.own_agent import open_device
    from mqn.export.exported import model_files

    settings = load_profile(profile)
    name = device or next(iter(settings.devices))
    if name not in settings.devices:
        raise UnknownNameError("device", name, settings.devices, f"profile {profile!r} names them")
    files = model_files(model)
    with open_device(name, settings.devices[name]) as client:
        measurement = run(client, files, settings.measure)
    if json:
        output.document(measurement)
    else:
        _show(measurement)


def _show(measurement: Measurement) -> None:
    assert measurement.latency_ms is not None
    rows = [
        [
            part.part,
            *(f"{getattr(part.latency_ms, name):.3f}" for name in ("min", "p50", "p90", "p99")),
            str(part.latency_ms.n),
        ]
        for part in measurement.parts
    ]
    if len(rows) > 1:
        total = measurement.latency_ms
        rows.append(
            ["together", *(f"{getattr(total, name):.3f}" for name in ("min", "p50", "p90", "p99")), str(total.n)]
        )
    output.table(
        ["part", "min ms", "p50 ms", "p90 ms", "p99 ms", "runs"],
        rows,
        title=f"{measurement.device.id}: {measurement.device.soc}",
    )
    peak = "unknown" if measurement.peak_memory_mb is None else f"{measurement.peak_memory_mb:.1f} MB"
    output.line(f"peak memory {peak} ({measurement.memory_method}); cpu/wall {measurement.cpu_wall_ratio:.2f}")
    output.line(f"verdict: {measurement.verdict}{': ' + '; '.join(measurement.reasons) if measurement.reasons else ''}")

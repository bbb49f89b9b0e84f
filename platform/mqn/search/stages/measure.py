"""Measure an exported file on a device."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.errors import DeviceRefusedError, MeasurementError
from mqn.logs.capture import say
from mqn.parsing import to_plain, write_json
from mqn.quantities import quantity
from mqn.records import Measurement, MeasureSettings
from mqn.search.artifacts import Artifact
from mqn.search.stages.quantize import model_names
from mqn.search.work.jobs import MADE_AT, Job

if TYPE_CHECKING:
    from mqn.device.pool.address import Address
    from mqn.device.pool.state_bounds import StateBounds

STAGE, REVISION = "measure", 2
MEASUREMENT = "measurement.json"


def measure_job(
    model: Artifact, target: str, device_id: str | None, settings: MeasureSettings, *, holder: str, max_age_hours: float
) -> Job:
    """The measurement of a quantized model on a device, which is chosen when it begins.

    Args:
        model: what was quantized.
        target: a device by name, or any of a kind or with a tag.
        device_id: of the device that the target names; None where it may be any of several.
        settings: how is measured.
        holder: of the device's lease; no part of the key.
        max_age_hours: an older measurement is made again; no part of the key.
    """
    names = model_names(model)
    inputs = {
        "files": [model.manifest.files[name] for name in names],
        "target": target,
        "device_id": device_id,
        "settings": to_plain(settings),
        "revision": REVISION,
    }
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=measure,
        arguments={
            "files": [model.file(name) for name in names],
            "target": target,
            "settings": settings,
            "holder": holder,
        },
        target=target,
        max_age_seconds=3600 * max_age_hours,
    )


def measure(
    folder: Path,
    *,
    files: Sequence[Path],
    target: str,
    settings: MeasureSettings,
    holder: str,
    device: str,
    device_id: str,
    address: Address,
    bounds: StateBounds,
) -> dict[str, Any]:
    """Measure an exported file on a device.

    Args:
        folder: where to write.
        files: one file, or backbone and head.
        target: what was asked for.
        settings: how to measure.
        holder: of the device's lease.
        device: its name in the profile, known when the job is placed (`mqn.search.work.devices`).
        device_id: of the device that answered there; another device's figures do not count.
        address: how it is reached.
        bounds: what it must keep for a measurement to begin.

    Returns:
        `target`, `device`, `device_id`, `model`, `verdict`, `figures`, and when.

    Raises:
        DeviceRefusedError: it refuses, or another device answers at its address.
        DeviceAwayError: it went away.
        MeasurementError: no measurement counts; `kept` has the verdict and the figures of the last one.
    """
    from mqn.device.measure import measure as run
    from mqn.device.science.figures import figures, name_figures

    try:
        with address.connect() as client:
            measurement = run(client, files, settings, holder=holder, bounds=bounds)
    except MeasurementError as error:
        if isinstance(error.measurement, Measurement):
            error.kept = {"verdict": error.measurement.verdict, "figures": name_figures(error.measurement)}
        raise
    found = measurement.device
    told = ", ".join(f"{name} {quantity(name).text(value)}" for name, value in name_figures(measurement).items())
    say(f"device {device} ({found.model}): {measurement.verdict}; {told}")
    if found.id != device_id:
        raise DeviceRefusedError(f"device {device!r} was {device_id}, and {found.id} answers at its address now")
    write_json(folder / MEASUREMENT, measurement)
    return {
        "target": target,
        "device": device,
        "device_id": found.id,
        "model": found.model,
        "verdict": measurement.verdict,
        "figures": figures(measurement),
        MADE_AT: time.time(),
    }

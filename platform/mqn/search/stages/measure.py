"""Measure an exported file on a device; where the device is paired, in turns with a reference model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.errors import DeviceRefusedError, MeasurementError
from mqn.logs.capture import say
from mqn.parsing import from_mapping, to_plain, write_json
from mqn.quantities import quantity
from mqn.records import Measurement, MeasureSettings
from mqn.search.artifacts import Artifact, ArtifactFile
from mqn.search.stages.quantize import model_names
from mqn.search.work.jobs import MADE_AT, Job

if TYPE_CHECKING:
    from mqn.device.lease import OnWait
    from mqn.device.measure import Circumstances
    from mqn.device.pairing import Reference
    from mqn.device.pool.address import Address
    from mqn.device.pool.state_bounds import StateBounds

STAGE, REVISION = "measure", 2
REFERENCE_STAGE, REFERENCE_REVISION = "reference", 2
MEASUREMENT, PAIRING = "measurement.json", "pairing.json"


def measure_job(
    model: Artifact,
    target: str,
    device_id: str | None,
    settings: MeasureSettings,
    *,
    holder: str,
    max_age_hours: float,
    reference: Artifact | None = None,
) -> Job:
    """The measurement of a quantized model on a device, which is chosen when it begins.

    Args:
        model: what was quantized.
        target: a device by name, or any of a kind or with a tag.
        device_id: of the device that the target names; None where it may be any of several.
        settings: how is measured.
        holder: of the device's lease; no part of the key.
        max_age_hours: an older measurement is made again; no part of the key.
        reference: the reference model (`reference_job`), in turns with which it is measured; None: alone.
    """
    names = model_names(model)
    inputs: dict[str, Any] = {
        "files": [model.manifest.files[name] for name in names],
        "target": target,
        "device_id": device_id,
        "settings": to_plain(settings),
        "revision": REVISION,
    }
    beside: dict[str, Any] = {}
    if reference is not None:
        inputs["reference"] = reference.manifest.details["reference"]
        beside = {"reference": reference_files(reference), "known": reference_of(reference.manifest.details)}
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=measure,
        arguments={
            "files": [model.file(name) for name in names],
            "target": target,
            "settings": settings,
            "holder": holder,
            **beside,
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
    reference: Sequence[Path] = (),
    known: Reference | None = None,
    on_wait: OnWait | None = None,
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
        reference: of the reference model, in turns with which it is measured; empty: alone.
        known: what the reference model takes there.
        on_wait: told how many hold the device before; for who waits for it in person.

    Returns:
        `target`, `device`, `device_id`, `model`, `verdict`, `figures`, and when.

    Raises:
        DeviceRefusedError: it refuses, or another device answers at its address.
        DeviceAwayError: it went away.
        MeasurementError: no measurement counts; `kept` has the verdict and the figures of the last one.
    """
    from mqn.device.measure import measure as run
    from mqn.device.pairing import measure_paired
    from mqn.device.science.figures import figures, name_figures

    try:
        with address.connect() as client:
            others: Circumstances = {"holder": holder, "bounds": bounds, "on_wait": on_wait}
            if known is None:
                measurement = run(client, files, settings, **others)
            else:
                paired = measure_paired(client, files, reference, known, settings, **others)
                measurement = paired.measurement
                write_json(folder / PAIRING, paired.comparison)
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


def reference_job(target: str, device_id: str | None, settings: MeasureSettings, *, holder: str) -> Job:
    """The measurement of the reference model on the device that a target names; arguments as of `measure_job`."""
    return Job(
        stage=REFERENCE_STAGE,
        inputs={
            "target": target,
            "device_id": device_id,
            "settings": to_plain(settings),
            "revision": REFERENCE_REVISION,
        },
        function=measure_reference,
        arguments={"settings": settings, "holder": holder},
        target=target,
        doing="measure the reference model",
    )


def measure_reference(
    folder: Path,
    *,
    settings: MeasureSettings,
    holder: str,
    device: str,
    device_id: str,
    address: Address,
    bounds: StateBounds,
) -> dict[str, Any]:
    """Write the reference model and measure it; arguments and errors are those of `measure`.

    Returns:
        `device`, `device_id`, and `reference`: what it takes.
    """
    from mqn.device.pairing import settle, write_reference

    files = write_reference(folder)
    with address.connect() as client:
        found = settle(client, files, settings, holder=holder, bounds=bounds)
    say(f"device {device}: the reference model takes {found.p50:.4g} ms")
    return {"device": device, "device_id": device_id, "reference": to_plain(found)}


def reference_files(reference: Artifact) -> list[ArtifactFile]:
    """The files of the reference model, in the order they run."""
    return [reference.file(name) for name in sorted(reference.manifest.files) if name.endswith(".tflite")]


def reference_of(details: Mapping[str, Any]) -> Reference:
    """What the reference model takes, as an artifact's details tell it."""
    from mqn.device.pairing import Reference

    return from_mapping(Reference, details["reference"], source="the reference model's manifest")

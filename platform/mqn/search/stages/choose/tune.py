"""Tune an exported file for a device; kept, for it takes a minute or two."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.device.client import Client
from mqn.device.measure import Circumstances
from mqn.device.pairing import PAIRED
from mqn.errors import MeasurementError
from mqn.parsing import to_plain, write_json
from mqn.records import Comparison, DeviceInfo, MeasureSettings, Ratio, Tuning
from mqn.search.artifacts import Artifact
from mqn.search.stages.quantize import model_names
from mqn.search.work.jobs import Job

if TYPE_CHECKING:
    from mqn.device.predictor.graph import OpFeatures

STAGE, REVISION = "tune", 1
TUNING = "tuning.json"
LIMIT_SECONDS = 120.0
"""So long the tuning of one network tries rewrites. Two comparisons of the outcome come on top."""


def tune_job(
    model: Artifact,
    client: Client,
    settings: MeasureSettings,
    *,
    circumstances: Circumstances,
    tell: Callable[[str], object] = lambda _: None,
) -> Job:
    """Find the rewrites with which a network is fastest on a device.

    What is found holds for every network of the same operators and sizes, whatever its weights, and for every device of
    the same processor, features and runtime.

    Args:
        model: the quantized network without rewrites.
        client: of the device.
        settings: how it is timed: threads, delegate, processors.
        circumstances: what goes with every comparison; no part of the key.
        tell: told what is timed, before it is.
    """
    from mqn.device.predictor.graph import read_features

    files = [model.path(name) for name in model_names(model)]
    shape: list[tuple[OpFeatures, ...]] = [read_features(file) for file in files]
    info = client.info()
    return Job(
        stage=STAGE,
        inputs={
            "network": to_plain(shape),
            "device": [info.soc, info.architecture, *info.features, info.runtime],
            "threads": settings.threads,
            "delegate": settings.delegate,
            "processors": list(settings.processors),
            "revision": REVISION,
        },
        function=tune,
        arguments={
            "files": [model.file(name) for name in model_names(model)],
            "client": client,
            "device": info,
            "settings": settings,
            "circumstances": circumstances,
            "tell": tell,
        },
        packages=("ai-edge-litert", "numpy"),
    )


def tune(
    folder: Path,
    *,
    files: Sequence[Path],
    client: Client,
    device: DeviceInfo,
    settings: MeasureSettings,
    circumstances: Circumstances,
    tell: Callable[[str], object],
) -> dict[str, Any]:
    """Time, and write `tuning.json`; the arguments are those of `tune_job`.

    Returns:
        `device`: its model. `rewrites`: of the tuned file.

    Raises:
        DeviceAwayError: the device went away.
        MeasurementError: nothing could be timed, or the device is too unsteady even for comparisons.
    """
    from mqn.device.measure import compare
    from mqn.export.choose.tuning import tune as search
    from mqn.tflite.flatbuffer import Network

    began = time.monotonic()
    paired = replace(settings, accept=PAIRED)

    def ratio(first: Sequence[Path], second: Sequence[Path]) -> Ratio:
        return _ratio(compare(client, first, second, paired, **circumstances))

    with tempfile.TemporaryDirectory(prefix="mqn-tune-") as name:
        found = search(
            [Network.read(file) for file in files],
            Path(name),
            ratio,
            seconds_left=lambda: began + LIMIT_SECONDS - time.monotonic(),
            tell=tell,
        )
    tuning = Tuning(
        device=device,
        settings=settings,
        rewrites=found.rewrites,
        tried=found.tried,
        over_default=found.over_default,
        over_none=found.over_none,
        seconds=time.monotonic() - began,
    )
    write_json(folder / TUNING, tuning)
    return {"device": device.model, "rewrites": found.rewrites}


def _ratio(found: Comparison) -> Ratio:
    """The ratio of the medians. Raises `MeasurementError` where nothing is known of its range."""
    if found.p50 is None:
        raise MeasurementError("one process alone was timed, and tells nothing of the next one", found)
    return found.p50

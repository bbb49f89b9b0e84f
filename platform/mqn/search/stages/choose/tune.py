"""Tune an exported file for a device; kept, for it takes a minute or two."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mqn.device.client import Client
from mqn.device.measure import Circumstances
from mqn.parsing import write_json
from mqn.records import DeviceInfo, MeasureSettings, Tuning
from mqn.search.artifacts import Artifact
from mqn.search.stages.choose.timing import LIMIT_SECONDS, Site, comparing, network_shape, timing_inputs
from mqn.search.stages.quantize import model_names
from mqn.search.work.jobs import Job

STAGE, REVISION = "tune", 2
TUNING = "tuning.json"


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
    info = client.info()
    return Job(
        stage=STAGE,
        inputs={**timing_inputs(network_shape(model), info, settings), "revision": REVISION},
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


def tune_at_job(model: Artifact, shape: Any, site: Site) -> Job:
    """The same in a study; `shape` is `network_shape` of the model.

    What `mqn export --tune` found on such a device serves here, and the other way round.
    """
    return site.job(STAGE, REVISION, model, shape, tune, "tune the graph")


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
        UnsteadyError: the device is too unsteady even for comparisons.
        MeasurementError: nothing could be timed.
    """
    from mqn.export.choose.tuning import tune as search
    from mqn.tflite.flatbuffer import Network

    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mqn-tune-") as name:
        found = search(
            [Network.read(file) for file in files],
            Path(name),
            comparing(client, settings, circumstances),
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

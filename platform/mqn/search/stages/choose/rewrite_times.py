"""Time some choices of rewrites on a device, each in turns with the file without any; kept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mqn.device.client import Client
from mqn.device.measure import Circumstances
from mqn.parsing import write_json
from mqn.records import DeviceInfo, MeasureSettings, RewriteTimes
from mqn.search.artifacts import Artifact
from mqn.search.stages.choose.timing import LIMIT_SECONDS, Site, comparing
from mqn.search.work.jobs import Job

STAGE, REVISION = "rewrite_times", 1
TIMES = "rewrite_times.json"


def rewrite_times_job(model: Artifact, shape: Any, tried: Sequence[tuple[str, ...]], site: Site) -> Job:
    """What choices of rewrites take on a device that is chosen when the job begins.

    Args:
        model: the quantized network without rewrites.
        shape: `mqn.search.stages.choose.timing.network_shape` of it.
        tried: names of rewrites; the most promising first, for there are two minutes.
        site: where, and how.
    """
    plain = [list(names) for names in tried]
    return site.job(STAGE, REVISION, model, shape, time_rewrites, "time rewrites for all devices", tried=plain)


def time_rewrites(
    folder: Path,
    *,
    files: Sequence[Path],
    tried: Sequence[Sequence[str]],
    client: Client,
    device: DeviceInfo,
    settings: MeasureSettings,
    circumstances: Circumstances,
    tell: Callable[[str], object],
) -> dict[str, Any]:
    """Time, and write `rewrite_times.json`; arguments and errors as of `mqn.search.stages.choose.tune.tune`.

    Returns:
        `device`: its model.
    """
    from mqn.export.choose.tuning import time_choices
    from mqn.tflite.flatbuffer import Network

    began, parts = time.monotonic(), [Network.read(file) for file in files]
    with tempfile.TemporaryDirectory(prefix="mqn-tune-") as name:
        found = time_choices(
            parts,
            [tuple(names) for names in tried],
            Path(name),
            comparing(client, settings, circumstances),
            seconds_left=lambda: began + LIMIT_SECONDS - time.monotonic(),
            tell=tell,
        )
    write_json(folder / TIMES, RewriteTimes(device=device, settings=settings, tried=found))
    return {"device": device.model}

"""Time each side of a network under each scheme on a device, in turns with the side in float32; kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqn.device.client import Client
from mqn.device.measure import Circumstances
from mqn.device.pairing import PAIRED
from mqn.errors import MeasurementError
from mqn.parsing import write_json
from mqn.records import DeviceInfo, MeasureSettings, Scheme, SideTime, SideTimes
from mqn.records.suggestion import Side
from mqn.search.artifacts import ArtifactFile
from mqn.search.work.jobs import Job

STAGE, REVISION = "side_times", 1
SIDE_TIMES = "side_times.json"

SideFiles = Mapping[tuple[Side, Scheme], ArtifactFile]
"""The file of a side under a scheme; float32 among them for each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The device that times, and how.

    Attributes:
        client: of the device.
        settings: threads, delegate, processors, and how long.
        circumstances: what goes with every comparison.
        tell: told what is timed, before it is.
    """

    client: Client
    settings: MeasureSettings
    circumstances: Circumstances
    tell: Callable[[str], object] = lambda _: None


def side_times_job(files: SideFiles, bench: Bench) -> Job:
    """Time these files on that device."""
    info = bench.client.info()
    return Job(
        stage=STAGE,
        inputs={
            "files": {" ".join(name): file.sha256 for name, file in files.items()},
            "device": list(info.processor),
            "threads": bench.settings.threads,
            "delegate": bench.settings.delegate,
            "processors": list(bench.settings.processors),
            "revision": REVISION,
        },
        function=time_sides,
        arguments={
            "files": list(files.values()),
            "names": list(files),
            "client": bench.client,
            "device": info,
            "settings": bench.settings,
            "circumstances": bench.circumstances,
            "tell": bench.tell,
        },
        packages=("ai-edge-litert", "numpy"),
    )


def time_sides(
    folder: Path,
    *,
    files: Sequence[Path],
    names: Sequence[tuple[Side, Scheme]],
    client: Client,
    device: DeviceInfo,
    settings: MeasureSettings,
    circumstances: Circumstances,
    tell: Callable[[str], object],
) -> dict[str, Any]:
    """Time, and write `side_times.json`; the arguments are those of `side_times_job`.

    Returns:
        `device`: its model.

    Raises:
        DeviceAwayError: the device went away.
        MeasurementError: nothing could be timed.
    """
    from mqn.device.measure import compare

    by_name = dict(zip(names, files, strict=True))
    paired = dataclasses.replace(settings, accept=PAIRED)
    tried = []
    for (side, scheme), file in by_name.items():
        if scheme == "float32":
            continue
        tell(f"{side} in {scheme}")
        found = compare(client, [by_name[side, "float32"]], [file], paired, **circumstances)
        if found.p50 is None:
            raise MeasurementError("one process alone was timed, and tells nothing of the next one", found)
        tried.append(SideTime(side=side, scheme=scheme, over_float=found.p50))
    write_json(folder / SIDE_TIMES, SideTimes(device=device, settings=settings, tried=tuple(tried)))
    return {"device": device.model}

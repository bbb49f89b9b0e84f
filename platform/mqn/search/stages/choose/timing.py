"""Times forms of one network in turns on a device: what names the result, and how a study does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.device.client import Client
from mqn.device.measure import Circumstances
from mqn.device.pairing import PAIRED
from mqn.errors import DeviceRefusedError, MeasurementError
from mqn.logs.capture import say
from mqn.parsing import to_plain
from mqn.records import DeviceInfo, MeasureSettings, Ratio
from mqn.search.artifacts import Artifact
from mqn.search.stages.quantize import model_names
from mqn.search.work.jobs import Job

if TYPE_CHECKING:
    from mqn.device.pool.address import Address
    from mqn.device.pool.state_bounds import StateBounds

Work = Callable[..., dict[str, Any]]
"""Given a folder to write into, `files`, `client`, `device`, `settings`, `circumstances` and `tell`."""

LIMIT_SECONDS = 120.0
"""So long one network's forms are tried. Where a tuning ends, two comparisons of the outcome come on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a study times forms of networks, and how.

    Attributes:
        target: of the study; which of its devices does it is settled when the job begins.
        like: a device that stands for all of them (`Devices.like`).
        settings: how files are timed.
        holder: of the device's lease.
    """

    target: str
    like: DeviceInfo
    settings: MeasureSettings
    holder: str

    def job(
        self, stage: str, revision: int, model: Artifact, shape: Any, work: Work, doing: str, **choices: Any
    ) -> Job:
        """Work on a device that is chosen when the job begins.

        Args:
            stage: what makes the artifact.
            revision: of that stage.
            model: the quantized network without rewrites.
            shape: `network_shape` of it.
            work: what is done.
            doing: the same for a person.
            choices: what it is given besides, as plain values; a part of the key.
        """
        return Job(
            stage=stage,
            inputs={**timing_inputs(shape, self.like, self.settings), **choices, "revision": revision},
            function=work_at,
            arguments={
                "files": [model.file(name) for name in model_names(model)],
                "work": work,
                "choices": choices,
                "like": self.like,
                "settings": self.settings,
                "holder": self.holder,
            },
            packages=("ai-edge-litert", "numpy"),
            target=self.target,
            doing=doing,
        )


def network_shape(model: Artifact) -> Any:
    """The operators of a model's files with their sizes, as plain values. A `ModelFileError` if one cannot be read."""
    from mqn.device.predictor.graph import read_features

    return to_plain([read_features(model.path(name)) for name in model_names(model)])


def timing_inputs(shape: Any, device: DeviceInfo, settings: MeasureSettings) -> dict[str, Any]:
    """What decides how long forms of one network take in turns."""
    return {
        "network": shape,
        "device": list(device.processor),
        "threads": settings.threads,
        "delegate": settings.delegate,
        "processors": list(settings.processors),
    }


def work_at(
    folder: Path,
    *,
    files: Sequence[Path],
    work: Work,
    choices: Mapping[str, Any],
    like: DeviceInfo,
    settings: MeasureSettings,
    holder: str,
    device: str,
    device_id: str,
    address: Address,
    bounds: StateBounds,
) -> dict[str, Any]:
    """Do the work of `Site.job` on the device that it was placed on (`mqn.search.work.devices`).

    Raises:
        DeviceRefusedError: that is of another kind than `like`.
        DeviceAwayError: it cannot be reached.
    """
    del device_id  # Every device of the kind will do.
    with address.connect() as client:
        info = client.info()
        if info.processor != like.processor:
            found, wanted = (", ".join(filter(None, one.processor)) for one in (info, like))
            raise DeviceRefusedError(
                f"device {device!r} is {found}, and files are tuned for {wanted}; go on with it by --resume"
            )
        about: Circumstances = {"holder": holder, "bounds": bounds}
        given = {"client": client, "device": info, "settings": settings, "circumstances": about, "tell": say}
        return work(folder, files=files, **given, **choices)


def comparing(
    client: Client, settings: MeasureSettings, circumstances: Circumstances
) -> Callable[[Sequence[Path], Sequence[Path]], Ratio]:
    """What times two models in turns on a device, however busy it is: the second's time over the first's.

    It raises a `MeasurementError` where nothing is known of the ratio's range.
    """
    from mqn.device.measure import compare

    paired = replace(settings, accept=PAIRED)

    def ratio(first: Sequence[Path], second: Sequence[Path]) -> Ratio:
        found = compare(client, first, second, paired, **circumstances)
        if found.p50 is None:
            raise MeasurementError("one process alone was timed, and tells nothing of the next one", found)
        return found.p50

    return ratio

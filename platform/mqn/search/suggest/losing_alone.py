"""What layers lose alone under each scheme, and so what each side of a network loses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mqn.export.choose.costs import SCHEMES
from mqn.export.choose.suggestion import layer_losses, side_losses
from mqn.records import Plan, Scheme, SideTimes
from mqn.search.artifacts import Artifact
from mqn.search.checkpoint import Checkpoint
from mqn.search.pipeline import CONVERT
from mqn.search.stages.choose.rank import LayerProgress, alone, rank_job
from mqn.search.stages.choose.side_times import Bench
from mqn.search.stages.convert import FLOAT_MODEL
from mqn.search.suggest.side_timing import time_sides
from mqn.search.work.jobs import Job
from mqn.tflite.cutting import cut, cut_tensor
from mqn.tflite.flatbuffer import Network

if TYPE_CHECKING:
    from pathlib import Path

    from mqn.data.dataset import Dataset
    from mqn.search.artifacts import ArtifactStore

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseAlone:
    """What layers lose alone.

    Attributes:
        graph: of the float file.
        tensor: name of the tensor at which the sides part.
        losses: PSNR-TM in dB by layer and scheme.
    """

    graph: Network
    tensor: str
    losses: Mapping[tuple[str, str], float]

    def beside(self, times: SideTimes) -> SideTimes:
        """The times of sides with what they lose."""
        lost = side_losses(self.graph, self.tensor, self.losses)
        return replace(times, tried=tuple(replace(one, loss=lost[one.side, one.scheme]) for one in times.tried))


def lose_alone(network: Checkpoint, base: Plan, progress: Progress) -> LoseAlone:
    """Look at each layer of a network alone under each scheme; what was looked at before is not looked at again.

    Raises:
        CandidateError: the cut does not fit.
    """
    float_model = network.run(base, CONVERT)[CONVERT].path(FLOAT_MODEL)
    graph = Network.read(float_model)
    tensor = cut_tensor(float_model, base.cut)
    if base.layout == "pair":
        cut(graph, tensor)  # A cut that makes no two files is told before minutes of work, like one that is none.
    found = []
    for scheme in SCHEMES[1:]:

        def on_layer(done: int, total: int, name: str = f"layers in {scheme}") -> None:
            progress(name, done, total)

        def make(float_network: Artifact, scheme: Scheme = scheme, told: LayerProgress = on_layer) -> Job:
            return rank_job(float_network, alone(base, scheme), network.view, every=False, progress=told)

        found.append(network.rank(base, make))
    return LoseAlone(graph=graph, tensor=tensor, losses=layer_losses(found, network.view.training.codec))


def schemes_by_side(
    checkpoint: Path, base: Plan, dataset: Dataset, store: ArtifactStore, *, progress: Progress, bench: Bench
) -> SideTimes:
    """What each scheme takes on each side of a network on a device, and what the side then loses.

    Args:
        checkpoint: a training's.
        base: gives cut and calibration.
        dataset: its training pictures calibrate, half of its validation pictures judge.
        store: of artifacts.
        progress: told what is done.
        bench: the device.

    Raises:
        DeviceError: the device went away, or nothing could be timed.
        CandidateError: the cut does not fit.
    """
    network = Checkpoint.open(checkpoint, dataset, store)
    times = time_sides(network, base, bench, lambda what: progress(what, 0, 1))
    return lose_alone(network, base, progress).beside(times)

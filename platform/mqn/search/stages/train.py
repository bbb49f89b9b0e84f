"""Train a network."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.families.contract import find_family
from mqn.logs.capture import say
from mqn.parsing import to_plain
from mqn.profile_tables.ray import RayProfile
from mqn.records import Arch, Training, stage_key
from mqn.search.artifacts import Artifact, ArtifactStore
from mqn.search.stages.keys import camera_inputs, file_identity, require_seen
from mqn.search.work.data_place import DataPlace
from mqn.search.work.jobs import Job, Part, Resources

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

STAGE, REVISION = "train", 2
CHECKPOINT, HISTORY, RESUME = "checkpoint.pt", "history.json", "resume.pt"
HISTORY_STAGE = "history"
"""Artifacts of this stage hold the history alone, under the training's key: of studies that were imported, whose
checkpoints stayed where they were made."""
VALIDATION = "val_psnr_tm"
"""What an epoch's validation says, in dB, by its name in the history."""


def train_job(
    arch: Arch,
    training: Training,
    dataset: Dataset,
    ray: RayProfile,
    *,
    until: int | None = None,
    earlier: Artifact | None = None,
) -> Job:
    """The training of a network, whole or a part of it.

    The last part is the whole training: its key says nothing of parts, and it comes to the same weights, bit for bit on
    the same machine. An earlier part keeps what the next one goes on from.

    Args:
        arch: the network.
        training: how.
        dataset: the pictures.
        ray: what a training takes.
        until: the epoch after which this part ends; None: the last.
        earlier: what the part before made; None: the training begins.

    Raises:
        WeightsError: weights or response curves given as a path are not there.
    """
    inputs = {**train_inputs(arch, training), "data": dataset.hash, "revision": REVISION}
    whole, last = stage_key(STAGE, inputs), until or training.epochs
    after = 0 if earlier is None else int(earlier.manifest.details["epochs"])
    arguments: dict[str, Any] = {"arch": arch, "training": training, "data": DataPlace.of(dataset)}
    if until is not None:
        inputs, arguments = {**inputs, "until": until}, {**arguments, "until": until}
    if earlier is not None:
        arguments["earlier"] = earlier.file(RESUME)
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=train,
        arguments=arguments,
        resources=Resources(
            cpus=ray.training_cpus,
            gpus=ray.training_gpus,
            memory_bytes=1e6 * ray.training_memory_mb,
            custom=tuple(sorted(ray.training_resources.items())),
            pool="training",
        ),
        resumable=True,
        packages=("torch", "numpy"),
        doing="" if until is None else f"train to epoch {until} of {training.epochs}",
        watch=functools.partial(tell_epoch, total=last),
        part=None if until is None and earlier is None else Part(whole=whole, after=after, until=last),
    )


def train_inputs(arch: Arch, training: Training) -> dict[str, Any]:
    """What makes a training what it is: weights given as files by their hashes, and nothing that has no effect."""
    network, how = arch.identity(), to_plain(training)
    network |= {name: file_identity(network[name]) for name in find_family(arch.family).weight_fields}
    if training.lambda_features > 0:
        how["feature_weights"] = file_identity(training.feature_weights)
    else:
        del how["feature_weights"], how["feature_pools"]
    del how["virtual_camera"], how["response_curves"]
    if training.clipped_weight == 1:
        del how["clipped_weight"]
    return {"arch": network, "training": how | camera_inputs(training)}


def train(
    folder: Path,
    *,
    arch: Arch,
    training: Training,
    data: DataPlace,
    until: int | None = None,
    earlier: Path | None = None,
) -> dict[str, Any]:
    """Train a network, or go on where a killed training was; writes the checkpoint and its history.

    Args:
        folder: where to write; may hold an earlier `resume.pt`.
        arch: the network.
        training: how.
        data: the pictures.
        until: the epoch after which it stops, with a `resume.pt` for the part that follows; None: the last.
        earlier: the `resume.pt` of the part before.

    Returns:
        As `network_details`, and `notes` on what had to be discarded.
    """
    from mqn.train.loop import train as run

    named = [str(getattr(arch, name)) for name in find_family(arch.family).weight_fields]
    named += [training.feature_weights] if training.lambda_features > 0 else []
    named += [training.response_curves] if training.virtual_camera else []
    require_seen(*named)
    notes: list[str] = []

    def begin(made: int) -> None:
        goal = f"epochs: {training.epochs}" if until is None else f"epochs: {until} of {training.epochs}"
        say(f"{goal}; made before: {made}" if made else goal)

    def tell(note: str) -> None:
        notes.append(note)
        say(note)

    dataset = data.open()
    checkpoint = run(
        arch,
        training,
        dataset,
        folder,
        until=until,
        earlier=earlier,
        on_start=begin,
        on_epoch=lambda report: say(report.shown),
        tell=tell,
    )
    if until is None:
        (folder / RESUME).unlink(missing_ok=True)
    return {**network_details(checkpoint), "notes": notes}


def network_details(checkpoint: Path) -> dict[str, Any]:
    """Of a checkpoint's network `parameters` and `macs` by part, `family`, and the `epochs` of its training."""
    from mqn.models.checkpoint import load
    from mqn.networks.cost import cost

    arch, training, network = load(checkpoint)
    costs = cost(network, arch)
    return {"parameters": costs.parameters, "macs": costs.macs, "family": arch.family, "epochs": training.epochs}


def cost_figures(artifact: Artifact) -> Mapping[str, float]:
    """The whole network's parameters and MACs, as `network_details` states them in the manifest."""
    return {name: float(artifact.manifest.details[name]["total"]) for name in ("parameters", "macs")}


def find_histories(store: ArtifactStore, keys: Iterable[str]) -> dict[str, Artifact]:
    """The artifacts that hold the histories of trainings, by the trainings' keys, where there is one."""
    wanted = sorted(set(keys))
    found = _with_history(store, STAGE, wanted)
    alone = _with_history(store, HISTORY_STAGE, [key for key in wanted if key not in found])
    return {key: found.get(key) or alone[key] for key in wanted if key in found or key in alone}


def _with_history(store: ArtifactStore, stage: str, keys: Sequence[str]) -> dict[str, Artifact]:
    found = store.find_many((stage, key) for key in keys) if keys else {}
    return {key: artifact for (_, key), artifact in found.items() if HISTORY in artifact.manifest.files}


def curves(artifact: Artifact) -> list[dict[str, float]]:
    """The numbers of each epoch."""
    history = json.loads(artifact.path(HISTORY).read_text(encoding="utf-8"))
    return [{key: value for key, value in epoch.items() if isinstance(value, (int, float))} for epoch in history]


def tell_epoch(folder: Path, *, total: int) -> str:
    """How far a training is whose files are in `folder`."""
    try:
        epochs = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Not begun yet, or just published.
        epochs = []
    loss = f", loss {epochs[-1]['loss']:.4g}" if epochs and "loss" in epochs[-1] else ""
    return f", epoch {len(epochs)} of {total}{loss}"

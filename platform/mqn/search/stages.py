"""The stages of a trial as plain functions: read inputs, write files into a folder, return the manifest's details.

They run in worker processes, and import what they need there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mqn.errors import DeviceRefusedError, MeasurementError
from mqn.parsing import from_mapping, write_json
from mqn.records import Arch, Candidate, Codec, Measurement, MeasureSettings, Plan, Training
from mqn.search.jobs import MADE_AT

if TYPE_CHECKING:
    import numpy as np

    from mqn.data.dataset import Dataset
    from mqn.device.pool.address import Address
    from mqn.device.pool.gates import Gates
    from mqn.export.exported import Exported
    from mqn.search.artifacts import Artifact, ArtifactStore
    from mqn.search.goals import Scoring

CHECKPOINT, HISTORY, RESUME = "checkpoint.pt", "history.json", "resume.pt"
FLOAT_MODEL = "model.float32.tflite"
AUDIT, CALIBRATION = "audit.json", "calibration.json"
SCORES, STRIP, MEASUREMENT, PARITY = "scores.json", "strip.png", "measurement.json", "parity.json"
NETWORK = "network.json"

_SPLIT: Literal["val"] = "val"
# Even where no side is static, the quantized network is compared with the float one on a few pictures.
_COMPARED_PICTURES = 4


def train(folder: Path, *, arch: Arch, training: Training, data: Path) -> dict[str, Any]:
    """Train a network, or go on where a killed training was; writes the checkpoint and its history.

    Args:
        folder: where to write; may hold an earlier `resume.pt`.
        arch: the network.
        training: how.
        data: a prepared dataset.

    Returns:
        `parameters` and `macs` by part, `epochs`, and `notes` on what had to be discarded.
    """
    from mqn.data.dataset import Dataset
    from mqn.models.checkpoint import load
    from mqn.models.cost import cost
    from mqn.train.loop import train as run

    notes: list[str] = []
    checkpoint = run(arch, training, Dataset.open(data), folder, tell=notes.append)
    (folder / RESUME).unlink(missing_ok=True)
    costs = cost(load(checkpoint)[2], arch.input_size)
    return {"parameters": costs.parameters, "macs": costs.macs, "epochs": training.epochs, "notes": notes}


def convert(folder: Path, *, checkpoint: Path) -> dict[str, Any]:
    """Convert a checkpoint to a float TFLite file.

    Returns:
        `parity`: the largest differences between the torch network, its twin and the file; `arch` and `training` of
        the checkpoint.
    """
    from mqn.export.process import run

    run("convert", checkpoint=checkpoint, directory=folder)
    return {"parity": _read(folder / PARITY), **_read(folder / NETWORK)}


def converted_network(converted: Artifact) -> tuple[Arch, Training]:
    """What network a conversion is of, and how it was trained; without torch, which takes seconds to import."""
    candidate = {key: converted.manifest.details[key] for key in ("arch", "training")}
    found = from_mapping(Candidate, candidate, source=str(converted.folder))
    return found.arch, found.training


def quantize(
    folder: Path, *, float_model: Path, tuned: Path | None, plan: Plan, data: Path, size: int, training: Training
) -> dict[str, Any]:
    """Carry out a plan on a float file.

    Args:
        folder: where to write.
        float_model: what `convert` wrote.
        tuned: what fine-tuning made of it; None where the plan wants none.
        plan: the plan.
        data: a prepared dataset, whose training split calibrates.
        size: side of the file's square input in pixels.
        training: how the network was trained: what inputs it knows, and how its output stands for linear light.

    Returns:
        `codec`, `input_size`, `plan` and `parity`: with these the folder is a model by itself. Of fine-tuned weights
        also `tuning`, as `mqn.search.finetuning.told` has it.
    """
    from mqn.export.process import run
    from mqn.search.finetuning import told

    pictures = training_inputs(data, size, calibrated_on(plan), training)
    run("quantize", float_model=float_model, plan=plan, calibration=pictures, directory=folder, tuned=tuned)
    details = {"codec": training.codec, "input_size": size, "plan": plan.label, "parity": _read(folder / PARITY)}
    return details if tuned is None else {**details, "tuning": told(tuned.parent)}


def training_inputs(data: Path, size: int, count: int, training: Training, *, seed: int = 0) -> np.ndarray:
    """LDR pictures as a network knows them from its training.

    Args:
        data: a prepared dataset.
        size: S, side of the pictures in pixels.
        count: N.
        training: how the network was trained.
        seed: which pictures and crops.

    Returns:
        (N, S, S, 3) float32 in [0, 1].
    """
    from mqn.data.dataset import Dataset
    from mqn.data.pairs import calibration_inputs
    from mqn.data.response import curves_of

    curves = curves_of(training.response_curves)
    camera = training.virtual_camera
    return calibration_inputs(Dataset.open(data), size, count, seed, virtual_camera=camera, curves=curves)


def calibrated_on(plan: Plan) -> int:
    """How many training pictures a plan needs."""
    return plan.calibration_pictures if plan.static else _COMPARED_PICTURES


def score(
    folder: Path, *, files: Sequence[Path], codec: Codec, size: int, data: Path, scoring: Scoring
) -> dict[str, Any]:
    """Score an exported file, or without files the input left as it is; writes figures and a strip of pictures.

    Args:
        folder: where to write.
        files: one file, backbone and head, or none.
        codec: how the output stands for linear light.
        size: side of the pictures in pixels; the camera's own pictures keep theirs.
        data: a prepared dataset, whose validation split is scored.
        scoring: by which measures and on which inputs.

    Returns:
        `pictures`, and `scores`: the mean by metric.
    """
    from mqn.data.dataset import Dataset
    from mqn.data.pairs import judged_pictures
    from mqn.export.picture import Expander
    from mqn.metrics.protocol import do_nothing
    from mqn.metrics.protocol import score as run
    from mqn.search.strip import write_strip

    predict = Expander(files, codec).expand if files else do_nothing
    pictures = judged_pictures(Dataset.open(data), size, _SPLIT, scoring.inputs)
    scores = run(predict, pictures, metrics=scoring.metrics)
    write_json(folder / SCORES, scores)
    write_strip(folder / STRIP, predict, pictures)
    return {"pictures": scores.pictures, "scores": {name: interval.mean for name, interval in scores.scores.items()}}


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
    gates: Gates,
) -> dict[str, Any]:
    """Measure an exported file on a device.

    Args:
        folder: where to write.
        files: one file, or backbone and head.
        target: what was asked for.
        settings: how.
        holder: of the device's lease.
        device: the device's name in the profile.
        device_id: of the device that answered there: another one's figures are not its own.
        address: how it is reached.
        gates: what it must keep for a measurement to begin.

    Returns:
        `target`, `device`, `device_id`, `model`, `verdict`, `figures`, and when.

    Raises:
        DeviceRefusedError: it refuses, or another device answers at its address.
        DeviceAwayError: it went away.
        MeasurementError: no measurement that counts came about; `kept` has the verdict and the figures of the last.
    """
    from mqn.device.measure import measure as run
    from mqn.device.science.figures import figures, name_figures

    try:
        with address.connect() as client:
            measurement = run(client, files, settings, holder=holder, gates=gates)
    except MeasurementError as error:
        if isinstance(error.measurement, Measurement):
            error.kept = {"verdict": error.measurement.verdict, "figures": name_figures(error.measurement)}
        raise
    found = measurement.device
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


def export_checkpoint(
    checkpoint: Path,
    plan: Plan,
    dataset: Dataset,
    output: Path,
    store: ArtifactStore,
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Export a checkpoint by itself, through the same artifacts as a search: a further plan does not convert again.

    Args:
        checkpoint: a training's `checkpoint.pt`.
        plan: how to quantize it.
        dataset: calibrates.
        output: folder that the model is copied to.
        store: keeps what each step makes.
        tell: told what is being done, before each step.

    Raises:
        WeightsError: the checkpoint cannot be read.
        CandidateError: it cannot be exported as asked.
        UsageError: the output cannot be written to.
    """
    from mqn.export.exported import place
    from mqn.search.jobs import complete
    from mqn.search.stage_jobs import convert_job, quantize_job
    from mqn.search.tuning_jobs import finetune_job, prune_job

    tuned, teacher = None, None
    if plan.sparsity:
        from mqn.models.checkpoint import load

        tell("pruning")
        arch, training, _ = load(checkpoint)
        pruned = complete(store, prune_job(checkpoint, plan, dataset, arch.input_size, training))
        teacher, checkpoint = checkpoint, pruned.folder / CHECKPOINT
    tell("converting")
    converted = complete(store, convert_job(checkpoint))
    arch, training = converted_network(converted)
    size = arch.input_size
    if plan.method == "qat":
        tell("fine-tuning")
        tuned = complete(store, finetune_job(checkpoint, converted, plan, dataset, size, training, teacher=teacher))
    tell("quantizing")
    return place(complete(store, quantize_job(converted, plan, dataset, size, training, tuned=tuned)).folder, output)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))

"""Stages as jobs: what goes into each, and therefore what its artifact is called."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.errors import WeightsError
from mqn.parsing import file_hash, to_plain
from mqn.profile import RayProfile
from mqn.records import NAMED_FILES, Arch, Codec, MeasureSettings, Plan, Training, stage_key
from mqn.search import finetuning, stages
from mqn.search.artifacts import Artifact
from mqn.search.goals import Scoring
from mqn.search.jobs import Job, Resources

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

REVISIONS = {"train": 2, "convert": 3, "prune": 3, "finetune": 5, "quantize": 6, "score": 2, "measure": 2}
"""Raised when a stage comes to other results from the same inputs, so that older artifacts no longer serve."""

_MODEL_FILES = (("model.tflite",), ("backbone.tflite", "head.tflite"))


def train_job(arch: Arch, training: Training, dataset: Dataset, ray: RayProfile) -> Job:
    """The training of a network.

    Raises:
        WeightsError: weights or response curves given as a path are not there.
    """
    inputs = {**train_inputs(arch, training), "data": dataset.hash, "revision": REVISIONS["train"]}
    return Job(
        stage="train",
        key=stage_key("train", inputs),
        inputs=inputs,
        function=stages.train,
        arguments={"arch": arch, "training": training, "data": dataset.folder},
        resources=Resources(cpus=ray.training_cpus, gpus=ray.training_gpus, pool="training"),
        resumable=True,
        packages=("torch", "numpy"),
    )


def train_inputs(arch: Arch, training: Training) -> dict[str, Any]:
    """What makes a training what it is: weights given as files by their hashes, and nothing that has no effect."""
    network, how = to_plain(arch), to_plain(training)
    network["encoder_weights"] = file_identity(arch.encoder_weights)
    if training.lambda_features > 0:
        how["feature_weights"] = file_identity(training.feature_weights)
    else:
        del how["feature_weights"], how["feature_pools"]
    del how["virtual_camera"], how["response_curves"]
    return {"arch": network, "training": how | camera_inputs(training)}


def camera_inputs(training: Training) -> dict[str, Any]:
    """What of the virtual camera has an effect."""
    if not training.virtual_camera:
        return {"virtual_camera": 0.0}
    curves = file_identity(training.response_curves)
    return {"virtual_camera": training.virtual_camera, "response_curves": curves}


def file_identity(source: str) -> str:
    """`imagenet`, `random` and `parametric` as they are, a path as its file's SHA-256.

    Raises:
        WeightsError: there is no such file.
    """
    if source in NAMED_FILES:
        return source
    path = Path(source)
    try:
        state = path.stat()
    except OSError as error:
        allowed = " or ".join(NAMED_FILES)
        raise WeightsError(f"cannot read {source}: {error.strerror}; give a file, or {allowed}") from error
    return f"sha256:{_hash_once(path, state.st_mtime_ns, state.st_size)}"


@functools.lru_cache(maxsize=64)
def _hash_once(path: Path, changed_ns: int, size: int) -> str:  # noqa: ARG001 - they tell when to hash again
    return file_hash(path)


def convert_job(checkpoint: Path, *, cpus: float = 1) -> Job:
    """The conversion of a checkpoint."""
    inputs = {"checkpoint": file_hash(checkpoint), "revision": REVISIONS["convert"]}
    return Job(
        stage="convert",
        key=stage_key("convert", inputs),
        inputs=inputs,
        function=stages.convert,
        arguments={"checkpoint": checkpoint},
        resources=Resources(cpus=cpus),
        packages=("torch", "tensorflow", "tf_keras"),
    )


def quantize_job(
    converted: Artifact,
    plan: Plan,
    dataset: Dataset,
    size: int,
    training: Training,
    *,
    tuned: Artifact | None = None,
    cpus: float = 1,
) -> Job:
    """A plan carried out on a float file, with fine-tuned weights where it wants them.

    Raises:
        WeightsError: response curves given as a path are not there.
    """
    effective = to_plain(plan) if plan.static else to_plain(plan) | {"calibration_pictures": None, "calibration": None}
    if plan.method == "ptq":  # What pruning left is in the float file.
        del effective["method"], effective["qat_steps"], effective["sparsity"]
    inputs = {
        "float_model": converted.manifest.files[stages.FLOAT_MODEL],
        "plan": effective,
        "data": dataset.hash,
        "codec": training.codec,
        "calibration": camera_inputs(training),
        "revision": REVISIONS["quantize"],
    }
    if tuned is not None:
        inputs["tuned"] = {name: tuned.manifest.files[name] for name in (finetuning.TUNED_MODEL, finetuning.GRID)}
    return Job(
        stage="quantize",
        key=stage_key("quantize", inputs),
        inputs=inputs,
        function=stages.quantize,
        arguments={
            "float_model": converted.folder / stages.FLOAT_MODEL,
            "tuned": tuned.folder / finetuning.TUNED_MODEL if tuned else None,
            "plan": plan,
            "data": dataset.folder,
            "size": size,
            "training": training,
        },
        resources=Resources(cpus=cpus),
        packages=("ai-edge-quantizer", "ai-edge-litert", "numpy"),
    )


def score_job(
    files: tuple[Path, ...], model: Artifact | None, codec: Codec, size: int, dataset: Dataset, scoring: Scoring
) -> Job:
    """The scores of a model's files, or of doing nothing."""
    inputs: dict[str, Any] = {
        "files": [],
        "size": size,
        "data": dataset.hash,
        "scoring": to_plain(scoring),
        "revision": REVISIONS["score"],
    }
    if model is not None:
        inputs |= {"files": [model.manifest.files[file.name] for file in files], "codec": codec}
    return Job(
        stage="score",
        key=stage_key("score", inputs),
        inputs=inputs,
        function=stages.score,
        arguments={"files": files, "codec": codec, "size": size, "data": dataset.folder, "scoring": scoring},
        packages=("ai-edge-litert", "numpy", "scikit-image", "torch"),
    )


def model_names(model: Artifact) -> tuple[str, ...]:
    """The file names of a quantized model, in the order they run."""
    return next(names for names in _MODEL_FILES if all(name in model.manifest.files for name in names))


def measure_job(
    model: Artifact,
    target: str,
    device_id: str | None,
    settings: MeasureSettings,
    *,
    holder: str,
    max_age_hours: float,
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
        "revision": REVISIONS["measure"],
    }
    return Job(
        stage="measure",
        key=stage_key("measure", inputs),
        inputs=inputs,
        function=stages.measure,
        arguments={
            "files": [model.folder / name for name in names],
            "target": target,
            "settings": settings,
            "holder": holder,
        },
        target=target,
        max_age_seconds=3600 * max_age_hours,
    )

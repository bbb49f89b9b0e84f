"""The stage that finds out what every layer of a network loses alone under a scheme; kept, for it takes minutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.parsing import to_plain, write_json
from mqn.records import Plan, Scheme, Training, stage_key
from mqn.search import stages
from mqn.search.artifacts import Artifact
from mqn.search.halves import validation_halves
from mqn.search.jobs import Job
from mqn.search.stage_jobs import REVISIONS, file_identity

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset
    from mqn.data.pairs import SyntheticInputs

SENSITIVITY = "sensitivity.json"

_STAGE, _REVISION = "rank", 1

LayerProgress = Callable[[int, int], None]


def judged_on(training: Training) -> SyntheticInputs:
    """The inputs that a network is judged on: like those it was trained on, as far as there is a choice."""
    from mqn.data.pairs import inputs_of

    return inputs_of(training.virtual_camera)


def rank_job(
    converted: Artifact,
    base: Plan,
    scheme: Scheme,
    dataset: Dataset,
    size: int,
    training: Training,
    *,
    progress: LayerProgress | None = None,
) -> Job:
    """Every layer alone under one scheme, on the validation pictures that choices are made by.

    Args:
        converted: the float file.
        base: gives cut and calibration.
        scheme: of the layer that is tried.
        dataset: its training pictures calibrate, its validation pictures judge.
        size: side of the file's square input in pixels.
        training: how the network was trained.
        progress: told how many layers are done, and how many there are; no part of the key.
    """
    plan = replace(base, backbone="float32", head="float32", rules=f"*={scheme}", layout="fused")
    return _job(converted, plan, dataset, size, training, progress, every=False)


def sensitivity_job(
    converted: Artifact,
    plan: Plan,
    dataset: Dataset,
    size: int,
    training: Training,
    *,
    progress: LayerProgress | None = None,
) -> Job:
    """Every layer alone under the scheme that a plan gives it, on all validation pictures.

    Args:
        converted: the float file.
        plan: says which scheme each layer has.
        dataset: its training pictures calibrate, its validation pictures judge.
        size: side of the file's square input in pixels.
        training: how the network was trained.
        progress: told how many layers are done, and how many there are; no part of the key.
    """
    return _job(converted, replace(plan, layout="fused"), dataset, size, training, progress, every=True)


def _job(
    converted: Artifact,
    plan: Plan,
    dataset: Dataset,
    size: int,
    training: Training,
    progress: LayerProgress | None,
    *,
    every: bool,
) -> Job:
    inputs = {
        "float_model": converted.manifest.files[stages.FLOAT_MODEL],
        "plan": to_plain(plan),
        "data": dataset.hash,
        "codec": training.codec,
        "inputs": {"share": training.virtual_camera, "curves": file_identity(training.response_curves)},
        "revision": [_REVISION, REVISIONS["quantize"]],
        **({"pictures": "all"} if every else {}),
    }
    return Job(
        stage=_STAGE,
        key=stage_key(_STAGE, inputs),
        inputs=inputs,
        function=rank,
        arguments={
            "float_model": converted.folder / stages.FLOAT_MODEL,
            "plan": plan,
            "data": dataset.folder,
            "size": size,
            "training": training,
            "every": every,
            "progress": progress,
        },
        packages=("ai-edge-quantizer", "ai-edge-litert", "numpy"),
    )


def rank(
    folder: Path,
    *,
    float_model: Path,
    plan: Plan,
    data: Path,
    size: int,
    training: Training,
    every: bool = False,
    progress: LayerProgress | None = None,
) -> dict[str, Any]:
    """Measure and write `sensitivity.json`.

    Args:
        folder: where to write.
        float_model: what `convert` wrote.
        plan: says which scheme each layer has.
        data: a prepared dataset.
        size: side of the file's square input in pixels.
        training: how the network was trained.
        every: judge on every validation picture; else on those that choices are made by.
        progress: told how many layers are done, and how many there are.

    Returns:
        `pictures` and `layers`: how many.

    Raises:
        PlanError: the plan quantizes no layer.
        DataError: all validation pictures show the same place.
    """
    from mqn.data.dataset import Dataset
    from mqn.data.pairs import evaluation_picture
    from mqn.export.sensitivity import measure_sensitivity

    dataset = Dataset.open(data)
    by = range(dataset.count("val")) if every else validation_halves(dataset)[0]
    pictures = [evaluation_picture(dataset, index, size, "val", judged_on(training)) for index in by]
    calibration = stages.training_inputs(data, size, stages.calibrated_on(plan), training)
    found = measure_sensitivity(float_model, plan, calibration, pictures, training.codec, progress=progress)
    write_json(folder / SENSITIVITY, found)
    return {"pictures": found.pictures, "layers": len(found.layers)}

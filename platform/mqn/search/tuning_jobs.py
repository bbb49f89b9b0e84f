"""Pruning and fine-tuning as jobs: stages that only some plans have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqn.parsing import file_hash, to_plain
from mqn.records import Plan, Training, stage_key
from mqn.search import finetuning, stages
from mqn.search.artifacts import Artifact
from mqn.search.jobs import Job, Resources
from mqn.search.stage_jobs import REVISIONS, camera_inputs

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset


def prune_job(checkpoint: Path, plan: Plan, dataset: Dataset, size: int, training: Training, *, cpus: float = 2) -> Job:
    """The pruning of a network; all plans of one sparsity and as many steps share it.

    Raises:
        WeightsError: response curves given as a path are not there.
    """
    inputs = {
        "checkpoint": file_hash(checkpoint),
        "sparsity": plan.sparsity,
        "steps": plan.qat_steps,
        "data": dataset.hash,
        "inputs": camera_inputs(training),
        "revision": REVISIONS["prune"],
    }
    return Job(
        stage=finetuning.PRUNE,
        key=stage_key(finetuning.PRUNE, inputs),
        inputs=inputs,
        function=finetuning.prune,
        arguments={
            "checkpoint": checkpoint,
            "sparsity": plan.sparsity,
            "steps": plan.qat_steps,
            "data": dataset.folder,
            "size": size,
            "training": training,
        },
        resources=Resources(cpus=cpus),
        resumable=True,
        packages=("torch", "tensorflow", "tf_keras", "numpy"),
    )


def finetune_job(
    checkpoint: Path,
    converted: Artifact,
    plan: Plan,
    dataset: Dataset,
    size: int,
    training: Training,
    *,
    teacher: Path | None = None,
    cpus: float = 2,
) -> Job:
    """The fine-tuning of a network for a plan; plans that differ in the number of files share it.

    Args:
        checkpoint: of the network, pruned or whole.
        converted: its float file.
        plan: the plan.
        dataset: what is learnt on.
        size: side of the network's square input in pixels.
        training: how the network was trained.
        teacher: where the network is pruned, the whole one's checkpoint.
        cpus: processors it takes.

    Raises:
        WeightsError: response curves given as a path are not there.
    """
    inputs = {
        "checkpoint": file_hash(checkpoint),
        "teacher": None if teacher is None else file_hash(teacher),
        "float_model": converted.manifest.files[stages.FLOAT_MODEL],
        "plan": {**to_plain(plan), "layout": None},
        "data": dataset.hash,
        "inputs": camera_inputs(training),
        "revision": REVISIONS["finetune"],
    }
    return Job(
        stage=finetuning.FINETUNE,
        key=stage_key(finetuning.FINETUNE, inputs),
        inputs=inputs,
        function=finetuning.finetune,
        arguments={
            "checkpoint": checkpoint,
            "teacher": teacher,
            "float_model": converted.folder / stages.FLOAT_MODEL,
            "plan": plan,
            "data": dataset.folder,
            "size": size,
            "training": training,
        },
        resources=Resources(cpus=cpus),
        resumable=True,
        packages=("tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy"),
    )

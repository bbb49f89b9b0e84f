"""Prune a trained network, and train what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mqn.records import Plan
from mqn.search.artifacts import ArtifactFile
from mqn.search.stages.data_view import DataView
from mqn.search.stages.finetune import kept_check
from mqn.search.stages.keys import sha256_of
from mqn.search.stages.train import CHECKPOINT, network_details
from mqn.search.work.jobs import Job, Resources

STAGE, REVISION = "prune", 3


def prune_job(checkpoint: Path | ArtifactFile, plan: Plan, view: DataView, *, cpus: float = 2) -> Job:
    """The pruning of a network; all plans with the same sparsity and number of steps share it.

    Raises `WeightsError` if response curves given as a path are not there.
    """
    inputs = {
        "checkpoint": sha256_of(checkpoint),
        "sparsity": plan.sparsity,
        "steps": plan.qat_steps,
        "data": view.hash,
        "inputs": view.key,
        "revision": REVISION,
    }
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=prune,
        arguments={"checkpoint": checkpoint, "sparsity": plan.sparsity, "steps": plan.qat_steps, "view": view},
        resources=Resources(cpus=cpus),
        resumable=True,
        packages=("torch", "tensorflow", "tf_keras", "numpy"),
    )


def prune(folder: Path, *, checkpoint: Path, sparsity: float, steps: int, view: DataView) -> dict[str, Any]:
    """Prune a network and train what is left, or go on where a killed pruning was.

    Args:
        folder: where to write; may hold what an earlier call left. `history.json` tells on the way how far it is.
        checkpoint: what training wrote.
        sparsity: share of the channels inside narrowable blocks.
        steps: of training.
        view: the pictures to learn on: inputs only, no truth.

    Returns:
        As `network_details` of the pruned network; `kept` as `kept_check` has it.
    """
    from mqn.export.process import run

    pictures = view.tuning()
    run("prune", checkpoint=checkpoint, sparsity=sparsity, steps=steps, pictures=pictures, directory=folder)
    return {**network_details(folder / CHECKPOINT), "kept": kept_check(folder)}

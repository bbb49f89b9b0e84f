"""Fine-tune a network on the grid of a plan, before it is quantized."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mqn.records import Plan
from mqn.search.artifacts import Artifact, ArtifactFile
from mqn.search.stages.convert import FLOAT_MODEL
from mqn.search.stages.data_view import DataView
from mqn.search.stages.keys import sha256_of
from mqn.search.work.jobs import Job, Resources

STAGE, REVISION = "finetune", 5
TUNED_MODEL, GRID, HISTORY = "tuned.float32.tflite", "grid.json", "history.json"


def finetune_job(
    checkpoint: Path | ArtifactFile,
    converted: Artifact,
    plan: Plan,
    view: DataView,
    *,
    teacher: Path | ArtifactFile | None = None,
    cpus: float = 2,
) -> Job:
    """The fine-tuning of a network for a plan; plans that differ in the number of files share it.

    Args:
        checkpoint: of the network, pruned or whole.
        converted: its float file.
        plan: the plan.
        view: the pictures to learn on.
        teacher: where the network is pruned, the whole one's checkpoint.
        cpus: processors it takes.

    Raises:
        WeightsError: response curves given as a path are not there.
    """
    inputs = {
        "checkpoint": sha256_of(checkpoint),
        "teacher": None if teacher is None else sha256_of(teacher),
        "float_model": converted.manifest.files[FLOAT_MODEL],
        "plan": {**plan.numbers, "layout": None},  # As keys of earlier versions have it.
        "data": view.hash,
        "inputs": view.key,
        "revision": REVISION,
    }
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=finetune,
        arguments={
            "checkpoint": checkpoint,
            "teacher": teacher,
            "float_model": converted.file(FLOAT_MODEL),
            "plan": plan,
            "view": view,
        },
        resources=Resources(cpus=cpus),
        resumable=True,
        packages=("tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy"),
    )


def finetune(
    folder: Path, *, checkpoint: Path, teacher: Path | None, float_model: Path, plan: Plan, view: DataView
) -> dict[str, Any]:
    """Fine-tune a network for a plan, or go on where a killed fine-tuning was.

    Args:
        folder: where to write; may hold what an earlier call left. `history.json` tells on the way how far it is.
        checkpoint: what training wrote, or pruning.
        teacher: where that is pruned, the checkpoint of the whole network.
        float_model: what `convert` made of the first one.
        plan: the plan.
        view: the pictures to learn on: inputs only, no truth.

    Returns:
        `kept` as `kept_check` has it.
    """
    from mqn.export.process import run

    run(
        "finetune",
        checkpoint=checkpoint,
        float_model=float_model,
        plan=plan,
        calibration=view.calibration(plan),
        pictures=view.tuning(),
        directory=folder,
        teacher=teacher,
    )
    return {"kept": kept_check(folder)}


def kept_check(folder: Path) -> dict[str, Any]:
    """Read from `history.json` of a finished pruning or fine-tuning which check had the weights that were kept.

    Returns:
        `step`, 0 where nothing was better than what it began with; the mean squared errors of `output` and
        `interface`; and `loss` in units of what it was at first.
    """
    checks: list[dict[str, Any]] = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    return min(checks, key=lambda check: check["loss"])

"""Stages that only some plans have: pruning behind the training, fine-tuning on a plan's grid before quantizing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mqn.records import Plan, Training
from mqn.search import stages

PRUNE, FINETUNE = "prune", "finetune"
TUNED_MODEL, GRID, HISTORY = "tuned.float32.tflite", "grid.json", "history.json"

_PICTURES, _SEED = 256, 1  # Other crops than calibration's, which has seed 0.


def prune(
    folder: Path, *, checkpoint: Path, sparsity: float, steps: int, data: Path, size: int, training: Training
) -> dict[str, Any]:
    """Prune a network and train what is left, or go on where a killed pruning was.

    Args:
        folder: where to write; may hold what an earlier call left. `history.json` tells on the way how far it is.
        checkpoint: what training wrote.
        sparsity: share of the channels inside inverted residuals.
        steps: of training.
        data: a prepared dataset, whose training split is learnt on: inputs only, no truth.
        size: side of the network's square input in pixels.
        training: how the network was trained: what inputs it knows.

    Returns:
        `parameters` and `macs` by part, of the pruned network; `kept` as `told` has it.
    """
    from mqn.export.process import run
    from mqn.models.checkpoint import load
    from mqn.models.cost import cost

    pictures = _inputs(data, size, training)
    run("prune", checkpoint=checkpoint, sparsity=sparsity, steps=steps, pictures=pictures, directory=folder)
    costs = cost(load(folder / stages.CHECKPOINT)[2], size)
    return {"parameters": costs.parameters, "macs": costs.macs, "kept": told(folder)}


def finetune(
    folder: Path,
    *,
    checkpoint: Path,
    teacher: Path | None,
    float_model: Path,
    plan: Plan,
    data: Path,
    size: int,
    training: Training,
) -> dict[str, Any]:
    """Fine-tune a network for a plan, or go on where a killed fine-tuning was.

    Args:
        folder: where to write; may hold what an earlier call left. `history.json` tells on the way how far it is.
        checkpoint: what training wrote, or pruning.
        teacher: where that is pruned, the checkpoint of the whole network.
        float_model: what `convert` made of the first one.
        plan: the plan.
        data: a prepared dataset, whose training split is learnt on: inputs only, no truth.
        size: side of the network's square input in pixels.
        training: how the network was trained: what inputs it knows.

    Returns:
        `kept` as `told` has it.
    """
    from mqn.export.process import run

    run(
        "finetune",
        checkpoint=checkpoint,
        float_model=float_model,
        plan=plan,
        calibration=stages.training_inputs(data, size, stages.calibrated_on(plan), training),
        pictures=_inputs(data, size, training),
        directory=folder,
        teacher=teacher,
    )
    return {"kept": told(folder)}


def told(folder: Path) -> dict[str, Any]:
    """Of a finished fine-tuning the check whose weights were kept.

    Args:
        folder: holds `history.json`.

    Returns:
        `step`, 0 where nothing was better than what it began with; the mean squared errors of `output` and
        `interface`; and `loss` in units of what it was at first.
    """
    checks: list[dict[str, Any]] = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    return min(checks, key=lambda check: check["loss"])


def _inputs(data: Path, size: int, training: Training) -> np.ndarray:
    """(N, S, S, 3) uint8."""
    inputs = stages.training_inputs(data, size, _PICTURES, training, seed=_SEED)
    return np.rint(inputs * 255).astype(np.uint8)

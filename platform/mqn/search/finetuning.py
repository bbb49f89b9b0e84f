"""The stage between conversion and quantization that only some plans have: fine-tuning on the plan's own grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mqn.records import Plan, Training
from mqn.search import stages

STAGE = "finetune"
TUNED_MODEL, GRID, HISTORY = "tuned.float32.tflite", "grid.json", "history.json"

_PARTS = ("pruning", "qat")
_PICTURES, _SEED = 256, 1  # Other crops than calibration's, which has seed 0.


def finetune(
    folder: Path, *, checkpoint: Path, float_model: Path, plan: Plan, data: Path, size: int, training: Training
) -> dict[str, Any]:
    """Fine-tune a network for a plan, or go on where a killed fine-tuning was.

    Args:
        folder: where to write; may hold what an earlier call left. `pruning/history.json` and `qat/history.json` tell
            on the way how far it is.
        checkpoint: what training wrote.
        float_model: what `convert` made of it.
        plan: the plan.
        data: a prepared dataset, whose training split is learnt on: inputs only, no truth.
        size: side of the network's square input in pixels.
        training: how the network was trained: what inputs it knows.

    Returns:
        For `pruning` and `qat`, where the plan has them, the check whose weights are kept: `step`, the mean squared
        errors of `output` and `interface`, and `loss` in units of what it was before.
    """
    import numpy as np

    from mqn.export.process import run

    calibration = stages.training_inputs(data, size, stages.calibrated_on(plan), training)
    codes = np.rint(stages.training_inputs(data, size, _PICTURES, training, seed=_SEED) * 255).astype(np.uint8)
    run(
        "finetune",
        checkpoint=checkpoint,
        float_model=float_model,
        plan=plan,
        calibration=calibration,
        pictures=codes,
        directory=folder,
    )
    told = {part: folder / part / HISTORY for part in _PARTS if (folder / part / HISTORY).exists()}
    checks = {part: json.loads(path.read_text(encoding="utf-8")) for part, path in told.items()}
    return {part: min(found, key=lambda check: check["loss"]) for part, found in checks.items()}

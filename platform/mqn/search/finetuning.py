"""The stage between conversion and quantization that only some plans have: fine-tuning on the plan's own grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mqn.records import Plan, Training
from mqn.search import stages

STAGE = "finetune"
TUNED_MODEL, GRID, HISTORY = "tuned.float32.tflite", "grid.json", "history.json"

_PICTURES, _SEED = 256, 1  # Other crops than calibration's, which has seed 0.


def finetune(
    folder: Path, *, checkpoint: Path, float_model: Path, plan: Plan, data: Path, size: int, training: Training
) -> dict[str, Any]:
    """Fine-tune a network for a plan, or go on where a killed fine-tuning was.

    Args:
        folder: where to write; may hold an earlier `resume.npz`. `history.json` tells on the way how far it is.
        checkpoint: what training wrote.
        float_model: what `convert` made of it.
        plan: the plan.
        data: a prepared dataset, whose training split is learnt on: inputs only, no truth.
        size: side of the network's square input in pixels.
        training: how the network was trained: what inputs it knows.

    Returns:
        `steps`, and `kept`: the check whose weights are kept, in units of the plan's error before (`loss`).
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
    checks = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    return {"steps": plan.qat_steps, "kept": min(checks, key=lambda check: check["loss"])}

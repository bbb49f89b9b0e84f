"""Carry out a plan on a float file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mqn.infer.exported import FUSED, SPLIT
from mqn.parsing import to_plain
from mqn.records import Plan
from mqn.search.artifacts import Artifact
from mqn.search.stages.convert import FLOAT_MODEL, PARITY
from mqn.search.stages.data_view import DataView
from mqn.search.stages.finetune import GRID, TUNED_MODEL, kept_check
from mqn.search.work.jobs import Job, Resources

STAGE, REVISION = "quantize", 6
AUDIT, CALIBRATION = "audit.json", "calibration.json"


def quantize_job(
    converted: Artifact, plan: Plan, view: DataView, *, tuned: Artifact | None = None, cpus: float = 1
) -> Job:
    """A plan carried out on a float file, with fine-tuned weights where it wants them.

    Raises `WeightsError` if response curves given as a path are not there.
    """
    effective = to_plain(plan) if plan.static else to_plain(plan) | {"calibration_pictures": None, "calibration": None}
    if plan.method == "ptq":  # What pruning left is in the float file.
        del effective["method"], effective["qat_steps"], effective["sparsity"]
    if plan.lowering == "auto":  # As keys of earlier versions have it.
        del effective["lowering"]
    inputs = {
        "float_model": converted.manifest.files[FLOAT_MODEL],
        "plan": effective,
        "data": view.hash,
        "codec": view.codec,
        "calibration": view.key,
        "revision": REVISION,
    }
    if tuned is not None:
        inputs["tuned"] = {name: tuned.manifest.files[name] for name in (TUNED_MODEL, GRID)}
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=quantize,
        arguments={
            "float_model": converted.file(FLOAT_MODEL),
            "tuned": tuned.file(TUNED_MODEL) if tuned else None,
            "plan": plan,
            "view": view,
        },
        resources=Resources(cpus=cpus),
        packages=("ai-edge-quantizer", "ai-edge-litert", "numpy"),
    )


def quantize(folder: Path, *, float_model: Path, tuned: Path | None, plan: Plan, view: DataView) -> dict[str, Any]:
    """Carry out a plan on a float file.

    `tuned` is what fine-tuning made of the file; None where the plan wants none. Pictures of `view` calibrate.

    Returns:
        `codec`, `input_size`, `plan` and `parity`: with these the folder is a model by itself. Of fine-tuned
        weights also `tuning`, as `kept_check` has it.
    """
    from mqn.export.process import run

    run(
        "quantize",
        float_model=float_model,
        plan=plan,
        calibration=view.calibration(plan),
        directory=folder,
        tuned=tuned,
    )
    parity = json.loads((folder / PARITY).read_text(encoding="utf-8"))
    details = {
        "codec": view.codec,
        "input_size": view.size,
        "plan": plan.label,
        "lowering": plan.rewrites,
        "parity": parity,
    }
    return details if tuned is None else {**details, "tuning": kept_check(tuned.parent)}


def model_names(model: Artifact) -> tuple[str, ...]:
    """The file names of a quantized model, in the order they run."""
    return next(names for names in (FUSED, SPLIT) if all(name in model.manifest.files for name in names))


def size_figures(model: Artifact) -> Mapping[str, float]:
    """The bytes of all its files."""
    return {"size_bytes": float(sum(model.size_bytes(name) for name in model_names(model)))}


def tracked_files(model: Artifact) -> Mapping[str, Path]:
    """The model with what is known of it, by the path within a tracked run."""
    told = (name for name in (AUDIT, CALIBRATION) if name in model.manifest.files)
    return {f"model/{name}": model.path(name) for name in (*model_names(model), *told)}

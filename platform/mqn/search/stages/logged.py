"""What is tracked of a trial: a function of its artifacts alone, so that whoever has them can log it again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

from mqn.search.artifacts import Artifact
from mqn.search.stages import finetune, measure, quantize, score, train
from mqn.search.stages.choose.device_files import TUNE
from mqn.search.stages.choose.tune import TUNING
from mqn.search.work.steps import last_part

Files = Mapping[str, Path]


def logged(artifacts: Mapping[str, Artifact]) -> tuple[list[dict[str, float]], dict[str, Path]]:
    """Epoch curves, every step's manifest, and what some steps track beside it.

    Args:
        artifacts: those of a trial by step; some may be missing.

    Returns:
        The numbers of each epoch, and local files by their path within the run.
    """
    files = {
        f"manifests/{name.replace('/', '-')}.json": artifact.path("manifest.json")
        for name, artifact in artifacts.items()
    }
    for name, artifact in artifacts.items():
        stage, _, target = name.partition("/")
        device = target.replace(":", "-")
        if stage == measure.STAGE:
            files[f"measurements/{device}.json"] = artifact.path(measure.MEASUREMENT)
        elif stage == quantize.STAGE and target:
            files |= {f"devices/{device}/{path}": file for path, file in quantize.tracked_files(artifact).items()}
        elif name.startswith(TUNE):
            files[f"rewrites/{name.removeprefix(TUNE).replace(':', '-')}.json"] = artifact.path(TUNING)
        elif name in _TRACKED:
            files |= _TRACKED[name](artifact)
    trained = last_part(artifacts)
    return [] if trained is None else train.curves(trained), files


def _model(artifact: Artifact) -> Files:
    """The model with its manifest beside it, so that it can be opened where it was logged."""
    return {**quantize.tracked_files(artifact), "model/manifest.json": artifact.path("manifest.json")}


def _tuning_history(artifact: Artifact, step: str) -> Files:
    return {f"tuning/{step}.json": artifact.path(finetune.HISTORY)}


_TRACKED: dict[str, Callable[[Artifact], Files]] = {
    "prune": functools.partial(_tuning_history, step="prune"),
    "finetune": functools.partial(_tuning_history, step="finetune"),
    "quantize": _model,
    "score": score.tracked_files,
}

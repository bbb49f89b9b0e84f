"""The stage that takes the place of a training where a network is trained already: its checkpoint is copied."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mqn.errors import WeightsError
from mqn.parsing import file_hash, write_json
from mqn.records import stage_key
from mqn.search import stages
from mqn.search.jobs import Job
from mqn.search.trained import Trained

_REVISION = 1


def trained_job(trained: Trained) -> Job:
    """What takes the place of a training: a checkpoint, copied into the store as it is."""
    inputs = {"checkpoint": trained.sha256, "revision": _REVISION}
    return Job(
        stage="train",
        key=stage_key("train", inputs),
        inputs=inputs,
        function=adopt,
        arguments={"checkpoint": Path(trained.checkpoint), "sha256": trained.sha256},
        packages=("torch", "numpy"),
    )


def adopt(folder: Path, *, checkpoint: Path, sha256: str) -> dict[str, Any]:
    """Copy a checkpoint, with the history beside it where there is one.

    Args:
        folder: where to write.
        checkpoint: a training's.
        sha256: what it must have.

    Returns:
        As `mqn.search.stages.train`: `parameters` and `macs` by part, `epochs`.

    Raises:
        WeightsError: the file is missing, or another one than when the study was made.
    """
    from mqn.models.checkpoint import load
    from mqn.models.cost import cost

    copy = folder / stages.CHECKPOINT
    try:
        shutil.copyfile(checkpoint, copy)
    except OSError as error:
        raise WeightsError(f"cannot read {checkpoint}: {error.strerror}; the study takes its weights") from error
    if file_hash(copy) != sha256:
        raise WeightsError(
            f"{checkpoint} has changed since the study was made (SHA-256 {sha256[:12]}); put the old file back, or "
            "start a new study with --study NAME"
        )
    history = checkpoint.with_name(stages.HISTORY)
    if history.is_file():
        shutil.copyfile(history, folder / stages.HISTORY)
    else:
        write_json(folder / stages.HISTORY, [])
    arch, training, network = load(copy)
    costs = cost(network, arch.input_size)
    return {"parameters": costs.parameters, "macs": costs.macs, "epochs": training.epochs}

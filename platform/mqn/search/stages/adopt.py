"""Take a network that is trained already, in place of a training: its checkpoint is copied."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mqn.errors import WeightsError
from mqn.networks.fetched import local_file
from mqn.parsing import file_hash, write_json
from mqn.search.space.trained import Trained
from mqn.search.stages.train import CHECKPOINT, HISTORY, STAGE, network_details
from mqn.search.work.jobs import Job

REVISION = 1


def adopt_job(trained: Trained) -> Job:
    """The copying of a checkpoint into the store, as it is."""
    inputs = {"checkpoint": trained.sha256, "revision": REVISION}
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=adopt,
        arguments={"checkpoint": trained.checkpoint, "sha256": trained.sha256},
        packages=("torch", "numpy"),
        doing="take the trained network",
    )


def adopt(folder: Path, *, checkpoint: str, sha256: str) -> dict[str, Any]:
    """Copy a checkpoint, by path or URL, into `folder`, and its history if there is one. Returns `network_details`.

    Raises:
        WeightsError: the file is missing, or is not the one that the study was made with.
    """
    copy = folder / CHECKPOINT
    try:
        file = local_file(checkpoint)
        shutil.copyfile(file, copy)
    except OSError as error:
        raise WeightsError(f"cannot read {checkpoint}: {error.strerror}; the study takes its weights") from error
    if file_hash(copy) != sha256:
        raise WeightsError(
            f"{checkpoint} has changed since the study was made (SHA-256 {sha256[:12]}); put the old file back, or "
            "start a new study with --study NAME"
        )
    history = file.with_name(HISTORY)
    if history.is_file():
        shutil.copyfile(history, folder / HISTORY)
    else:
        write_json(folder / HISTORY, [])
    return network_details(copy)

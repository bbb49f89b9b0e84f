"""Convert a checkpoint to a float TFLite file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mqn.parsing import from_mapping
from mqn.records import Arch, Candidate, Training
from mqn.search.artifacts import Artifact, ArtifactFile
from mqn.search.stages.keys import sha256_of
from mqn.search.work.jobs import Job, Resources

STAGE, REVISION = "convert", 3
FLOAT_MODEL, NETWORK, PARITY = "model.float32.tflite", "network.json", "parity.json"


def convert_job(checkpoint: Path | ArtifactFile, *, cpus: float = 1) -> Job:
    """The conversion of a checkpoint."""
    inputs = {"checkpoint": sha256_of(checkpoint), "revision": REVISION}
    return Job(
        stage=STAGE,
        inputs=inputs,
        function=convert,
        arguments={"checkpoint": checkpoint},
        resources=Resources(cpus=cpus),
        packages=("torch", "tensorflow", "tf_keras"),
    )


def convert(folder: Path, *, checkpoint: Path) -> dict[str, Any]:
    """Convert what training or pruning wrote.

    Returns:
        `parity`: the largest differences between the torch network, its twin and the file; `arch` and `training` of
        the checkpoint.
    """
    from mqn.export.process import run

    run("convert", checkpoint=checkpoint, directory=folder)
    parity, network = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (PARITY, NETWORK))
    return {"parity": parity, **network}


def converted_network(converted: Artifact) -> tuple[Arch, Training]:
    """Which network a conversion is of, and how it was trained; without torch, which takes seconds to import."""
    candidate = {key: converted.manifest.details[key] for key in ("arch", "training")}
    found = from_mapping(Candidate, candidate, source=str(converted.folder))
    return found.arch, found.training

"""Trials' pictures for Optuna's own tools: `optuna-dashboard DATABASE --artifact-dir $MQN_HOME/pictures` shows them.

A picture is named by its content. So trials with the same score share one, and a picture is never another's.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from optuna.artifacts import ArtifactMeta

from mqn.files.publishing import writing
from mqn.home import home
from mqn.search.artifacts import GATE, Artifact, stage_of
from mqn.search.stages.score import STAGE, STRIP

FOLDER = "pictures"
"""Folder of `$MQN_HOME` with the pictures, by the SHA-256 of their content."""

_PREFIX = "artifacts:"  # What `optuna.artifacts.upload_artifact` begins an attribute's name with.


def show_pictures(artifacts: Mapping[str, Artifact]) -> dict[str, str]:
    """Keep the pictures of a trial's scores where Optuna's tools find them.

    Args:
        artifacts: those of the trial by step.

    Returns:
        System attributes that tell Optuna of them, as `optuna.artifacts.upload_artifact` writes them.

    Raises:
        DiskError: the disk is full or read-only.
        FaultError: a picture cannot be fetched from the store.
    """
    attributes = {}
    for step, artifact in artifacts.items():
        if stage_of(step) != STAGE or step.startswith(GATE) or STRIP not in artifact.manifest.files:
            continue
        name = keep_picture(artifact)
        shown = ArtifactMeta(
            artifact_id=name, filename=f"{step.replace('/', '-')}.png", mimetype="image/png", encoding=None
        )
        attributes[f"{_PREFIX}{name}"] = json.dumps(asdict(shown))
    return attributes


def keep_picture(score: Artifact) -> str:
    """Keep the picture of a score, and return its name. Raises as `show_pictures`."""
    name = score.manifest.files[STRIP]
    target = home() / FOLDER / name
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        _link(score.path(STRIP), target)
    return name


def names_of(attributes: Iterable[str]) -> set[str]:
    """Names of the pictures that a trial's system attributes tell of."""
    return {name.removeprefix(_PREFIX) for name in attributes if name.startswith(_PREFIX)}


def pictures() -> list[Path]:
    """All pictures that are kept on this machine."""
    with contextlib.suppress(FileNotFoundError):
        return sorted((home() / FOLDER).iterdir())
    return []


def _link(source: Path, target: Path) -> None:
    """One more name for a file; on another file system a copy."""
    try:
        os.link(source, target)
    except FileExistsError:
        return  # Another driver was faster.
    except OSError:
        with writing(target) as temporary:
            shutil.copyfile(source, temporary)

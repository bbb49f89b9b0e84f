"""What makes a stage's inputs what they are: files by their content, and nothing that has no effect."""

from __future__ import annotations

import functools
import socket
from pathlib import Path
from typing import Any

from mqn.errors import NetworkError, WeightsError
from mqn.networks.fetched import is_url, local_file
from mqn.parsing import file_hash
from mqn.records import NAMED_FILES, Training
from mqn.search.artifacts import ArtifactFile


def file_identity(source: str) -> str:
    """Identify a file by its SHA-256. The words `imagenet`, `random` and `parametric` stay as they are.

    Raises:
        WeightsError: there is no such file.
    """
    if source in NAMED_FILES:
        return source
    path = local_file(source)
    try:
        state = path.stat()
    except OSError as error:
        allowed = " or ".join(NAMED_FILES)
        raise WeightsError(f"cannot read {source}: {error.strerror}; give a file or its URL, or {allowed}") from error
    return f"sha256:{_hash_once(path, state.st_mtime_ns, state.st_size)}"


@functools.lru_cache(maxsize=64)
def _hash_once(path: Path, changed_ns: int, size: int) -> str:  # noqa: ARG001 - they tell when to hash again
    return file_hash(path)


def require_seen(*sources: str) -> None:
    """Make sure that this machine sees the files that a candidate names; the driver has seen them.

    Raises:
        NetworkError: it does not see one; names machine and file. The candidate is not to blame.
    """
    for source in sources:
        if source not in NAMED_FILES and not is_url(source) and not local_file(source).is_file():
            raise NetworkError(
                f"node {socket.gethostname()} does not see {source}; name a path that every machine reaches, or a URL"
            )


def sha256_of(file: Path | ArtifactFile) -> str:
    """SHA-256 of a file: an artifact's own by its manifest, another one's by its bytes."""
    return file.sha256 if isinstance(file, ArtifactFile) else file_hash(file)


def camera_inputs(training: Training) -> dict[str, Any]:
    """The fields of the virtual camera that have an effect. A `WeightsError` if a file of curves is missing."""
    if not training.virtual_camera:
        return {"virtual_camera": 0.0}
    curves = file_identity(training.response_curves)
    return {"virtual_camera": training.virtual_camera, "response_curves": curves}

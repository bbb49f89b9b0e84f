"""A job's arguments, from names that mean the same everywhere to paths on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mqn.search.artifacts.artifact import ArtifactFile
from mqn.search.artifacts.store import ArtifactStore


def resolve(arguments: Mapping[str, Any], store: ArtifactStore) -> dict[str, Any]:
    """Replace every `ArtifactFile` by its path on this machine, in lists and tuples too.

    Raises:
        FaultError: the store fails meanwhile.
    """
    return {name: _resolved(value, store) for name, value in arguments.items()}


def _resolved(value: Any, store: ArtifactStore) -> Any:
    if isinstance(value, ArtifactFile):
        return store.local(value)
    if type(value) in (list, tuple):
        return type(value)(_resolved(one, store) for one in value)
    return value

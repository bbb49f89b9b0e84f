"""What makes two spaces the same study: all of them but their names, their size and where they start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mqn.errors import SpaceChangedError
from mqn.parsing import flatten

if TYPE_CHECKING:
    from mqn.search.space import Space
    from mqn.search.study import Study

_NO_MATTER = ("name", "description", "trials", "start")


def essence(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What of a space's definition decides whether trials can stand side by side."""
    return {key: value for key, value in definition.items() if key not in _NO_MATTER}


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Key paths in which two definitions differ, each with its old and its new value (None where there is none)."""
    before, after = flatten(essence(old)), flatten(essence(new))
    paths = sorted({*before, *after})
    return {path: (before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)}


def check_unchanged(study: Study, space: Space) -> None:
    """Make sure that a space is the one that the study was created with.

    Raises:
        SpaceChangedError: it is not; says which key changed, and what to do.
    """
    changes = changed_keys(study.about.space, space.definition)
    if changes:
        key, (old, new) = next(iter(changes.items()))
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise SpaceChangedError(
            f"the space of study {study.name!r} has changed: {key} was {old!r}, is {new!r}{more}; "
            "set it back, or start a new study with --study NAME"
        )

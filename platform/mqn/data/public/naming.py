"""Local names for the files of a public dataset, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mqn.data.preparation.sources import MANIFEST
from mqn.data.public.catalogue import RemoteFile
from mqn.data.public.lockfile import LOCK_FILE
from mqn.errors import FetchError, LocalNameError
from mqn.files.local_names import DistinctNames, inside, safe_name, safe_path

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def is_packed(name: str) -> bool:
    """Whether a file of that name is unpacked."""
    return name.lower().endswith(_ARCHIVES)


def unpacked_name(name: str) -> str:
    """The folder that an archive is unpacked into, below the dataset's.

    Raises:
        LocalNameError: what is left of the name without its suffix is not safe.
    """
    suffix = next((suffix for suffix in _ARCHIVES if name.lower().endswith(suffix)), "")
    return safe_path(name[: len(name) - len(suffix)] if suffix else f"{name}.unpacked")


def checked(files: Iterable[RemoteFile], source: str) -> list[RemoteFile]:
    """Make sure of the names of everything that is listed, before anything is fetched.

    Returns:
        The files, sorted by name; what is listed twice at one address comes once.

    Raises:
        FetchError: a name is not safe, is one of the fetch's own, or two would be one file or folder.
    """
    by_place = {(file.name, file.url): file for file in files}
    taken = DistinctNames()
    try:
        for own in (LOCK_FILE, MANIFEST):
            taken.add(own)
        for name, _ in by_place:
            taken.add(safe_path(name))
            if is_packed(name):
                taken.add(unpacked_name(name))
    except LocalNameError as error:
        raise FetchError(f"{source}: {error}; nothing is fetched") from error
    return sorted(by_place.values(), key=lambda file: file.name)


def part_of(work: Path, name: str) -> Path:
    """Where a file grows; no two names share a part."""
    folders, _, last = name.rpartition("/")
    mark = f"{hashlib.sha256(folders.encode()).hexdigest()[:16]}-" if folders else ""
    return inside(work, f"{mark}{safe_name(last)}.part")

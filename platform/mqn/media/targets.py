"""Names the results of a folder's pictures: no two alike, the same in every run.

A picture alone in its stem becomes `a.exr`; `a.jpg` and `a.png` become `a.jpg.exr` and `a.png.exr`. Names that some
system takes for one (`A.png`, `a.png`) get numbers. What an earlier run named keeps its name, whatever was added since.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mqn.errors import LocalNameError
from mqn.files.local_names import below


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A result that an earlier run made or began.

    Attributes:
        source: the picture's path in its folder; None in ledgers that did not say.
        folder: of the picture, resolved; None likewise.
        work: what it was made from and how; None while it was not finished.
    """

    source: str | None
    folder: str | None
    work: str | None


def results(entries: Iterable[Mapping[str, Any]]) -> dict[str, Result]:
    """The results in a ledger, by their paths in the output folder; the last line of a path counts.

    A line that names no path below that folder tells of nothing: ledgers travel with folders, and others write them.
    """
    found: dict[str, Result] = {}
    for entry in entries:
        said = {name: entry.get(name) for name in ("source", "folder", "work")}
        with contextlib.suppress(LocalNameError):
            if all(value is None or isinstance(value, str) for value in said.values()):
                found[below(str(entry.get("target", ""))).as_posix()] = Result(**said)
    return found


def name_targets(
    sources: Sequence[str],
    folder: Path,
    suffix: str,
    known: Mapping[str, Result],
    work_of: Callable[[str], str | None],
) -> dict[str, str]:
    """Name the result of every picture.

    Args:
        sources: the pictures' paths in their folder, with `/`, sorted.
        folder: theirs.
        suffix: of the results.
        known: results that are there, by their paths in the output folder. One of another picture is never taken, nor
            one of another folder that still exists.
        work_of: what a picture would be made from and how, to recognise results whose picture is not known; None where
            it cannot be read.

    Returns:
        Source to result, both with `/`. No two results are one file on a system that folds case or forms of Unicode,
        and none is a folder of another.
    """
    here, present = str(folder.resolve()), set(sources)
    named: dict[str, str] = {}
    free = {target for target, result in known.items() if result.source is None}
    for target, result in known.items():
        gone = result.folder != here and not Path(result.folder or here).is_dir()
        if result.source in present and target.endswith(suffix) and (result.folder == here or gone):
            named.setdefault(str(result.source), target)
    naming = _Naming(sources, suffix, taken=[*known])
    for source in sources:
        if source not in named:
            named[source] = _former(naming, source, free, known, work_of) or naming.fresh(source)
    return {source: named[source] for source in sources}


class _Naming:
    """Makes names for new results."""

    def __init__(self, sources: Sequence[str], suffix: str, taken: Iterable[str]) -> None:
        self.suffix = suffix
        self._stems = Counter(_key(_stem(source)) for source in sources)
        self._whole = Counter(_key(source) for source in sources)
        folders = {parent.as_posix() for source in sources for parent in PurePosixPath(source).parents}
        self._taken = {_key(name) for name in (*taken, *folders)}

    def is_alone(self, source: str) -> bool:
        """Whether no other picture has this stem, or is called so in whole."""
        stem = _key(_stem(source))
        return self._stems[stem] == 1 and self._whole[stem] == (stem == _key(source))

    def fresh(self, source: str) -> str:
        """An unused name."""
        numbered = (f"{source}.{number}{self.suffix}" for number in range(2, len(self._taken) + 3))
        alone = [_stem(source) + self.suffix] if self.is_alone(source) else []
        name = next(name for name in (*alone, source + self.suffix, *numbered) if _key(name) not in self._taken)
        self._taken.add(_key(name))
        return name


def _former(
    naming: _Naming,
    source: str,
    free: set[str],
    known: Mapping[str, Result],
    work_of: Callable[[str], str | None],
) -> str | None:
    """The result of a picture by a ledger that did not name its pictures."""
    for name in (source + naming.suffix, _stem(source) + naming.suffix):
        if name in free and (name != _stem(source) + naming.suffix or naming.is_alone(source)):
            free.discard(name)
            return name
        # A stem that was one picture's, and is shared by now.
        if name in free and known[name].work is not None and known[name].work == work_of(source):
            free.discard(name)
            return name
    return None


def _stem(source: str) -> str:
    with contextlib.suppress(ValueError):
        return PurePosixPath(source).with_suffix("").as_posix()
    return source


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())

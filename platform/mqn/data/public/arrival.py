"""What a fetch came to: the pictures in the dataset's folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.data.public.catalogue import PublicDataset
from mqn.data.public.layout import Row, arrange
from mqn.files.local_names import MARK

WORK = ".fetch"
"""The folder of a fetch under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a fetch came to.

    Attributes:
        dataset: its name.
        folder: where it lies; what `mqn data prepare` takes.
        pictures: HDR pictures found.
        expected: how many there should be; None where nobody says.
        pairs: pictures with LDR pictures of their camera.
        sources: different things shown.
        licence: what its publisher allows.
        already: whether everything was there before.
        unusable: published files that could not be brought to linear light, with the reasons.
    """

    dataset: str
    folder: Path
    pictures: int
    expected: int | None
    pairs: int
    sources: int
    licence: str
    already: bool
    unusable: tuple[str, ...] = ()

    @property
    def shortfall(self) -> int:
        """How many pictures fewer there are than there should be."""
        return max((self.expected or 0) - self.pictures, 0)


def take_stock(
    name: str, entry: PublicDataset, folder: Path, *, already: bool, unusable: Sequence[str] = ()
) -> Arrival:
    """Count what is there; `already` says that nothing was fetched, `unusable` what could not be used, with reasons."""
    rows = usable(arrange(names(folder), entry.layout), folder)
    return Arrival(
        dataset=name,
        folder=folder,
        pictures=len(rows),
        expected=entry.pictures,
        pairs=sum(bool(row.ldr) for row in rows),
        sources=len({row.source for row in rows}),
        licence=entry.licence,
        already=already,
        unusable=tuple(unusable),
    )


def usable(rows: Sequence[Row], folder: Path) -> list[Row]:
    """The rows whose picture is there in linear light."""
    return [row for row in rows if (folder / row.file).is_file()]


def names(folder: Path) -> list[str]:
    """Every file below a folder but marks and those of a fetch under way, without following links to folders."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != WORK and not name.endswith(".partial"))
        below = Path(parent).relative_to(folder)
        found += [(below / name).as_posix() for name in sorted(files) if name != MARK]
    return found

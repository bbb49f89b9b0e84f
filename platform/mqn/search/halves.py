"""The validation pictures in two halves, by the places they show: one to choose by, one to check the choice on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from mqn.errors import DataError

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

_SPLIT: Literal["val"] = "val"


def split_in_halves(sources: Sequence[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions of the pictures to choose by, and of those to check on; no place is in both.

    Args:
        sources: what each picture shows.

    Raises:
        DataError: all show the same place.
    """
    places = sorted(set(sources))
    if len(places) < 2:
        raise DataError(
            f"the validation split shows {len(places)} place; a suggestion needs two at least, one to choose by and "
            "one to check on: name sources in manifest.csv, or give more pictures"
        )
    chosen = set(places[::2])
    by = tuple(position for position, source in enumerate(sources) if source in chosen)
    on = tuple(position for position, source in enumerate(sources) if source not in chosen)
    return by, on


def validation_halves(dataset: Dataset) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The halves of a dataset's validation split.

    Raises:
        DataError: all its pictures show the same place.
    """
    return split_in_halves(dataset.sources(_SPLIT))

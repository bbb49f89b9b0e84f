"""What a paper published of its network, to be set beside our figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean and its standard deviation.

    Attributes:
        mean: over pictures in a paper, over seeds in ours.
        std: over the same; None where there is only one.
        seeds: how many; None in a paper.
    """

    mean: float
    std: float | None
    seeds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """A row of a published table.

    Attributes:
        label: as the paper prints it.
        values: what marks a candidate of this row, by dotted key; of loss weights (`PaperTable.switches`), whether they
            are above 0.
        figures: by our names (`mqn.quantities`).
    """

    label: str
    values: Mapping[str, Any]
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """A published table.

    Attributes:
        title: which one.
        metrics: its columns, by our names.
        reference: label of the row that gaps are told against.
        rows: its rows, in order.
        switches: dotted keys of which a row says only whether they are above 0.
    """

    title: str
    metrics: tuple[str, ...]
    reference: str
    rows: tuple[PaperRow, ...]
    switches: frozenset[str] = frozenset()

    @property
    def varied(self) -> frozenset[str]:
        """Dotted keys that distinguish the rows."""
        return frozenset(key for row in self.rows for key in row.values)

    def holds(self, row: PaperRow, flat: Mapping[str, Any]) -> bool:
        """Whether a candidate, by its dotted keys, belongs to a row."""
        return all(
            (flat.get(key, 0) > 0 if key in self.switches else flat.get(key)) == value
            for key, value in row.values.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A paper.

    Attributes:
        tables: by the name of `mqn ablate`.
        settings: what it did where a candidate's default is something else: dotted key to the values that do not
            depart from it, and how it is told.
        pictures: how many it trained on and judged by, in words.
        notes: what a reader must know beside every table.
    """

    tables: Mapping[str, PaperTable] = field(default_factory=dict)
    settings: Mapping[str, tuple[tuple[Any, ...], str]] = field(default_factory=dict)
    pictures: str = ""
    notes: tuple[str, ...] = ()

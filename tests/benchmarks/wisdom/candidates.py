"""Which candidate each row of a recorded table is: point i of a scrambled Sobol sequence, always the same."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import qmc

from mqn.records import Candidate, Delegate, Plan
from mqn.search.space.combinations import combinations
from mqn.search.space.dimensions import Dimension, Params, Scalar
from mqn.search.space.space import Space
from mqn.search.space.space_file import load_space

FOLDER = Path(__file__).parent
_POINTS_LOG2 = 10
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TableKind:
    """One of the recorded tables.

    Attributes:
        name: of its file.
        points: seed of the sequence of candidates.
        training_seed: of initial weights, crops and LDR operators of every training.
        delegate: what runs the file when latency is measured.
    """

    name: str
    points: int
    training_seed: int
    delegate: Delegate

    @property
    def path(self) -> Path:
        """The table's file."""
        return FOLDER / f"{self.name}.jsonl"


SEARCH = TableKind(name="search", points=1, training_seed=0, delegate="xnnpack")
"""What methods are compared and tuned on."""

HELD_BACK = TableKind(name="held_back", points=2, training_seed=1, delegate="none")
"""What nobody tunes on: other candidates, another seed, another setting of the device: without a delegate."""

REPEATS = TableKind(name="repeats", points=1, training_seed=2, delegate="xnnpack")
"""The first candidates of `SEARCH` with another seed: how much of a difference between candidates is noise."""

KINDS = {kind.name: kind for kind in (SEARCH, HELD_BACK, REPEATS)}


@functools.cache
def wisdom_space() -> Space:
    """The space of all tables."""
    return load_space(str(FOLDER / "space.toml"))


def networks(kind: TableKind, count: int) -> list[Params]:
    """The first candidates of a table: by dimension its value, plans left out."""
    space = wisdom_space()
    dimensions = [one for one in space.dimensions if one.key not in space.expansion]
    points = qmc.Sobol(len(dimensions), seed=kind.points).random_base2(_POINTS_LOG2)
    if count > len(points):
        raise ValueError(f"{count} rows; a table has at most {len(points)}")
    return [
        {dimension.key: _value(dimension, float(part)) for dimension, part in zip(dimensions, point, strict=True)}
        for point in points[:count]
    ]


def plans() -> list[Params]:
    """What every training is tried with: by dimension its value."""
    space = wisdom_space()
    expanded = [one for one in space.dimensions if one.key in space.expansion]
    return list(combinations(expanded, {}, lambda dimension: dimension.values() or ()))


def candidate(network: Params, plan: Params, kind: TableKind) -> Candidate:
    """The candidate of a table's network with a plan."""
    return wisdom_space().candidate({**network, **plan}).with_values({"training.seed": kind.training_seed})


def plan_label(plan: Params) -> str:
    """A plan in a few characters, as tables name it: `int8+dynamic`."""
    found: Plan = wisdom_space().candidate(plan).plan
    return found.label


def _value(dimension: Dimension, part: float) -> Scalar:
    """The value of a dimension at a part of its range, 0 to below 1."""
    values = dimension.values()
    if values is not None:
        return next(itertools.islice(values, int(part * len(values)), None))
    low, high = float(dimension.low), float(dimension.high)
    value = low * (high / low) ** part if dimension.log else low + (high - low) * part
    return float(f"{value:.{_DIGITS}g}")

"""How a space falls apart: trainings, and the plans that each training serves."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mqn.search.space.combinations import combinations
from mqn.search.space.dimensions import Dimension, Params, Scalar
from mqn.search.space.space import Space

SEED = "training.seed"
_MOST_PLANS = 64
"""Plans of one training that are weighed together. With more, each point is weighed by itself."""


@dataclass(frozen=True)
class Layout:
    """The dimensions of a space by their part.

    Attributes:
        dimensions: all, every one behind those it depends on.
        expanded: keys that are tried in all combinations with every training; empty: each point is by itself.
        held: the dimensions that a draw decides.
        trained: those of them that the training depends on, the seed left out.
        built: those of them that an exported file depends on before it is trained.
    """

    dimensions: tuple[Dimension, ...]
    expanded: frozenset[str]
    held: tuple[Dimension, ...]
    trained: tuple[Dimension, ...]
    built: tuple[Dimension, ...]
    _deciding: tuple[str, ...]
    _plans: dict[tuple[Scalar | None, ...], dict[str, Params]] = field(default_factory=dict)

    @classmethod
    def of(cls, space: Space) -> Layout:
        """The layout of a space."""
        keys = frozenset(space.expansion)
        by_itself = [dimension for dimension in space.dimensions if dimension.key in keys]
        if not all(key.startswith("plan.") for key in keys) or _too_many(by_itself):
            keys, by_itself = frozenset(), []
        held = tuple(dimension for dimension in space.dimensions if dimension.key not in keys)
        deciding = {key for dimension in by_itself for key in dimension.when if key not in keys}
        return cls(
            dimensions=space.dimensions,
            expanded=keys,
            held=held,
            trained=tuple(one for one in held if not one.key.startswith("plan.") and one.key != SEED),
            built=tuple(one for one in held if one.key.startswith(("arch.", "plan."))),
            _deciding=tuple(sorted(deciding)),
        )

    def hold(self, point: Mapping[str, Scalar]) -> Params:
        """The part of a point that a draw decides."""
        return {key: value for key, value in point.items() if key not in self.expanded}

    def plan(self, point: Mapping[str, Scalar]) -> str:
        """The name of a point's plan among those of its training."""
        return _name({key: value for key, value in point.items() if key in self.expanded})

    def plans(self, held: Mapping[str, Scalar]) -> Mapping[str, Params]:
        """Every plan of a training by name, with the values of its expanded dimensions."""
        deciding = tuple(held.get(key) for key in self._deciding)
        if deciding not in self._plans:
            every = combinations(
                self.dimensions,
                {},
                lambda one: (one.values() or ()) if one.key in self.expanded else (held.get(one.key, one.low),),
            )
            found = [{key: value for key, value in point.items() if key in self.expanded} for point in every]
            self._plans[deciding] = {_name(plan): plan for plan in found}
        return self._plans[deciding]


def name_of(held: Mapping[str, Scalar]) -> str:
    """A text that is the same for equal parts of points."""
    return _name(held)


def _name(values: Mapping[str, Scalar]) -> str:
    return json.dumps(values, sort_keys=True) if values else ""


def _too_many(dimensions: list[Dimension]) -> bool:
    count = 1
    for dimension in dimensions:
        count *= len(list(itertools.islice(dimension.values() or (), _MOST_PLANS + 1)))
    return count > _MOST_PLANS

"""How many trials are on their way at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from mqn.parsing import content_hash
from mqn.profile_tables.ray import RayProfile
from mqn.search.space.space import Space
from mqn.search.work.engine import Capacity


def follow_capacity(space: Space, ray: RayProfile, capacity: Callable[[], Capacity]) -> Callable[[], int]:
    """How many trials are to be on their way, by what the engine has at the moment.

    All plans of the networks that can train at once have a place, and those of one more network.

    Args:
        space: what is searched.
        ray: what one training takes.
        capacity: what the engine has now.
    """
    plans = _plans(space)
    training = ray.training or {"CPU": 1.0}
    return lambda: plans * (max(1, capacity().count(training)) + 1)


def _plans(space: Space) -> int:
    """The most plans that one network has."""
    points = space.grid()
    if points:
        networks = Counter(content_hash((c.arch, c.training)) for c in map(space.candidate, points))
        return max(networks.values())
    expanded = [dimension.values() or () for dimension in space.dimensions if dimension.key in space.expansion]
    return math.prod(len(values) for values in expanded)

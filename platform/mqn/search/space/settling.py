"""The point of a space that some values mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mqn.search.space.dimensions import Params
from mqn.search.space.space import Space


def settle(space: Space, params: Mapping[str, Any]) -> Params | None:
    """The point that some values mean, with the space's own values in its own order.

    Args:
        space: what is searched.
        params: values by key; values of dimensions that do not count are ignored.

    Returns:
        The same point for all values that mean one candidate; None where a value is missing or outside the space.
    """
    keys = tuple(space.points[0]) if space.points else ()
    if any(key not in params for key in keys):
        return None
    point: Params = {key: params[key] for key in keys}
    for dimension in space.dimensions:
        if dimension.active(point):
            value = dimension.nearest(params[dimension.key]) if dimension.key in params else None
            if value is None:
                return None
            point[dimension.key] = value
    return point


def identity(point: Params) -> str:
    """A text that is the same for equal points, as `settle` gives them."""
    return json.dumps(point, sort_keys=True)

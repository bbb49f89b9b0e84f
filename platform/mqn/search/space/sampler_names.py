"""The names of samplers that a space may ask for."""

from __future__ import annotations

from collections.abc import Iterable

from mqn.errors import ConfigError, nearest
from mqn.quantities import measure_of
from mqn.search.space.goals import Constraint, Objective

SAMPLERS = ("frontier", "tpe", "nsga2", "nsga3", "gp", "qmc", "random", "grid")
"""What draws points, by name; `mqn.search.samplers` says more."""


def default_sampler(objectives: Iterable[Objective], constraints: Iterable[Constraint]) -> str:
    """The sampler of a space that names none.

    `frontier` where accuracy is an objective and another objective or a constraint is known without training.
    """
    goals = [objective.metric for objective in objectives]
    others = [metric for metric in (*goals, *(bound.metric for bound in constraints)) if measure_of(metric) is None]
    accuracy = any(measure_of(metric) is not None for metric in goals)
    return "frontier" if accuracy and others and len(goals) <= MOST_OBJECTIVES else "tpe"


MOST_OBJECTIVES = 3
"""Of `frontier`."""


def check_name(name: str, *, source: str) -> None:
    """Make sure that a name is a sampler's, or `module:Class`.

    Raises:
        ConfigError: it is neither; names the nearest.
    """
    module, colon, attribute = name.partition(":")
    own = bool(colon) and all(part.isidentifier() for part in (*module.split("."), attribute))
    if name not in SAMPLERS and not own:
        advice = "write module:Class" if colon else nearest(name, SAMPLERS)
        raise ConfigError(f"{source}: sampler {name!r}: {advice}; a sampler of your own: module:Class")

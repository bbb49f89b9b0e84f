"""The methods by name."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.wisdom.methods import frontier, moasha
from tests.benchmarks.wisdom.methods.optuna_samplers import SAMPLERS, with_all_plans, with_one_plan
from tests.benchmarks.wisdom.replay import Replay

METHODS: dict[str, Callable[[Replay, int], None]] = {
    **{name: with_all_plans(make) for name, make in SAMPLERS.items()},
    **{f"{name}_one_plan": with_one_plan(make) for name, make in SAMPLERS.items()},
    **moasha.METHODS,
    **frontier.METHODS,
}

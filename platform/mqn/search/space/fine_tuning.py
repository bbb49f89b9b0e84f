"""Checks what a space varies of fine-tuning: it must be possible, and must make a difference.

A plan of method `qat` without a static scheme would fail only after its training. Fine-tuning steps of a plan that is
not fine-tuned would make equal trials.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mqn.errors import ConfigError
from mqn.records import Candidate
from mqn.search.space.combinations import combinations
from mqn.search.space.dimensions import Dimension, Scalar

METHOD, STEPS, SPARSITY = "plan.method", "plan.qat_steps", "plan.sparsity"
_SCHEMES = ("plan.backbone", "plan.head", "plan.rules")


def check_tuning(
    dimensions: Sequence[Dimension], points: Sequence[Mapping[str, Any]], base: Candidate, *, source: str
) -> None:
    """Check every combination of the dimensions that matter for fine-tuning.

    Raises:
        ConfigError: a combination fine-tunes without a static scheme, or varies steps that it does not take; says
            what the dimension should depend on.
    """
    deciding = _with_conditions(dimensions, {METHOD, STEPS, SPARSITY, *_SCHEMES})
    for point in points or ({},):
        for values in combinations(deciding, dict(point), _telling):
            plan = base.with_values(values, source=source).plan
            if plan.method == "qat" and not plan.static:
                raise ConfigError(
                    f"{source}: plan.method = 'qat' trains with fixed ranges, and {plan.label} has none; let it "
                    f"depend on a static scheme, {_when(deciding)}"
                )
            if STEPS in values and not plan.tuned:
                raise ConfigError(
                    f'{source}: dimensions."{STEPS}" makes no difference to {plan.label}, which is neither fine-tuned '
                    f'nor pruned; add when = {{ "{METHOD}" = ["qat"] }}'
                )


def _with_conditions(dimensions: Sequence[Dimension], keys: set[str]) -> list[Dimension]:
    """The dimensions with these keys, and all that decide whether they count."""
    wanted = set(keys)
    for dimension in reversed(dimensions):  # A condition names dimensions that stand before.
        if dimension.key in wanted:
            wanted |= set(dimension.when)
    return [dimension for dimension in dimensions if dimension.key in wanted]


def _telling(dimension: Dimension) -> Iterable[Scalar]:
    """The values that make a difference here: all choices, and the two ends of a range."""
    return dimension.choices if dimension.choices is not None else dict.fromkeys((dimension.low, dimension.high))


def _when(dimensions: Sequence[Dimension]) -> str:
    """A condition that can be copied into the file."""
    for dimension in dimensions:
        static = [choice for choice in dimension.choices or () if str(choice).startswith("static")]
        if dimension.key in _SCHEMES and static:
            listed = ", ".join(f'"{choice}"' for choice in static)
            return f'when = {{ "{dimension.key}" = [{listed}] }}'
    return 'for example "plan.backbone" = "static_wi8_ai8"'

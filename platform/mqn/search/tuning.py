"""Whether what a space varies of fine-tuning can be carried out, and makes a difference wherever it counts.

A plan of method `qat` without a fixed range would fail in its trial, after a training; steps that nothing is trained
for would make trials that are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mqn.errors import ConfigError
from mqn.records import Candidate
from mqn.search.dimensions import Dimension

METHOD, STEPS, SPARSITY = "plan.method", "plan.qat_steps", "plan.sparsity"
_SCHEMES = ("plan.backbone", "plan.head", "plan.rules")


def check_tuning(
    dimensions: Sequence[Dimension], points: Sequence[Mapping[str, Any]], base: Candidate, *, source: str
) -> None:
    """Look at every combination of what decides it.

    Args:
        dimensions: of the space, every one behind those it depends on.
        points: settings that vary together, as of a grid; none: the base alone.
        base: the candidate that both vary.
        source: the file, for error messages.

    Raises:
        ConfigError: a combination trains on a grid that it does not have, or varies steps that it does not take; says
            what the dimension should depend on.
    """
    deciding = _with_conditions(dimensions, {METHOD, STEPS, SPARSITY, *_SCHEMES})
    for point in points or ({},):
        for values in _combinations(deciding, dict(point)):
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
    """Those of the dimensions that are asked for, and all that decide whether they count."""
    wanted = set(keys)
    for dimension in reversed(dimensions):  # What a condition names stands before it.
        if dimension.key in wanted:
            wanted |= set(dimension.when)
    return [dimension for dimension in dimensions if dimension.key in wanted]


def _combinations(dimensions: Sequence[Dimension], values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if not dimensions:
        yield values
        return
    first, *rest = dimensions
    if not first.active(values):
        yield from _combinations(rest, values)
        return
    # Of a range its ends: nothing here changes in between.
    for value in first.choices if first.choices is not None else dict.fromkeys((first.low, first.high)):
        yield from _combinations(rest, {**values, first.key: value})


def _when(dimensions: Sequence[Dimension]) -> str:
    """A condition that can be copied into the file."""
    for dimension in dimensions:
        static = [choice for choice in dimension.choices or () if str(choice).startswith("static")]
        if dimension.key in _SCHEMES and static:
            listed = ", ".join(f'"{choice}"' for choice in static)
            return f'when = {{ "{dimension.key}" = [{listed}] }}'
    return 'for example "plan.backbone" = "static_wi8_ai8"'

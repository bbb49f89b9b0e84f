"""One dimension of a space: a candidate's key, the values it may take, and when it counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqn.errors import ConfigError
from mqn.plain_values import shown
from mqn.records import Candidate

if TYPE_CHECKING:
    import numpy as np
    import optuna

Scalar = str | int | float | bool
Params = dict[str, Scalar]
"""A point: by dimension's key its value, for every dimension that counts there."""

_CHECKED_VALUES = 1000
_SLACK = 1e-9
_MOST_VALUES = 1000
_MOST_STEPS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionTable:
    """A `[dimensions."training.epochs"]` table as it stands in the file; its fields are those of `Dimension`."""

    choices: list[Any] | None = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    when: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A checked dimension. Where its condition does not hold, the candidate keeps the space's fixed value.

    Attributes:
        key: the candidate's dotted key.
        choices: the values of a categorical dimension; None for a range.
        low: smallest number of a range.
        high: largest number of a range.
        step: distance of neighbouring numbers; None: any number in between.
        log: whether a range is drawn evenly in its logarithm.
        when: other dimensions' keys to those of their values with which this one counts.
    """

    key: str
    choices: tuple[Scalar, ...] | None = None
    low: float | int = 0
    high: float | int = 0
    step: float | int | None = None
    log: bool = False
    when: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)

    def active(self, values: Mapping[str, Any]) -> bool:
        """Whether the dimension counts, given the values of the dimensions before it."""
        return all(values.get(key) in allowed for key, allowed in self.when.items())

    def values(self) -> Sequence[Scalar] | None:
        """Every value in order; whole numbers as a `range`. None: infinitely many."""
        if self.choices is not None:
            return self.choices
        if self.low == self.high:
            return (self.low,)
        if self.step is None:
            return None
        if isinstance(self.low, int):
            return range(self.low, int(self.high) + 1, int(self.step))
        return tuple(map(self._step_to, range(self._steps)))

    @property
    def _steps(self) -> int:
        assert self.step is not None
        return round((self.high - self.low) / self.step) + 1

    def _step_to(self, i: int) -> int | float:
        assert self.step is not None
        if isinstance(self.low, int):
            return int(self.low + i * self.step)
        # Rounding keeps 0.1 + 2 * 0.1 from reading 0.30000000000000004 in records and file names.
        return round(self.low + i * self.step, 12)

    def wander(self, source: np.random.Generator) -> Iterator[Scalar]:
        """Every value once, from a random beginning; an endless iterator where there are infinitely many."""
        if self.choices is not None or self.low == self.high:
            values = tuple(self.values() or ())
            begin = int(source.integers(len(values)))
            yield from values[begin:] + values[:begin]
        elif self.step is not None:
            count = self._steps
            begin = int(source.integers(count))
            yield from (self._step_to((begin + i) % count) for i in range(count))
        else:
            while True:
                part = float(source.random())
                span = self.high - self.low
                yield self.low * (self.high / self.low) ** part if self.log else self.low + span * part

    def nearest(self, value: Any) -> Scalar | None:
        """The dimension's value that a value stands for: 0.3 for 0.1 + 0.2. None if it lies outside the dimension."""
        if self.choices is not None:
            return self.choices[self.choices.index(value)] if value in self.choices else None
        if not isinstance(value, (int, float)) or not self.low - _SLACK <= value <= self.high + _SLACK:
            return None
        if self.step is None:
            return self.low if self.low == self.high else min(max(float(value), self.low), self.high)
        i = round((value - self.low) / self.step)
        near = self._step_to(i)
        return near if abs(near - value) <= _SLACK * max(1.0, abs(near)) else None

    def allows(self, value: Any) -> bool:
        """Whether a value lies in the dimension."""
        near = self.nearest(value)
        return near is not None and near == value

    def suggest(self, trial: optuna.Trial) -> Scalar:
        """Let Optuna give the value of this dimension for a trial."""
        if self.choices is not None:
            return trial.suggest_categorical(self.key, self.choices)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.key, self.low, self.high, step=int(self.step or 1), log=self.log)
        return trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)

    def check(self, bases: Sequence[Candidate], *, source: str) -> None:
        """Make sure that every base takes the dimension's values. There is one base candidate for each family.

        Raises:
            ConfigError: one of them does not; names the source and the key path.
        """
        for value in (self.values() or (self.low, self.high))[:_CHECKED_VALUES]:
            for base in bases:
                base.with_values({self.key: value}, source=f'{source}: dimensions."{self.key}"')

    def plain(self) -> dict[str, Any]:
        """The table that `parse_dimension` reads this dimension from."""
        condition = {"when": {key: list(allowed) for key, allowed in self.when.items()}} if self.when else {}
        if self.choices is not None:
            return {"choices": list(self.choices), **condition}
        step = {} if self.step is None or self.log else {"step": self.step}
        return {"low": self.low, "high": self.high, **step, **({"log": True} if self.log else {}), **condition}


def parse_dimension(key: str, table: DimensionTable, base: Candidate, *, source: str) -> Dimension:
    """Read one dimension of a space file. The space checks its values and conditions, since it knows the others.

    Raises:
        ConfigError: a dimension that cannot be searched; names the key path.
    """
    place = f'{source}: dimensions."{key}"'
    when = {other: tuple(values) for other, values in table.when.items()}
    ranged = table.low is not None or table.high is not None or table.step is not None or table.log
    if (table.choices is not None) == ranged:
        raise ConfigError(f"{place} must have either choices, or low and high")
    if table.choices is not None:
        return Dimension(key=key, choices=_choices(place, key, table.choices, base), when=when)
    return _range(place, key, table, base.flat()[key], when)


def _choices(place: str, key: str, choices: list[Any], base: Candidate) -> tuple[Scalar, ...]:
    if not choices:
        raise ConfigError(f"{place}: choices is empty; list at least one value")
    if len(choices) > _MOST_VALUES:
        raise ConfigError(f"{place}: choices lists {len(choices)} values; at most {_MOST_VALUES}")
    if not all(isinstance(choice, (str, int, float, bool)) for choice in choices):
        raise ConfigError(f"{place}: choices must be numbers or strings, not {shown(choices)}")
    # The candidate's own type, so that 1 and 1.0 are one value.
    typed = tuple(base.with_values({key: choice}, source=place).flat()[key] for choice in choices)
    if len(set(typed)) < len(typed):
        raise ConfigError(f"{place}: choices {shown(choices)} names a value twice")
    return typed


def _require_whole(place: str, key: str, numbers: Mapping[str, float | None]) -> None:
    for name, number in numbers.items():
        if number is not None and abs(number) >= 2**63:
            raise ConfigError(f"{place}: {name} {number:g} is too large for a whole number")
        if number is not None and number != int(number):
            raise ConfigError(f"{place}: {name} {number:g} must be a whole number, as {key} is")


def _range(place: str, key: str, table: DimensionTable, current: Any, when: dict[str, tuple[Scalar, ...]]) -> Dimension:
    low, high, step = table.low, table.high, table.step
    if low is None or high is None:
        raise ConfigError(f"{place}: {'low' if low is None else 'high'} is missing; a range needs low and high")
    if isinstance(current, bool) or not isinstance(current, (int, float)):
        raise ConfigError(f"{place}: {key} is not a number, so give choices instead of low and high")
    if low > high:
        raise ConfigError(f"{place}: low {low:g} is above high {high:g}")
    if table.log and low <= 0:
        raise ConfigError(f"{place}: low {low:g} must be above 0 where log = true")
    if table.log and step is not None:
        raise ConfigError(f"{place}: log and step exclude each other")
    if step is not None and step <= 0:
        raise ConfigError(f"{place}: step {step:g} must be above 0")
    if isinstance(current, int):
        _require_whole(place, key, {"low": low, "high": high, "step": step})
        low, high, step = int(low), int(high), int(step or 1)
    if step is not None:
        steps = (high - low) / step
        if abs(steps - round(steps)) > 1e-9:
            raise ConfigError(f"{place}: step {step:g} does not divide high - low = {high - low:g}")
        if isinstance(step, float) and steps >= _MOST_STEPS:
            raise ConfigError(f"{place}: step {step:g} makes {steps:.0f} values; leave it out, or make it larger")
    return Dimension(key=key, low=low, high=high, step=step, log=table.log, when=when)

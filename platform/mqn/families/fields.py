"""What the fields of an arch may be, said where they are declared: `width: float = ranged(1.0, 0, 2)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any

RANDOM = "random"
"""What fields of weights say where the network starts from random ones."""

_PROBLEM, _WEIGHTS, _CODECS = "problem", "weights", "codecs"


def ranged(default: float, low: float, high: float, *, even: bool = False) -> Any:
    """A field of a number in a range. A whole number may be `low` itself, any other must be above it.

    Args:
        default: a whole number (int) makes a field of whole numbers.
        low: where the range begins.
        high: the largest number.
        even: whether it must be even.
    """
    whole = isinstance(default, int)
    allowed = f"{'even, and ' if even else ''}{low} to {high}" if whole else f"in ({low}, {high}]"

    def problem(value: float) -> str:
        within = (low <= value if whole else low < value) and value <= high
        return "" if within and not (even and value % 2) else f"must be {allowed}"

    return field(default=default, metadata={_PROBLEM: problem})


def weights_file(default: str = RANDOM) -> Any:
    """A field of the path of a file of weights, or of a word for weights that need none: it takes `random`."""
    return field(default=default, metadata={_WEIGHTS: True})


def answering(default: Any, codecs: Mapping[Any, tuple[str, ...]]) -> Any:
    """A field of which some values leave the network fewer codecs (`mqn.hdr.codec`) than its family has.

    Args:
        default: leaves it all.
        codecs: by value, those that are left.
    """
    return field(default=default, metadata={_CODECS: codecs})


def left_codecs(arch: Any) -> dict[str, tuple[str, ...]]:
    """The codecs that are left, by the field that leaves no others; a field that leaves all is not there."""
    values = ((one, getattr(arch, one.name)) for one in fields(arch) if _CODECS in one.metadata)
    return {one.name: one.metadata[_CODECS][value] for one, value in values if value in one.metadata[_CODECS]}


def weight_fields(arch: type) -> tuple[str, ...]:
    """Names of a record's fields that are `weights_file`."""
    return tuple(one.name for one in fields(arch) if _WEIGHTS in one.metadata)


def check_ranges(arch: Any) -> None:
    """Check every field that is `ranged`.

    Raises:
        ValueError: one is out of its range.
    """
    for one in fields(arch):
        problem: Callable[[float], str] | None = one.metadata.get(_PROBLEM)
        if problem and (words := problem(getattr(arch, one.name))):
            raise ValueError(f"{one.name} {getattr(arch, one.name)} {words}")

"""Figures, intervals and method names as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from mqn.quantities import quantity
from mqn.scoring.comparison import Difference
from mqn.scoring.summary import Figure


def figure_text(metric: str, value: float | None) -> str:
    """A value with its quantity's digits; a dash for none."""
    return "-" if value is None else quantity(metric).table_text(value)


def difference_text(metric: str, value: float | None) -> str:
    """A value with its sign."""
    return "-" if value is None else f"{value:+.{quantity(metric).paper_digits}f}"


def interval_text(metric: str, spread: Figure | Difference) -> str:
    """An interval, as "low to high"."""
    return "" if spread.low is None else f"{figure_text(metric, spread.low)} to {figure_text(metric, spread.high)}"


def p_text(p: float | None) -> str:
    """A p-value, as "p = 0.012"."""
    if p is None:
        return ""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.{4 if p < 0.01 else 3}f}"


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Shorten the paths in method names as far as the names stay distinct.

    "runs/a/checkpoint.pt", "runs/b/checkpoint.pt" and "oracle" become "a/checkpoint.pt", "b/checkpoint.pt", "oracle".
    """
    names = list(dict.fromkeys(names))
    longest = max((len(PurePath(name).parts) for name in names), default=1)
    for length in range(1, longest):
        short = {name: _tail(name, length) for name in names}
        if len(set(short.values())) == len(names):
            return short
    return {name: name for name in names}


def _tail(name: str, length: int) -> str:
    kind, separator, path = name.rpartition(":")
    return kind + separator + "/".join(PurePath(path).parts[-length:])

"""Means of a method's figures, overall and by condition, and the ranking of methods."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mqn.metrics.intervals import mean_interval
from mqn.quantities import quantity
from mqn.scoring.judging.ledger import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A mean over the `n` pictures that a measure applies to, with its 95 % interval; None if there are none."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A method's figures, by measure.

    Attributes:
        pictures: how many pictures it was judged on.
        sources: how many sources they come from.
        scores: by measure.
        conditions: a summary for each condition, if there are several.
    """

    pictures: int
    sources: int
    scores: dict[str, Figure]
    conditions: dict[str, Summary] = field(default_factory=dict)


def summarize(lines: Iterable[Line], metrics: Sequence[str], seed: int = 0, *, divide: bool = True) -> Summary:
    """Summarise a method's figures, at least one line; with `divide` also each condition, if there are several."""
    lines = list(lines)
    values = np.array([[_number(line.figures[name]) for name in metrics] for line in lines])
    sources = [line.source for line in lines]
    intervals = mean_interval(values, sources, seed)
    scores = {
        name: Figure(mean=i.mean, low=i.low, high=i.high, n=i.n) if i.n else Figure(mean=None, low=None, high=None, n=0)
        for name, i in zip(metrics, intervals, strict=True)
    }
    conditions = sorted({line.condition for line in lines}) if divide else []
    return Summary(
        pictures=len(lines),
        sources=len(set(sources)),
        scores=scores,
        conditions={
            condition: summarize([e for e in lines if e.condition == condition], metrics, seed, divide=False)
            for condition in conditions
            if len(conditions) > 1
        },
    )


def rank(summaries: Mapping[str, Summary], metric: str) -> list[str]:
    """Order methods by one metric, the best first; methods without a figure come last."""

    def worth(name: str) -> float:
        mean = summaries[name].scores[metric].mean
        if mean is None:
            return float("inf")
        return -mean if quantity(metric).direction == "maximize" else mean

    return sorted(summaries, key=worth)


def fixed_pictures(lines: Mapping[int, Line]) -> dict[str, Any]:
    """Identify the pictures behind figures: a hash of their pixels, and their sizes."""
    ordered = [lines[index] for index in sorted(lines)]
    digest = hashlib.sha256("".join(line.picture_hash for line in ordered).encode()).hexdigest()
    sizes = sorted({(line.height, line.width) for line in ordered})
    return {"pictures_sha256": digest, "sizes": [list(size) for size in sizes]}


def _number(value: float | None) -> float:
    return float("nan") if value is None else value

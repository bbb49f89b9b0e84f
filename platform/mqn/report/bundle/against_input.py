"""Compares a model with its own input: is its output better than the input left as it is?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mqn.quantities import find_quantity
from mqn.scoring.comparison import difference

Verdict = Literal["better", "worse", "not told apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstInput:
    """One measure of a model's output and of its input, on the same pictures.

    Attributes:
        metric: the measure.
        input: mean of the input left as it is ("doing nothing").
        difference: mean of the model minus doing nothing, over the pictures that both have a figure for.
        low: lower end of the difference's 95 % bootstrap interval over sources.
        high: upper end of that interval.
        verdict: `better` or `worse` if the interval excludes 0.
    """

    metric: str
    input: float
    difference: float
    low: float
    high: float
    verdict: Verdict


def against_input(scores: Mapping[str, Any], baseline: Mapping[str, Any]) -> Iterator[AgainstInput]:
    """Compare a model with doing nothing, by the `Scores` of both as plain values.

    Yields a comparison for each measure that both have; none if the pictures differ.
    """
    if not scores or not baseline or scores["names"] != baseline["names"]:
        return
    sources = scores["protocol"].get("sources", scores["names"])
    for metric in [name for name in scores["scores"] if name in baseline["scores"]]:
        found = difference(scores["per_picture"][metric], baseline["per_picture"][metric], sources)
        if found.mean is None or found.low is None or found.high is None:
            continue
        quantity = find_quantity(metric)
        better = found.high < 0 if quantity and quantity.direction == "minimize" else found.low > 0
        # A single source cannot be resampled: its interval is a point.
        apart = found.sources > 1 and not found.low <= 0 <= found.high
        yield AgainstInput(
            metric=metric,
            input=float(baseline["scores"][metric]["mean"]),
            difference=found.mean,
            low=found.low,
            high=found.high,
            verdict=("better" if better else "worse") if apart else "not told apart",
        )

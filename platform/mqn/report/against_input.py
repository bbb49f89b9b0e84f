"""A model against its own input: is doing something better than doing nothing, picture by picture?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mqn.quantities import find_quantity

Verdict = Literal["better", "worse", "not told apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstInput:
    """One measure of a model and of its input left as it is, on the same pictures.

    Attributes:
        metric: the measure.
        input: mean of doing nothing.
        difference: mean of the model minus doing nothing, over the pictures that both have a figure for.
        low: of the difference's 95 % interval, drawn anew over sources.
        high: of the same.
        verdict: `better` or `worse` where the interval leaves 0 out.
    """

    metric: str
    input: float
    difference: float
    low: float
    high: float
    verdict: Verdict


def against_input(scores: Mapping[str, Any], baseline: Mapping[str, Any]) -> tuple[AgainstInput, ...]:
    """Set a model beside doing nothing.

    Args:
        scores: the model's `Scores` as plain values.
        baseline: those of doing nothing, on the same pictures.

    Returns:
        One a measure that both have; none where the pictures are not the same.
    """
    if not scores or not baseline or scores["names"] != baseline["names"]:
        return ()
    names = list(scores["names"])
    sources = scores["protocol"].get("sources", names)
    shared = [name for name in scores["scores"] if name in baseline["scores"]]
    found = (
        _compare(name, scores["per_picture"][name], baseline["per_picture"][name], baseline, sources) for name in shared
    )
    return tuple(one for one in found if one is not None)


def _compare(
    metric: str,
    ours: Sequence[float | None],
    theirs: Sequence[float | None],
    baseline: Mapping[str, Any],
    sources: Sequence[str],
) -> AgainstInput | None:
    import numpy as np

    from mqn.metrics.intervals import mean_interval

    pairs = [
        (own - other, source)
        for own, other, source in zip(ours, theirs, sources, strict=True)
        if own is not None and other is not None
    ]
    if not pairs:
        return None
    differences, kept = zip(*pairs, strict=True)
    (interval,) = mean_interval(np.asarray(differences)[:, None], kept)
    quantity = find_quantity(metric)
    sign = -1.0 if quantity is not None and quantity.direction == "minimize" else 1.0
    ends = sorted((sign * interval.low, sign * interval.high))
    verdict: Verdict = "better" if ends[0] > 0 else "worse" if ends[1] < 0 else "not told apart"
    if len(set(kept)) < 2:  # One source cannot be drawn anew, and its interval is a point.
        verdict = "not told apart"
    return AgainstInput(
        metric=metric,
        input=float(baseline["scores"][metric]["mean"]),
        difference=interval.mean,
        low=interval.low,
        high=interval.high,
        verdict=verdict,
    )

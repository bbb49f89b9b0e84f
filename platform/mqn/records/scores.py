"""Accuracy figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean over pictures with its 95 % confidence interval.

    Attributes:
        mean: over the pictures that the measure applies to.
        low: where the interval begins.
        high: where it ends.
        n: how many pictures the measure applies to; None in records written before this was counted.
    """

    mean: float
    low: float
    high: float
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Accuracy of one predictor on a fixed evaluation set.

    Attributes:
        pictures: how many pictures.
        scores: metric name to its mean and interval; without those that apply to none of the pictures.
        per_picture: metric name to one value a picture, in the order of `names`; None where the measure does not apply
            to the picture (no clipped pixel, for example).
        names: the pictures.
        protocol: everything that fixes the figures: operators, scale, seed, input size, dataset hash.
    """

    pictures: int
    scores: dict[str, Interval]
    per_picture: dict[str, tuple[float | None, ...]]
    names: tuple[str, ...]
    protocol: dict[str, Any]

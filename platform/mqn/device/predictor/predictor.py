"""Predicts a model's latency on a device from its operators, to order work before it is measured."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqn.device.predictor.fitting import family_times, fit, predict_features
from mqn.device.predictor.graph import read_features
from mqn.device.predictor.profiles import KeptProfile, read_profiles
from mqn.records import MeasureSettings

MIN_MODELS = 6
"""With fewer models there is no predictor: a rate fitted from two or three of them says nothing about a fourth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """How well models were predicted by what was fitted from all others.

    Attributes:
        models: how many.
        median_error: of the absolute relative errors; 0.1 is 10 %.
        max_error: likewise the largest.
        ordered: share of pairs of models that the predictions put in the right order.
    """

    models: int
    median_error: float
    max_error: float
    ordered: float


class Predictor:
    """Predicts one device. Good for ordering work; what counts is measured."""

    def __init__(self, profiles: Sequence[KeptProfile]) -> None:
        """Fit a predictor to the profiles of one device.

        Raises:
            ValueError: they are of fewer than `MIN_MODELS` models.
        """
        if len(profiles) < MIN_MODELS:
            raise ValueError(f"{len(profiles)} profiles; at least {MIN_MODELS} models are needed")
        self.device_id = profiles[0].profile.device.id
        self.rates = fit(profiles)
        self.validation = cross_validate(profiles)

    def predict(self, files: Sequence[Path]) -> float:
        """Predict a model's latency in ms.

        It is the latency of operators while they are profiled, which makes them somewhat slower.

        Raises:
            ModelFileError: a file is no TFLite file.
        """
        return predict_features([feature for file in files for feature in read_features(file)], self.rates)

    def describe(self) -> str:
        """One line: from what it was fitted, and how far off it is."""
        found = self.validation
        return (
            f"fitted from {found.models} models on {self.device_id}; each predicted from the others: off by"
            f" {found.median_error:.0%} (median), at most {found.max_error:.0%};"
            f" {found.ordered:.0%} of pairs in the right order"
        )


def load_predictor(folder: Path, device_id: str, settings: MeasureSettings | None = None) -> Predictor | None:
    """Fit a predictor to the kept profiles of a device; None where too few models were profiled.

    It predicts for the threads and the delegate of `settings`.
    """
    profiles = read_profiles(folder, device_id, settings or MeasureSettings())
    return Predictor(profiles) if len(profiles) >= MIN_MODELS else None


def cross_validate(profiles: Sequence[KeptProfile]) -> CrossValidation:
    """Predict every model from all others: two different models on one device, at least."""
    pairs = []
    for index, kept in enumerate(profiles):
        rates = fit([*profiles[:index], *profiles[index + 1 :]])
        pairs.append((predict_features(kept.features, rates), sum(family_times(kept).values())))
    errors = [abs(predicted / actual - 1) for predicted, actual in pairs]
    right = [(a[0] - b[0]) * (a[1] - b[1]) > 0 for a, b in itertools.combinations(pairs, 2)]
    return CrossValidation(
        models=len(pairs),
        median_error=float(statistics.median(errors)),
        max_error=max(errors),
        ordered=sum(right) / len(right),
    )

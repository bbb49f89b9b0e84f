"""What quantizing needs to know beforehand: ranges of activations, bounds of kernels, channels that stand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mqn.errors import PlanError
from mqn.export.quantize.correction import correct_biases
from mqn.export.quantize.equalization import equalize
from mqn.export.quantize.ranges import find_ranges, share_ranges
from mqn.export.quantize.schemes import activation_levels
from mqn.export.quantize.statistics import TensorStatistics, measure_statistics
from mqn.export.quantize.weight_ranges import weight_bounds, widen_results
from mqn.records import Plan
from mqn.tflite.cutting import INPUT
from mqn.tflite.flatbuffer import Network

OUTLIER_RATIO = 8.0
"""A channel that reaches this many times as far as the tensor's median channel costs all others three bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """A channel that decides the range of a whole tensor.

    Attributes:
        tensor: what a convolution reads, by name.
        channel: from 0.
        low: smallest value.
        high: largest.
        times_median: how far it reaches from zero, over how far the tensor's median channel does.
    """

    tensor: str
    channel: int
    low: float
    high: float
    times_median: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationReport:
    """How ranges were found.

    Attributes:
        algorithm: one of `mqn.records.Calibration`.
        pictures: how many.
        brightness: mean value of each picture, 0 to 1, in their order.
        outliers: the furthest first.
    """

    algorithm: str
    pictures: int
    brightness: tuple[float, ...]
    outliers: tuple[Outlier, ...]


def calibrate(
    network: Network, schemes: Sequence[str], plan: Plan, pictures: np.ndarray
) -> tuple[Network, dict[str, dict[str, np.ndarray]], CalibrationReport | None]:
    """Find out all that a quantizer needs, equalise channels, and correct biases for what rounding will do to kernels.

    Args:
        network: a float one; stays as it is.
        schemes: of its operators, as `mqn.export.quantize.rules.assign` gives them.
        plan: says by which algorithm.
        pictures: (N, S, S, 3) float32 in [0, 1]; N may be 0 where no scheme is static.

    Returns:
        The network to quantize; ranges and bounds by tensor name, in the form that ai-edge-quantizer takes a
        calibration result; how ranges were found, None where no scheme is static.
    """
    levels = _levels(network, schemes)
    if not levels:
        return network, _as_quantizer_ranges({}, weight_bounds(network, schemes, {})), None
    network = equalize(network, pictures)
    statistics = measure_statistics(network, pictures, levels)
    named = {network.tensors[index].name: steps for index, steps in levels.items()}
    ranges = share_ranges(network, find_ranges(statistics, plan.calibration, named))
    bounds = weight_bounds(network, schemes, ranges)
    ranges = share_ranges(network, widen_results(network, schemes, ranges, bounds))
    corrected = network.copy()
    means = {name: tensor.channel_means for name, tensor in statistics.items() if tensor.channel_means is not None}
    correct_biases(corrected, schemes, means, bounds)
    report = CalibrationReport(
        algorithm=plan.calibration,
        pictures=len(pictures),
        brightness=tuple(round(float(picture.mean()), 4) for picture in pictures),
        outliers=find_outliers(statistics),
    )
    return corrected, _as_quantizer_ranges(ranges, bounds), report


def _levels(network: Network, schemes: Sequence[str]) -> dict[int, int]:
    """Every tensor that a static operator reads or writes, to the fewest steps that its range is divided into."""
    levels: dict[int, int] = {}
    known = network.computed() | {network.inputs()[INPUT]}
    for operator, scheme in zip(network.operators, schemes, strict=True):
        if scheme.startswith("static"):
            for index in known & {*operator.inputs, *operator.outputs}:
                levels[index] = min(levels.get(index, activation_levels(scheme)), activation_levels(scheme))
    return levels


def find_outliers(statistics: Mapping[str, TensorStatistics]) -> tuple[Outlier, ...]:
    """Channels that reach `OUTLIER_RATIO` times as far as their tensor's median channel, the furthest first."""
    outliers = []
    for name, tensor in statistics.items():
        if tensor.channel_lows is None or tensor.channel_highs is None:
            continue
        reach = np.maximum(np.abs(tensor.channel_lows), np.abs(tensor.channel_highs))
        median = float(np.median(reach))
        if median > 0:
            outliers += [
                Outlier(
                    tensor=name,
                    channel=int(channel),
                    low=float(tensor.channel_lows[channel]),
                    high=float(tensor.channel_highs[channel]),
                    times_median=float(reach[channel] / median),
                )
                for channel in np.flatnonzero(reach >= OUTLIER_RATIO * median)
            ]
    return tuple(sorted(outliers, key=lambda outlier: -outlier.times_median))


def check_pictures(network: Network, pictures: np.ndarray, plan: Plan) -> None:
    """Raise `PlanError` if pictures cannot calibrate a plan: wrong size or type, not in [0, 1], constant or none."""
    expected = tuple(network.tensors[network.inputs()[INPUT]].shape[1:])
    if pictures.ndim != 4 or pictures.shape[1:] != expected or pictures.dtype != np.float32:
        raise PlanError(
            f"calibration pictures of shape {pictures.shape} and type {pictures.dtype} do not fit the file; it "
            f"takes (N, {', '.join(map(str, expected))}) float32"
        )
    static = next((scheme for scheme in plan.schemes if scheme.startswith("static")), None)
    if static and not len(pictures):
        raise PlanError(f"{static} needs calibration pictures, and there is none; give some, or take dynamic_wi8_afp32")
    if len(pictures) and not (np.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= 1):
        raise PlanError(f"calibration pictures lie in [{pictures.min()}, {pictures.max()}]; they must lie in [0, 1]")
    constant = [number for number, picture in enumerate(pictures) if picture.min() == picture.max()]
    if static and constant:
        raise PlanError(
            f"calibration picture {constant[0] + 1} of {len(pictures)} is {pictures[constant[0]].max():g} all over and "
            "tells nothing of any range; give real pictures"
        )


def _as_quantizer_ranges(
    ranges: Mapping[str, tuple[float, float]], bounds: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    activations = {name: {"min": np.array([low]), "max": np.array([high])} for name, (low, high) in ranges.items()}
    return activations | {name: {"min": -bound, "max": bound} for name, bound in bounds.items()}

"""From statistics to ranges: which smallest and largest value of an activation its integers are to stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from ai_edge_quantizer.utils.qsv_utils import moving_average_update

from mqn.export.quantize.statistics import TensorStatistics
from mqn.records import Calibration
from mqn.tflite.flatbuffer import Network

Range = tuple[float, float]
# Tensors that meet in a concatenation must have one scale; a tensor whose own range is narrower than its neighbours'
# either takes the wide one (and loses precision wherever else it is used) or is requantized (a pass over memory).
# Up to this ratio, one bit, it takes the wide one.
SHARED_RANGE_RATIO = 2.0
PERCENTILE = 99.99
"""Of the values lie within the range, at either end: what a few pixels of a few pictures reach is clipped."""

# A kernel expresses the six of a ReLU6 in steps of its output, in 32 bits. Features that vanish, as in networks that
# nobody has trained yet, would have finer steps.
_FINEST_STEP = 4e-9
_LONGEST_MEMORY = 0.95
_CANDIDATES = 64


def find_ranges(
    statistics: Mapping[str, TensorStatistics], algorithm: Calibration, levels: Mapping[str, int]
) -> dict[str, Range]:
    """The range of every tensor: smallest and largest value, with room for zero between them, which integers must have.

    Args:
        statistics: by the tensor's name.
        algorithm: how to find them.
        levels: into how many steps each tensor's range will be divided: 255 or 65535.
    """
    find = _ALGORITHMS[algorithm]
    return {name: _with_zero(*find(tensor, levels[name]), levels[name]) for name, tensor in statistics.items()}


def _with_zero(low: float, high: float, levels: int) -> Range:
    low = min(low, 0.0)
    return low, max(high, 0.0, low + levels * _FINEST_STEP)


def _min_max(tensor: TensorStatistics, _levels: int) -> Range:
    return float(tensor.lows.min()), float(tensor.highs.max())


def _moving_average(tensor: TensorStatistics, _levels: int) -> Range:
    """ai-edge-quantizer's, with the plain mean until its memory is as long as it ever gets."""
    state: dict[str, np.ndarray] = {}
    for seen, (low, high) in enumerate(zip(tensor.lows, tensor.highs, strict=True)):
        kept = min(seen / (seen + 1), _LONGEST_MEMORY)
        state = moving_average_update(state, {"min": np.float64(low), "max": np.float64(high)}, kept)
    return float(state["min"]), float(state["max"])


def _percentile(tensor: TensorStatistics, _levels: int) -> Range:
    low, high = np.percentile(tensor.samples, (100 - PERCENTILE, PERCENTILE))
    return float(low), float(high)


def _least_squares(tensor: TensorStatistics, levels: int) -> Range:
    """The range with the least mean squared error: what is outside is clipped, what is inside is rounded.

    Rounding to steps of width w costs w^2 / 12 a value, but nothing for the exact zeros that a ReLU leaves.
    """
    least, most = _min_max(tensor, levels)
    shares = np.linspace(1 / _CANDIDATES, 1, _CANDIDATES)
    highs, lows = max(most, 0.0) * shares, min(least, 0.0) * shares
    above, below = _clipped(tensor.samples, highs), _clipped(-tensor.samples, -lows)
    steps = (highs[:, None] - lows[None, :]) / levels
    cost = above[:, None] + below[None, :] + np.mean(tensor.samples != 0) * np.square(steps) / 12
    high_index, low_index = np.unravel_index(int(cost.argmin()), cost.shape)
    return float(lows[low_index]), float(highs[high_index])


def _clipped(values: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Mean squared distance of values from each of evenly spaced bounds that they lie above; the last one is the most.

    Sums of (v - b)^2 over all v > b are put together from sums of 1, v and v^2 between one bound and the next.
    """
    if not bounds[-1]:
        return np.zeros(len(bounds))
    positive = values[values > 0].astype(np.float64)
    place = np.minimum(positive * (len(bounds) / bounds[-1]), len(bounds) - 1).astype(np.intp)
    between = [np.bincount(place, positive**power, minlength=len(bounds)) for power in range(3)]
    count, first, second = (np.append(sums[:0:-1].cumsum()[::-1], 0.0) for sums in between)
    return np.asarray((second - 2 * bounds * first + count * np.square(bounds)) / len(values))


_ALGORITHMS: dict[Calibration, Callable[[TensorStatistics, int], Range]] = {
    "minmax": _min_max,
    "moving_average": _moving_average,
    "percentile": _percentile,
    "mse": _least_squares,
}


def share_ranges(network: Network, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """Give tensors that only copy each other's values one range, so that no operator is needed to convert between them.

    Args:
        network: the float network.
        ranges: as `find_ranges` gives them; tensors without one stay as they are.

    Returns:
        The ranges with those of resizes (input and output) and concatenations (output and, where they are not narrower
        than 1 / `SHARED_RANGE_RATIO` of it, inputs) made equal: what holds all of them.
    """
    shared = dict(ranges)
    grown = True
    while grown:  # What one operator widens, another one may have to follow.
        grown = False
        for operator in reversed(network.operators):
            group = _sharing(network, operator, shared)
            if group:
                lows, highs = zip(*(shared[name] for name in group), strict=True)
                whole = min(lows), max(highs)
                grown = grown or any(shared[name] != whole for name in group)
                shared |= dict.fromkeys(group, whole)
    return shared


def _sharing(network: Network, operator: Any, ranges: Mapping[str, Range]) -> list[str]:
    """Which of an operator's tensors are to have one range, by name."""
    if network.kind(operator) not in ("CONCATENATION", "RESIZE_NEAREST_NEIGHBOR"):
        return []
    result = network.tensors[operator.outputs[0]].name
    if result not in ranges:
        return []
    names = {network.tensors[index].name for index in operator.inputs if network.constant(index) is None}
    least = _width(ranges[result]) / SHARED_RANGE_RATIO
    return [result, *sorted(name for name in names & ranges.keys() if _width(ranges[name]) >= least)]


def _width(limits: Range) -> float:
    return limits[1] - limits[0]

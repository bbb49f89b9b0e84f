from __future__ import annotations

import numpy as np
import pytest

from mqn.export.quantize.ranges import find_ranges, share_ranges
from mqn.export.quantize.statistics import TensorStatistics
from mqn.records import Calibration
from mqn.tflite.flatbuffer import Network


def _tensor(lows: list[float], highs: list[float], samples: np.ndarray) -> dict[str, TensorStatistics]:
    return {"x": TensorStatistics(lows=np.array(lows), highs=np.array(highs), samples=samples.astype(np.float32))}


def test_minmax_is_all_that_occurred_and_the_moving_average_their_mean() -> None:
    statistics = _tensor([0.0, -2.0, -1.0], [1.0, 4.0, 1.0], np.zeros(1))
    assert find_ranges(statistics, "minmax", {"x": 255})["x"] == (-2.0, 4.0)
    assert find_ranges(statistics, "moving_average", {"x": 255})["x"] == pytest.approx((-1.0, 2.0))


def test_percentile_clips_what_hardly_occurs() -> None:
    values = np.concatenate([np.linspace(0, 1, 100_000), [50.0]])
    low, high = find_ranges(_tensor([0], [50], values), "percentile", {"x": 255})["x"]
    assert (low, high) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=1e-3))


def _error(values: np.ndarray, low: float, high: float, levels: int) -> float:
    step = (high - low) / levels
    zero = np.round(-low / step)
    return float(np.square((np.clip(np.round(values / step) + zero, 0, levels) - zero) * step - values).mean())


@pytest.mark.parametrize(("levels", "share"), [(15, 0.8), (255, 1.0)])
def test_mse_loses_less_than_minmax_when_it_is_really_rounded(levels: int, share: float) -> None:
    values = np.random.default_rng(0).standard_t(3, 20_000)
    statistics = _tensor([values.min()], [values.max()], values)
    found = find_ranges(statistics, "mse", {"x": levels})["x"]
    assert _error(values, *found, levels) < share * _error(values, values.min(), values.max(), levels)


def test_mse_clips_nothing_where_steps_are_fine() -> None:
    values = np.random.default_rng(0).uniform(0, 3, 5000)
    low, high = find_ranges(_tensor([0], [3], values), "mse", {"x": 65535})["x"]
    assert (low, high) == (0, pytest.approx(3))


@pytest.mark.parametrize(
    ("narrow", "expected"),
    [((0.0, 1.0), (0.0, 2.0)), ((0.0, 0.9), (0.0, 0.9))],
    ids=["half as wide takes the wide range", "narrower keeps its own"],
)
def test_what_meets_in_a_concatenation(
    toy: Network, narrow: tuple[float, float], expected: tuple[float, float]
) -> None:
    ranges = {tensor.name: (0.0, 2.0) for tensor in toy.tensors} | {"ldr": narrow}
    assert share_ranges(toy, ranges)["ldr"] == expected


def test_a_resize_copies_its_range_backwards(toy: Network) -> None:
    ranges = {tensor.name: (0.0, 1.0) for tensor in toy.tensors} | {"backbone/cat": (-1.0, 1.0)}
    shared = share_ranges(toy, ranges)
    assert shared["backbone/up"] == shared["backbone/down"] == (-1.0, 1.0)


def test_an_input_that_reaches_further_widens_all_that_it_meets(toy: Network) -> None:
    # Ranges that clip may say less of a concatenation than of what goes in, or of a resize's copy.
    ranges = {tensor.name: (0.0, 1.0) for tensor in toy.tensors}
    shared = share_ranges(toy, ranges | {"backbone/up": (0.0, 1.2), "ldr": (-0.5, 0.9)})
    assert {shared[name] for name in ("backbone/down", "backbone/up", "backbone/cat", "ldr")} == {(-0.5, 1.2)}
    assert shared["backbone/mix"] == (0.0, 1.0)


@pytest.mark.parametrize("levels", [255, 65535])
@pytest.mark.parametrize("algorithm", ["minmax", "moving_average", "percentile", "mse"])
def test_a_range_has_room_for_zero_and_is_never_nothing(algorithm: Calibration, levels: int) -> None:
    for low, high in ((0.25, 0.5), (-0.5, -0.25), (0.0, 0.0), (0.0, 1e-12)):
        samples = np.linspace(low, high, 1000)
        found = find_ranges(_tensor([low], [high], samples), algorithm, {"x": levels})["x"]
        assert found[0] <= 0 <= found[1]
        assert 6 / ((found[1] - found[0]) / levels) < 2**31


def test_tensors_that_stay_in_float_share_nothing(toy: Network) -> None:
    assert share_ranges(toy, {"hdr": (0.0, 1.0)}) == {"hdr": (0.0, 1.0)}

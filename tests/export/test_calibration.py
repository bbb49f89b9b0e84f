from __future__ import annotations

import numpy as np
import pytest

from mqn.export.calibration import measure_statistics, share_ranges, weight_ranges
from mqn.export.flatbuffer import Network


def test_ranges_are_those_of_all_pictures(toy: Network, pictures: np.ndarray) -> None:
    first, second, both = (measure_statistics(toy, some).ranges for some in (pictures[:1], pictures[1:2], pictures[:2]))
    assert both["ldr"] == (float(pictures[:2].min()), float(pictures[:2].max()))
    for name, (low, high) in both.items():
        assert (low, high) == (min(first[name][0], second[name][0]), max(first[name][1], second[name][1]))
    assert both["backbone/up"] == both["backbone/down"]
    assert not any(name.startswith("constant") for name in both)


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


def test_a_bias_beside_dead_weights_fits_into_32_bits(toy: Network) -> None:
    network = toy.copy()
    kernel = np.full((8, 3, 3, 3), 0.5, np.float32)
    kernel[1] = 1e-18
    network.set_constant(network.index("constant/backbone/down/kernel"), kernel)
    network.set_constant(network.index("constant/backbone/down/bias"), np.ones(8, np.float32))
    ranges = {tensor.name: (0.0, 1.0) for tensor in network.tensors}
    bound = weight_ranges(network, ranges)["constant/backbone/down/kernel"]
    assert bound.shape == (8, 1, 1, 1)
    assert bound[0, 0, 0, 0] == 0.5
    steps = 1 / ((1 / 255) * (bound[1, 0, 0, 0] / 127))
    assert steps == pytest.approx(2**30, rel=1e-3)

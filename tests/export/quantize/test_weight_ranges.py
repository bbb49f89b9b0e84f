from __future__ import annotations

import numpy as np
import pytest

from mqn.export.quantize.weight_ranges import weight_bounds, widen_results
from mqn.tflite.flatbuffer import Network

KERNEL = "constant/backbone/down/kernel"


def _bound(network: Network, scheme: str) -> np.ndarray:
    ranges = {tensor.name: (0.0, 1.0) for tensor in network.tensors}
    return weight_bounds(network, [scheme] * len(network.operators), ranges)[KERNEL]


def _with(toy: Network, kernel: np.ndarray, bias: np.ndarray) -> Network:
    network = toy.copy()
    network.set_constant(network.index(KERNEL), kernel.astype(np.float32))
    network.set_constant(network.index("constant/backbone/down/bias"), bias.astype(np.float32))
    return network


@pytest.mark.parametrize(
    ("scheme", "levels", "step"),
    [("static_wi8_ai8", 127, 1 / 255), ("static_wi4_ai8", 7, 1 / 255), ("static_wi8_ai16", 127, 2 / 65535)],
)
def test_a_bias_beside_dead_weights_fits_into_32_bits(toy: Network, scheme: str, levels: int, step: float) -> None:
    kernel = np.full((8, 3, 3, 3), 0.5)
    kernel[1] = 1e-18
    bound = _bound(_with(toy, kernel, np.ones(8)), scheme)
    assert bound.shape == (8, 1, 1, 1)
    assert bound[0, 0, 0, 0] == 0.5
    steps = 1 / (step * (bound[1, 0, 0, 0] / levels))
    assert steps == pytest.approx(2**30, rel=1e-3)


def test_a_channel_of_zeros_has_a_scale(toy: Network) -> None:
    assert (_bound(_with(toy, np.zeros((8, 3, 3, 3)), np.zeros(8)), "static_wi8_ai16") > 0).all()


def test_the_largest_of_4_bit_weights_is_clipped_for_the_sake_of_the_others(toy: Network) -> None:
    kernel = np.random.default_rng(0).normal(0, 0.1, (8, 3, 3, 3))
    kernel[:, 0, 0, 0] = 0.5
    network = _with(toy, kernel, np.zeros(8))
    assert (_bound(network, "static_wi8_ai8") == 0.5).all()
    bound = _bound(network, "dynamic_wi4_afp32")
    assert bound.min() < 0.5

    def error(limit: np.ndarray) -> float:
        step = limit / 7
        return float(np.square(np.clip(np.round(kernel / step), -8, 7) * step - kernel).sum())

    assert error(bound) < error(np.full((8, 1, 1, 1), 0.5))


def test_floats_need_no_bound(toy: Network) -> None:
    assert weight_bounds(toy, (["float32", "float16"] * 4)[: len(toy.operators)], {}) == {}


def test_a_convolution_that_computes_nothing_has_steps_that_the_runtime_takes(toy: Network) -> None:
    network = _with(toy, np.full((8, 3, 3, 3), 1.27), np.zeros(8))
    schemes = ["static_wi8_ai8"] * len(network.operators)
    operator = next(one for one in network.operators if network.tensors[one.inputs[1]].name == KERNEL)
    source, result = (network.tensors[index].name for index in (operator.inputs[0], operator.outputs[0]))
    ranges = {tensor.name: (0.0, 1.0) for tensor in network.tensors} | {source: (-0.5, 0.5), result: (0.0, 1e-6)}
    bounds = weight_bounds(network, schemes, ranges)
    low, high = widen_results(network, schemes, ranges, bounds)[result]
    assert low == 0.0
    assert (1 / 255) * (1.27 / 127) / ((high - low) / 255) == pytest.approx(255)
    wide = {**ranges, result: (-2.0, 6.0)}
    assert widen_results(network, schemes, wide, bounds)[result] == (-2.0, 6.0)
    assert widen_results(network, ["float32"] * len(schemes), ranges, bounds) == ranges

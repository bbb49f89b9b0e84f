from __future__ import annotations

import numpy as np

from mqn.export.quantize.correction import correct_biases, shift_of_rounding
from mqn.tflite.flatbuffer import Network


def _only_mix(network: Network, scheme: str) -> list[str]:
    names = [network.tensors[operator.outputs[0]].name for operator in network.operators]
    return [scheme if name == "backbone/mix" else "float32" for name in names]


def test_what_rounding_adds_is_taken_out(toy: Network) -> None:
    network = toy.copy()
    kernel = np.zeros((4, 1, 1, 11), np.float32)
    kernel[0, 0, 0, :2] = (127.0, 0.4)
    kernel[1, 0, 0, :2] = (127.0, 0.6)
    network.set_constant(network.index("constant/backbone/mix/kernel"), kernel)
    network.set_constant(network.index("constant/backbone/mix/bias"), np.full(4, 5.0, np.float32))
    mean = np.zeros(11, np.float32)
    mean[1] = 10.0
    mix = network.producer(network.index("backbone/mix"))
    # Steps of 1: 0.4 becomes 0, which takes 0.4 x 10 away; 0.6 becomes 1, which adds 0.4 x 10.
    bounds = {"constant/backbone/mix/kernel": np.full((4, 1, 1, 1), 127.0, np.float32)}
    correct_biases(network, _only_mix(network, "static_wi8_ai8"), {"backbone/cat": mean}, bounds)
    np.testing.assert_allclose(network.constant(mix.inputs[2]), [9.0, 1.0, 5.0, 5.0], rtol=1e-5)


def test_a_bias_that_two_share_is_corrected_for_one(toy: Network) -> None:
    network = toy.copy()
    mix = network.producer(network.index("backbone/mix"))
    shared = mix.inputs[2]
    before = network.constant(shared).copy()
    bounds = {"constant/backbone/mix/kernel": np.full((4, 1, 1, 1), 2.0, np.float32)}
    correct_biases(network, _only_mix(network, "static_wi8_ai8"), {"backbone/cat": np.ones(11, np.float32)}, bounds)
    assert mix.inputs[2] != shared
    np.testing.assert_array_equal(network.constant(shared), before)


def test_4_bit_kernels_are_corrected_by_their_own_steps(toy: Network) -> None:
    network = toy.copy()
    kernel = np.zeros((4, 1, 1, 11), np.float32)
    kernel[0, 0, 0, :2] = (7.0, 0.4)
    network.set_constant(network.index("constant/backbone/mix/kernel"), kernel)
    network.set_constant(network.index("constant/backbone/mix/bias"), np.full(4, 5.0, np.float32))
    mean = np.zeros(11, np.float32)
    mean[1] = 10.0
    bounds = {"constant/backbone/mix/kernel": np.full((4, 1, 1, 1), 7.0, np.float32)}
    correct_biases(network, _only_mix(network, "static_wi4_ai8"), {"backbone/cat": mean}, bounds)
    mix = network.producer(network.index("backbone/mix"))
    np.testing.assert_allclose(network.constant(mix.inputs[2]), [9.0, 5.0, 5.0, 5.0], rtol=1e-5)


def test_a_4_bit_weight_beyond_the_bound_is_taken_for_what_the_quantizer_makes_of_it(toy: Network) -> None:
    network = toy.copy()
    kernel = np.zeros((4, 1, 1, 11), np.float32)
    kernel[0, 0, 0, :2] = (7.0, -9.0)
    kernel[1, 0, 0, :2] = (7.0, 9.0)
    network.set_constant(network.index("constant/backbone/mix/kernel"), kernel)
    network.set_constant(network.index("constant/backbone/mix/bias"), np.full(4, 5.0, np.float32))
    mean = np.zeros(11, np.float32)
    mean[1] = 10.0
    bounds = {"constant/backbone/mix/kernel": np.full((4, 1, 1, 1), 7.0, np.float32)}
    correct_biases(network, _only_mix(network, "static_wi4_ai8"), {"backbone/cat": mean}, bounds)
    mix = network.producer(network.index("backbone/mix"))
    # -9 becomes -8, 9 becomes 7: sixteen values lie unevenly around zero.
    np.testing.assert_allclose(network.constant(mix.inputs[2]), [-5.0, 25.0, 5.0, 5.0], rtol=1e-5)


def test_a_kernel_of_groups_reads_its_group() -> None:
    # Steps of 1: 0.4 becomes 0. Outputs 0 and 1 read channels 0 and 1, the others channels 2 and 3.
    kernel = np.full((4, 1, 1, 2), 0.4, np.float32)
    bound, mean = np.full((4, 1, 1, 1), 127.0), np.array([1.0, 2.0, 10.0, 20.0])
    shift = shift_of_rounding("CONV_2D", kernel, bound, mean, 127)
    np.testing.assert_allclose(shift, [-1.2, -1.2, -12.0, -12.0], rtol=1e-6)

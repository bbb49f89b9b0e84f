from __future__ import annotations

import numpy as np
import pytest

from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter, run
from mqn.export.phases import convolve_in_phases
from mqn.export.quantize import apply_plan
from mqn.records import Plan, Scheme


@pytest.mark.parametrize("scheme", ["float32", "float16", "static_wi8_ai8"])
def test_the_same_numbers_in_four_phases(toy: Network, pictures: np.ndarray, scheme: Scheme) -> None:
    (network,), _, _ = apply_plan(toy, "backbone/mix", Plan(backbone=scheme, head="float32"), pictures)
    expected = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    assert convolve_in_phases(network) == 1
    kinds = [network.kind(operator) for operator in network.operators]
    assert "RESIZE_NEAREST_NEIGHBOR" not in kinds
    assert kinds.count("CONV_2D") == 4
    # Once for 2 x 2 pixels: 4 x 4 outputs from 8 features and 4 x 3 channels of the picture.
    assert [16, 1, 1, 20] in [list(tensor.shape) for tensor in network.tensors]
    found = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    np.testing.assert_allclose(found, expected, atol=0 if scheme.startswith("static") else 1e-6)


def test_not_where_zeros_would_be_most_of_the_work(toy: Network) -> None:
    network = toy.copy()
    wide = network.index("ldr")
    # (8 + 4 * 24) / (8 + 24) = 3.25 times the work.
    network.tensors[wide].shape = [1, 32, 32, 24]
    assert convolve_in_phases(network) == 0


def test_not_where_something_else_reads_the_doubled_features(toy: Network) -> None:
    network = toy.copy()
    network.set_edges(network.inputs(), {**network.outputs(), "up": network.index("backbone/up")})
    assert convolve_in_phases(network) == 0

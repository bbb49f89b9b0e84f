from __future__ import annotations

import numpy as np

from mqn.export.flatbuffer import Network
from mqn.export.interpreter import open_interpreter, run
from mqn.export.lowering import lower, lower_nearest


def test_doubling_is_the_same_without_a_resize(toy: Network, pictures: np.ndarray) -> None:
    lowered = toy.copy()
    assert lower_nearest(lowered) == 1
    kinds = [lowered.kind(operator) for operator in lowered.operators]
    assert "RESIZE_NEAREST_NEIGHBOR" not in kinds
    assert kinds[1:3] == ["CONCATENATION", "DEPTH_TO_SPACE"]
    before, after = (run(open_interpreter(n.to_bytes()), {"ldr": pictures[:1]})["hdr"] for n in (toy, lowered))
    np.testing.assert_array_equal(after, before)


def test_other_factors_stay(toy: Network) -> None:
    network = toy.copy()
    network.tensors[network.index("backbone/up")].shape = [1, 48, 48, 4]
    assert lower_nearest(network) == 0


def test_a_rewrite_can_be_left_out(toy: Network) -> None:
    kinds = {}
    for without in ((), ("phases",), ("phases", "doubling")):
        network = toy.copy()
        lower(network, without)
        kinds[without] = {network.kind(operator) for operator in network.operators}
    assert "SPACE_TO_DEPTH" in kinds[()]
    assert "SPACE_TO_DEPTH" not in kinds["phases",]
    assert "RESIZE_NEAREST_NEIGHBOR" not in kinds["phases",]
    assert "RESIZE_NEAREST_NEIGHBOR" in kinds["phases", "doubling"]

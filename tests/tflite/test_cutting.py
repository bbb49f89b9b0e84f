from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.export.small_graphs import FLOAT, Graph

from mqn.errors import ModelFileError, PlanError
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.cutting import cut, cut_tensor, expose
from mqn.tflite.facts import FIXED_SIZE
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import resize_network


def _run(network: Network, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    return run(open_interpreter(network.to_bytes()), inputs)


@pytest.mark.parametrize("tensor", ["backbone/mix", "head/conv"])
def test_two_parts_are_the_whole(toy: Network, pictures: np.ndarray, tensor: str) -> None:
    backbone, head = cut(toy, tensor)
    assert list(backbone.inputs()) == ["ldr"]
    assert list(backbone.outputs()) == ["interface"]
    assert list(head.inputs()) == ["interface", "ldr"]
    assert len(backbone.operators) + len(head.operators) == len(toy.operators)
    picture = pictures[:1]
    features = _run(backbone, ldr=picture)["interface"]
    whole = _run(toy, ldr=picture)["hdr"]
    np.testing.assert_array_equal(_run(head, interface=features, ldr=picture)["hdr"], whole)


@pytest.mark.parametrize("fixed", [False, True])
def test_a_head_knows_whether_its_features_are_as_large_for_every_picture(fixed: bool) -> None:
    graph = Graph(FLOAT, (1, 8, 8, 3))
    features = graph.convolve(graph.double(graph.start, "big"), "features", 4)
    network = graph.finish(graph.convolve(features, "last", 3))
    if fixed:
        network.tensors[network.index("big/size")].name = f"{FIXED_SIZE}/big"
    _, head = cut(network, "features")
    head.set_edges(
        {**head.inputs(), "ldr": head.add_tensor("ldr", (1, 8, 8, 3), like=head.inputs()["interface"])}, head.outputs()
    )
    resize_network(head, 16, 32)
    assert list(head.tensors[head.outputs()["hdr"]].shape) == ([1, 16, 16, 3] if fixed else [1, 32, 64, 3])


def test_a_skip_beside_the_cut_is_refused(toy: Network) -> None:
    skipping = toy.copy()
    head = skipping.producer(skipping.index("head/add"))
    # The head now adds the backbone's first features, resized to 3 channels by nobody: only the graph matters here.
    head.inputs = [head.inputs[0], skipping.index("backbone/up")]
    with pytest.raises(PlanError, match=r"cannot be cut at 'backbone/mix': what follows also needs backbone/up"):
        cut(skipping, "backbone/mix")


def test_exposed_features_are_those_of_the_backbone(toy: Network, pictures: np.ndarray) -> None:
    outputs = _run(expose(toy, {"features": "backbone/mix"}), ldr=pictures[:1])
    assert set(outputs) == {"hdr", "features"}
    np.testing.assert_array_equal(outputs["features"], _run(cut(toy, "backbone/mix")[0], ldr=pictures[:1])["interface"])


def test_unknown_tensor_names_the_nearest(toy: Network) -> None:
    with pytest.raises(PlanError, match="did you mean 'backbone/mix'"):
        cut(toy, "backbone/mixx")


def test_cuts_of_a_file(toy_file: Path) -> None:
    assert cut_tensor(toy_file, "interface") == "backbone/mix"
    with pytest.raises(
        PlanError, match=r"no cut 'interfaces' .* did you mean 'interface'\? allowed: head.conv, interface"
    ):
        cut_tensor(toy_file, "interfaces")


def test_a_file_without_its_cuts(toy_file: Path) -> None:
    (toy_file.parent / "cuts.json").unlink()
    with pytest.raises(ModelFileError, match=r"cuts.json.*convert the network again"):
        cut_tensor(toy_file, "interface")

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.export.small_graphs import INT8, Graph, kinds, outputs

from mqn.export.lower.lowering import REWRITES, lower, quantize_first
from mqn.export.quantize.quantization import apply_plan
from mqn.infer.interpreter import open_interpreter, run
from mqn.records import Plan, Scheme
from mqn.records.plan import LOWERINGS
from mqn.tflite.flatbuffer import Network


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float32", "float16", "static_wi8_ai8", "static_wi8_ai16"])
def test_the_same_numbers_whichever_rewrites_are_left_out(toy: Network, pictures: np.ndarray, scheme: Scheme) -> None:
    (quantized,), _, _ = apply_plan(toy, "backbone/mix", Plan(backbone=scheme, head="dynamic_wi8_afp32"), pictures)
    expected = run(open_interpreter(quantized.to_bytes()), {"ldr": pictures[:1]})["hdr"]
    for count in range(len(REWRITES) + 1):
        for rewrites in itertools.combinations(REWRITES, count):
            network = quantized.copy()
            lower(network, rewrites)
            found = run(open_interpreter(network.to_bytes()), {"ldr": pictures[:1]})["hdr"]
            np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=str(rewrites))


def test_a_plan_may_name_every_rewrite() -> None:
    assert tuple(REWRITES) == LOWERINGS


def test_twice_is_once(toy: Network, pictures: np.ndarray) -> None:
    (network,), _, _ = apply_plan(toy, "backbone/mix", Plan(head="static_wi8_ai8"), pictures)
    lower(network)
    once = network.to_bytes()
    lower(network)
    assert network.to_bytes() == once


def test_names_edges_and_metadata_stay(toy: Network, pictures: np.ndarray) -> None:
    (network,), _, _ = apply_plan(toy, "backbone/mix", Plan(), pictures)
    lowered = network.copy()
    lower(lowered)
    names = [tensor.name for tensor in lowered.tensors]
    assert len(names) == len(set(names))
    for name in ("backbone/down", "backbone/mix", "head/conv", "head/last", "head/add"):
        before, after = (n.tensors[n.index(name)] for n in (network, lowered))
        assert (list(after.shape), after.type) == (list(before.shape), before.type)
    assert (list(lowered.inputs()), list(lowered.outputs())) == (list(network.inputs()), list(network.outputs()))
    assert [item.name for item in lowered.model.metadata or []] == [item.name for item in network.model.metadata or []]


def test_a_rewrite_can_be_left_out(toy: Network) -> None:
    for without, resizes in (((), 0), (("phases",), 0), (("phases", "doubling"), 1)):
        network = toy.copy()
        lower(network, [name for name in REWRITES if name not in without])
        kinds = [network.kind(operator) for operator in network.operators]
        assert kinds.count("RESIZE_NEAREST_NEIGHBOR") == resizes
        dilated = [
            o for o in network.operators if network.kind(o) == "CONV_2D" and o.builtinOptions.dilationHFactor > 1
        ]
        assert len(dilated) == (0 if "phases" in without else 1)


def test_the_picture_is_quantized_before_all_else() -> None:
    graph = Graph(INT8, (1, 6, 6, 3))
    mixed = graph.convolve(graph.start, "mixed", 3)
    again = graph.add("QUANTIZE", [graph.picture], "again", graph.shape, "QuantizeOptions")
    network = graph.finish(graph.convolve(graph.join([mixed, again], "cat"), "last", 2))
    expected = outputs(network, graph.shape)
    assert kinds(network) == ["QUANTIZE", "CONV_2D", "QUANTIZE", "CONCATENATION", "CONV_2D"]
    assert quantize_first(network) == 1
    assert kinds(network) == ["QUANTIZE", "QUANTIZE", "CONV_2D", "CONCATENATION", "CONV_2D"]
    np.testing.assert_array_equal(outputs(network, graph.shape), expected)
    assert quantize_first(network) == 0

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.export.small_graphs import FLOAT, Graph

from mqn.errors import PlanError
from mqn.export.quantize.rules import assign, layer_name, matches, normalizations
from mqn.records import Plan
from mqn.tflite.flatbuffer import Network


def _assigned(network: Network, **plan: str) -> dict[str, str]:
    schemes = assign(network, "backbone/mix", Plan(**{"backbone": "float32", "head": "float32", **plan}))  # type: ignore[arg-type]
    names = [layer_name(network, operator) for operator in network.operators]
    return dict(zip(names, schemes, strict=True))


def test_each_side_has_its_scheme(toy: Network) -> None:
    assert _assigned(toy, backbone="static_wi8_ai8", head="dynamic_wi8_afp32") == {
        "backbone.down": "static_wi8_ai8",
        "backbone.up": "static_wi8_ai8",
        "backbone.cat": "static_wi8_ai8",
        "backbone.mix": "static_wi8_ai8",
        "head.conv": "dynamic_wi8_afp32",
        # Its 96 weights are too few for dynamic quantization to pay.
        "head.last": "float32",
        "head.add": "float32",
        "head.sigmoid": "float32",
    }


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("backbone.decoder.conv2", "backbone.decoder.conv2.activation", True),
        ("decoder.*", "backbone.decoder.conv2.activation", True),
        ("decoder", "backbone.decoder.conv2.activation", True),
        ("decoder.conv*", "backbone.decoder.conv2.activation", True),
        ("*.conv3", "head.conv3", True),
        ("head.conv1", "head.conv10", False),
        ("conv2", "backbone.decoder.conv2", False),
        ("*", "head.sigmoid", True),
    ],
)
def test_patterns(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name, "backbone.") is expected


def test_later_rules_win(toy: Network) -> None:
    rules = "backbone.*=static_wi8_ai8; mix=float16; head.conv=static_wi8_ai16; mix=static_wi8_ai16"
    assert _assigned(toy, rules=rules) == {
        "backbone.down": "static_wi8_ai8",
        "backbone.up": "static_wi8_ai8",
        "backbone.cat": "static_wi8_ai8",
        "backbone.mix": "static_wi8_ai16",
        "head.conv": "static_wi8_ai16",
        "head.last": "float32",
        "head.add": "float32",
        "head.sigmoid": "float32",
    }


def test_4_bits_are_for_kernels_alone(toy: Network) -> None:
    assigned = _assigned(toy, backbone="static_wi4_ai8", head="dynamic_wi4_afp32")
    assert [assigned[name] for name in ("backbone.mix", "backbone.cat", "head.conv", "head.last")] == [
        "static_wi4_ai8",
        "static_wi8_ai8",
        "dynamic_wi4_afp32",
        "float32",
    ]


def test_a_depthwise_convolution_has_8_bits_where_its_side_has_4(toy: Network) -> None:
    network = _with_depthwise(toy)
    assigned = _assigned(network, backbone="static_wi4_ai8")
    assert (assigned["backbone.down"], assigned["backbone.mix"]) == ("static_wi8_ai8", "static_wi4_ai8")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("backbone.mixx=float32", "rule 'backbone.mixx' matches no layer; did you mean 'backbone.mix'"),
        (
            "down=static_wi4_ai8",
            r"rule 'down=static_wi4_ai8' .*no static_wi4_ai8 kernel for DEPTHWISE_CONV_2D; "
            r"take static_wi8_ai8 \(backbone.down\)",
        ),
        ("head.add=float16", "float16 is about weights, and ADD has none"),
        ("head.add=static_wi4_ai8", "no static_wi4_ai8 kernel for ADD; take static_wi8_ai8"),
        ("head.last=dynamic_wi8_afp32", "pays from 1024 weights on, and this has 96; take float32"),
    ],
)
def test_rules_that_cannot_be_carried_out(toy: Network, rules: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        _assigned(_with_depthwise(toy), rules=rules)


def test_a_rule_holds_for_what_can_have_its_scheme(toy: Network) -> None:
    assigned = _assigned(_with_depthwise(toy), rules="*=static_wi4_ai8")
    assert (assigned["backbone.down"], assigned["head.last"]) == ("static_wi8_ai8", "static_wi4_ai8")


def test_dynamic_with_nothing_to_quantize_is_refused(toy: Network) -> None:
    # The backbone's largest kernel is 8 x 3 x 3 x 3 = 216 weights.
    refusal = r"would leave the backbone .* has 216 weights, fewer than 1024; set plan\.backbone=float32"
    with pytest.raises(PlanError, match=refusal):
        _assigned(toy, backbone="dynamic_wi8_afp32", head="static_wi8_ai8")
    assert "static_wi8_ai8" in _assigned(toy, backbone="float32", head="static_wi8_ai8").values()


def test_a_default_head_too_small_for_dynamic_says_what_to_set(toy: Network) -> None:
    # Behind head/conv there is one kernel, as in ExpandNet's head.
    with pytest.raises(PlanError, match=r"would leave the head .* has 96 weights, .*; set plan\.head=float32"):
        assign(toy, "head/conv", Plan())
    assert "static_wi8_ai8" in assign(toy, "head/conv", replace(Plan(), head="float32"))


def test_a_dynamic_side_may_have_all_its_kernels_ruled_out(toy: Network) -> None:
    assigned = _assigned(toy, head="dynamic_wi8_afp32", rules="head.conv=float32")
    assert set(assigned.values()) == {"float32"}


def test_static_leaves_instance_norm_in_float(toy: Network) -> None:
    network = _with_norm(toy)
    assert normalizations(network) == {"head/add", "hdr"}
    assert normalizations(toy) == set()
    assigned = _assigned(network, head="static_wi8_ai8")
    assert (assigned["head.last"], assigned["head.add"], assigned["head.sigmoid"]) == (
        "static_wi8_ai8",
        "float32",
        "float32",
    )
    with pytest.raises(
        PlanError, match=r"static_wi8_ai8 leaves norms, divisions, look-ups and logarithms in float.*\(head.add\)"
    ):
        _assigned(network, rules="head.add=static_wi8_ai8")


def test_static_leaves_what_a_logarithm_is_taken_of_in_float() -> None:
    graph = Graph(FLOAT, (1, 8, 8, 3))
    features = graph.convolve(graph.start, "conv", 3)
    square = graph.add("MUL", [features, features], "square", (1, 8, 8, 3), "MulOptions")
    light = graph.add("ADD", [square, features], "light", (1, 8, 8, 3), "AddOptions")
    network = graph.finish(graph.add("LOG", [light], "log", (1, 8, 8, 3), "AddOptions"))
    assert normalizations(network) == {"square", "light"}


def _with_look_up(features: int = 400) -> Network:
    """A table that convolutions make, looked up in at places that the picture says, and a convolution behind."""
    graph = Graph(FLOAT, (1, 8, 8, 3))
    table = graph.convolve(graph.convolve(graph.start, "first", 400), "table", 3)
    places = graph.add("CAST", [graph.start], "places", (1, 8, 8, 3), "CastOptions")
    found = graph.add("GATHER", [table, places], "found", (1, 8, 8, 3), "GatherOptions")
    square = graph.add("MUL", [found, found], "square", (1, 8, 8, 3), "MulOptions")
    return graph.finish(graph.convolve(square, "last", features))


def test_what_is_looked_up_stays_in_float() -> None:
    network = _with_look_up()
    for scheme in ("static_wi8_ai8", "dynamic_wi8_afp32", "static_wi4_ai8", "dynamic_wi4_afp32"):
        plan = Plan(backbone=scheme, head=scheme)  # type: ignore[arg-type]
        assert assign(network, "found", plan) == [scheme, *["float32"] * 4, scheme]
    assert assign(network, "found", Plan(backbone="float16", head="float32"))[1] == "float16"
    with pytest.raises(PlanError, match=r"leaves the tables of a look-up in float.*\(table\)"):
        assign(network, "found", Plan(rules="table=dynamic_wi8_afp32"))
    # The table's own kernel has 1200.
    with pytest.raises(PlanError, match=r"would leave the head .* has 12 weights, fewer than 1024"):
        assign(_with_look_up(4), "first", Plan(head="dynamic_wi8_afp32"))


def _with_norm(toy: Network) -> Network:
    """The last addition as an instance norm would have it: a squared difference of what a convolution gives."""
    network = toy.copy()
    added = network.producer(network.index("head/add"))
    assert added is not None
    added.opcodeIndex = network.operator_code("SQUARED_DIFFERENCE")
    added.builtinOptionsType, added.builtinOptions = 0, None
    return network


def _with_depthwise(toy: Network) -> Network:
    """Only kinds matter to rules: the first convolution goes by another name."""
    network = toy.copy()
    down = network.producer(network.index("backbone/down"))
    assert down is not None
    down.opcodeIndex = network.operator_code("DEPTHWISE_CONV_2D")
    return network


def test_what_stands_alone_among_floats_is_float() -> None:
    graph = Graph(FLOAT, (1, 8, 8, 3))
    first = graph.convolve(graph.start, "first", 4)
    around = [graph.add("ELU", [first], "elu", (1, 8, 8, 4), "AddOptions")]
    for name in ("one", "two"):
        around.append(graph.add("RELU", [around[-1]], name, (1, 8, 8, 4), "AddOptions"))
    leaky = graph.add("ELU", [around[-1]], "again", (1, 8, 8, 4), "AddOptions")
    joined = graph.add("RELU", [leaky], "joined", (1, 8, 8, 4), "AddOptions")
    network = graph.finish(graph.convolve(joined, "last", 3))
    plan = Plan(backbone="static_wi8_ai8", head="static_wi8_ai8")
    # There is no 8-bit ELU. `one` and `two` stand between two of them, `joined` before a convolution.
    expected = ["static_wi8_ai8", "float32", "float32", "float32", "float32", "static_wi8_ai8", "static_wi8_ai8"]
    assert assign(network, "first", plan) == expected
    asked = replace(plan, rules="two=static_wi8_ai8")
    assert assign(network, "first", asked) == [*expected[:3], "static_wi8_ai8", *expected[4:]]


def test_static_leaves_divisions_in_float_and_what_is_divided_by() -> None:
    graph = Graph(FLOAT, (1, 8, 8, 3))
    shape = (1, 8, 8, 4)
    first, window = graph.convolve(graph.start, "first", 4), graph.convolve(graph.start, "window", 4)
    clipped = graph.add("RELU", [window], "clipped", shape, "AddOptions")
    ratio = graph.add("DIV", [first, clipped], "ratio", shape, "DivOptions")
    scaled = graph.add("MUL", [first, ratio], "scaled", shape, "MulOptions")
    network = graph.finish(graph.convolve(scaled, "last", 3))
    plan = Plan(backbone="static_wi8_ai8", head="static_wi8_ai8")
    assert assign(network, "first", plan) == ["static_wi8_ai8", *["float32"] * 4, "static_wi8_ai8"]

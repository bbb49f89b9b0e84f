from __future__ import annotations

import re

import pytest

from mqn.errors import PlanError
from mqn.export.flatbuffer import Network
from mqn.export.recipe import build_recipe, needs_calibration, normalizations, scope


def test_folders_that_only_one_side_has() -> None:
    assert scope(["backbone/a", "backbone/b"], ["head/c", "hdr"]) == "^(?:backbone)[/;]"
    regex = scope(["head/c", "hdr"], ["backbone/a"])
    assert re.search(regex, "hdr;")
    assert re.search(regex, "head/c;")
    assert not re.search(regex, "headless/c;")


def test_names_where_both_sides_share_a_folder() -> None:
    regex = scope(["b/one", "b/two"], ["b/three", "b/one/more"])
    assert [bool(re.search(regex, f"{name};")) for name in ("b/one", "b/two", "b/three", "b/one/more")] == [
        True,
        True,
        False,
        False,
    ]


def test_each_side_has_its_scheme(toy: Network) -> None:
    rules = build_recipe(toy, "backbone/mix", "static_wi8_ai8", "dynamic_wi8_afp32")
    assert [(rule["regex"], rule["operation"]) for rule in rules] == [
        ("^(?:backbone)[/;]", "*"),
        ("^(?:hdr|head)[/;]", "*"),
        (".*", "INPUT"),
        (".*", "OUTPUT"),
    ]
    assert rules[0]["op_config"]["activation_tensor_config"]["num_bits"] == 8
    assert rules[1]["op_config"]["min_weight_elements"] == 1024
    assert needs_calibration(rules)


def test_float_needs_no_rules(toy: Network) -> None:
    assert build_recipe(toy, "backbone/mix", "float32", "float32") == []


@pytest.mark.parametrize("scheme", ["float16", "dynamic_wi8_afp32"])
def test_only_static_needs_calibration(toy: Network, scheme: str) -> None:
    assert not needs_calibration(build_recipe(toy, "backbone/mix", "float32", scheme))


def test_dynamic_with_nothing_to_quantize_is_refused(toy: Network) -> None:
    # The backbone's largest kernel is 8 x 3 x 3 x 3 = 216 weights.
    with pytest.raises(PlanError, match=r"would leave the backbone .* has 216 weights, fewer than 1024; take float32"):
        build_recipe(toy, "backbone/mix", "dynamic_wi8_afp32", "float32")


def test_unknown_scheme_names_the_nearest(toy: Network) -> None:
    with pytest.raises(PlanError, match="did you mean 'static_wi8_ai8'"):
        build_recipe(toy, "backbone/mix", "static_wi8_ai4", "float32")


def test_static_leaves_instance_norm_in_float(toy: Network) -> None:
    network = toy.copy()
    added = network.producer(network.index("head/add"))
    # The last addition as an instance norm would have it: a squared difference of what a convolution gives.
    added.opcodeIndex = network.operator_code("SQUARED_DIFFERENCE")
    added.builtinOptionsType, added.builtinOptions = 0, None
    assert normalizations(network, network.operators) == ["head/add", "hdr"]
    assert normalizations(toy, toy.operators) == []
    rules = build_recipe(network, "backbone/mix", "float32", "static_wi8_ai8")
    assert [(rule["regex"], rule["algorithm_key"]) for rule in rules[:2]] == [
        ("^(?:hdr|head)[/;]", "min_max_uniform_quantize"),
        ("^(?:head/add|hdr);", "no_quantize"),
    ]

from __future__ import annotations

import re

import pytest

from mqn.errors import PlanError
from mqn.export.flatbuffer import Network
from mqn.export.recipe import build_recipe, needs_calibration, scope


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
    # The backbone's largest kernel is 4 x 3 x 3 x 3 = 108 weights.
    with pytest.raises(PlanError, match=r"would leave the backbone .* has 108 weights, fewer than 1024; take float32"):
        build_recipe(toy, "backbone/mix", "dynamic_wi8_afp32", "float32")


def test_unknown_scheme_names_the_nearest(toy: Network) -> None:
    with pytest.raises(PlanError, match="did you mean 'static_wi8_ai8'"):
        build_recipe(toy, "backbone/mix", "static_wi8_ai4", "float32")

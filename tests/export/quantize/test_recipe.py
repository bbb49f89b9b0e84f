from __future__ import annotations

import re

from mqn.export.quantize.recipe import build_recipe, scope
from mqn.tflite.flatbuffer import Network


def test_folders_that_only_some_have() -> None:
    assert scope(["backbone/a", "backbone/b"], ["head/c", "hdr"]) == "^(?:backbone)[/;]"
    regex = scope(["head/c", "hdr"], ["backbone/a"])
    assert re.search(regex, "hdr;")
    assert re.search(regex, "head/c;")
    assert not re.search(regex, "headless/c;")


def test_names_where_they_share_a_folder() -> None:
    regex = scope(["b/one", "b/two"], ["b/three", "b/one/more"])
    assert [bool(re.search(regex, f"{name};")) for name in ("b/one", "b/two", "b/three", "b/one/more")] == [
        True,
        True,
        False,
        False,
    ]


def test_each_scheme_has_its_rule(toy: Network) -> None:
    names = [toy.tensors[operator.outputs[0]].name for operator in toy.operators]
    schemes = ["static_wi8_ai16" if name.startswith("backbone") else "float32" for name in names]
    schemes[names.index("head/conv")] = "dynamic_wi4_afp32"
    rules = build_recipe(toy, schemes)
    assert [(rule["regex"], rule["operation"], rule["algorithm_key"]) for rule in rules] == [
        ("^(?:backbone)[/;]", "*", "min_max_uniform_quantize"),
        ("^(?:head/conv);", "*", "min_max_uniform_quantize"),
        (".*", "INPUT", "no_quantize"),
        (".*", "OUTPUT", "no_quantize"),
    ]
    first, second = (rule["op_config"] for rule in rules[:2])
    assert (first["activation_tensor_config"]["num_bits"], first["weight_tensor_config"]["num_bits"]) == (16, 8)
    assert "activation_tensor_config" not in second
    assert second["weight_tensor_config"]["num_bits"] == 4


def test_float_needs_no_rules(toy: Network) -> None:
    assert build_recipe(toy, ["float32"] * len(toy.operators)) == []

from __future__ import annotations

from typing import Any

import pytest

from mqn.errors import ConfigError
from mqn.parsing import content_hash
from mqn.search.space.space import Space
from mqn.search.space.space_file import load_space, parse_space

OBJECTIVES = [{"metric": "psnr_tm"}, {"metric": "latency_ms"}]
STATIC = {"plan.backbone": ["static_wi8_ai8"]}


def space(dimensions: dict[str, Any], **more: Any) -> Space:
    definition = {"name": "t", "objectives": OBJECTIVES, "dimensions": dimensions, "trials": 4, **more}
    return parse_space(definition, source="t.toml")


def test_the_shipped_space_tries_every_kind_of_tuning_on_one_training() -> None:
    found = load_space("quantization_tuning")
    candidates = [found.candidate(params) for params in found.grid()]
    assert len(candidates) == 3 * (2 * (1 + 2) + 1)
    assert len({content_hash((candidate.arch, candidate.training)) for candidate in candidates}) == 1
    assert len({candidate.plan.label for candidate in candidates}) == len(candidates)
    assert {candidate.plan.method for candidate in candidates if candidate.plan.static} == {"ptq", "qat"}
    # What pruning depends on: as few prunings as there are sparsities and numbers of steps.
    prunings = {(one.plan.sparsity, one.plan.qat_steps) for one in candidates if one.plan.sparsity}
    assert prunings == {(0.25, 200), (0.25, 400), (0.5, 200), (0.5, 400)}


def test_a_setting_decides_what_depends_on_it() -> None:
    found = load_space("quantization_tuning")
    assert found.with_overrides({"plan.method": "ptq"}).keys == ["plan.sparsity", "plan.backbone"]
    assert found.with_overrides({"plan.backbone": "float32"}).keys == ["plan.sparsity"]


def test_a_plan_without_ranges_cannot_be_trained_on_them() -> None:
    backbones = {"plan.backbone": {"choices": ["static_wi8_ai8", "float32"]}}
    method = {"choices": ["ptq", "qat"]}
    message = (
        r"t.toml: plan.method = 'qat' trains with fixed ranges, and float32\+dynamic qat has none; let it depend on a "
        r'static scheme, when = \{ "plan.backbone" = \["static_wi8_ai8"\] \}'
    )
    with pytest.raises(ConfigError, match=message):
        space({**backbones, "plan.method": method})
    with pytest.raises(ConfigError, match="has none"):
        space(backbones, fixed={"plan.method": "qat"})
    with pytest.raises(ConfigError, match=r'for example "plan.backbone" = "static_wi8_ai8"'):
        space({"plan.method": method}, fixed={"plan.backbone": "float32"})
    with pytest.raises(ConfigError, match=r"float32\+float32 qat has none"):
        load_space("quantization").with_overrides({"plan.method": "qat"})
    assert space({**backbones, "plan.method": {**method, "when": STATIC}}).keys == ["plan.backbone", "plan.method"]
    assert space({**backbones, "plan.method": method}, fixed={"plan.head": "static_wi8_ai8"}).keys


def test_steps_that_nothing_is_trained_for_are_refused() -> None:
    steps = {"low": 100, "high": 300, "step": 100}
    message = (
        r'dimensions."plan.qat_steps" makes no difference to int8\+dynamic, which is neither fine-tuned nor pruned'
    )
    with pytest.raises(ConfigError, match=message):
        space({"plan.method": {"choices": ["ptq", "qat"]}, "plan.qat_steps": steps})
    with pytest.raises(ConfigError, match="makes no difference"):
        space({"plan.sparsity": {"low": 0.0, "high": 0.5}, "plan.qat_steps": steps})
    assert space({"plan.sparsity": {"low": 0.25, "high": 0.5}, "plan.qat_steps": steps}).keys
    conditional = {**steps, "when": {"plan.method": ["qat"]}}
    assert space({"plan.method": {"choices": ["ptq", "qat"]}, "plan.qat_steps": conditional}).keys


@pytest.mark.parametrize(
    ("key", "choices", "message"),
    [
        ("plan.sparsity", [0.0, 1.0], "sparsity 1.0 must be a share"),
        ("plan.sparsity", [-0.1], "sparsity -0.1 must be a share"),
        ("plan.sparsity", [float("nan")], "plan.sparsity must be a finite number, not nan"),
        ("plan.qat_steps", [0], "qat_steps 0 must be at least 1"),
        ("plan.method", ["ptq", "gptq"], "plan.method"),
    ],
)
def test_values_that_no_plan_can_have(key: str, choices: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        space({key: {"choices": choices}})

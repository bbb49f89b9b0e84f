from __future__ import annotations

import json

import pytest

from mqn.errors import ConfigError
from mqn.parsing import content_hash, from_mapping, to_plain
from mqn.records import Candidate, Plan
from mqn.records.plan import DEFAULT_LOWERINGS

PAIRS = [["decoder.*", "static_wi8_ai16"], ["head.conv3", "float32"]]
TEXT = "decoder.*=static_wi8_ai16; head.conv3=float32"


def test_rules_are_one_text_however_they_are_given() -> None:
    plans = [
        from_mapping(Plan, {"rules": rules}, source="test")
        for rules in (PAIRS, TEXT, " decoder.* = static_wi8_ai16;head.conv3 =float32 ; ")
    ]
    assert {plan.rules for plan in plans} == {TEXT}
    assert plans[0].scheme_rules == (("decoder.*", "static_wi8_ai16"), ("head.conv3", "float32"))
    assert len({content_hash(plan) for plan in plans}) == 1


def test_a_plan_travels_as_json() -> None:
    plan = Plan(rules=TEXT, calibration="mse", layout="pair", cut="backbone.decoder.conv2")
    assert from_mapping(Plan, json.loads(json.dumps(to_plain(plan))), source="test") == plan


def test_rules_are_a_dimension_like_any_other() -> None:
    candidate = Candidate().with_values({"plan.rules": TEXT})
    assert candidate.flat()["plan.rules"] == TEXT


@pytest.mark.parametrize(
    ("plan", "label"),
    [
        (Plan(), "int8+dynamic"),
        (Plan(layout="pair", backbone="float32", head="static_wi8_ai16"), "pair:float32+int16"),
        (
            Plan(cut="backbone.decoder.conv2", rules="head.conv3=float32", calibration="mse", calibration_pictures=32),
            "int8+dynamic@decoder.conv2 head.conv3=float32 mse n32",
        ),
        (Plan(backbone="float32", calibration="mse", calibration_pictures=32), "float32+dynamic"),
        (Plan(method="qat", layout="pair"), "pair:int8+dynamic qat"),
        (Plan(method="qat", qat_steps=50), "int8+dynamic qat/50"),
        (Plan(qat_steps=50), "int8+dynamic"),
        (Plan(sparsity=0.5, qat_steps=50), "int8+dynamic pruned0.5/50"),
        (Plan(sparsity=0.25, method="qat"), "int8+dynamic pruned0.25 qat"),
        (Plan(lowering="none"), "int8+dynamic unlowered"),
        (Plan(lowering="norms, phases"), "int8+dynamic lowered:phases,norms"),
    ],
)
def test_the_label_says_what_differs(plan: Plan, label: str) -> None:
    assert plan.label == label


def test_many_rules_are_counted_in_the_label() -> None:
    plans = [Plan(rules=f"a=float32; b=float32; {name}=float32") for name in "cd"]
    assert [plan.label.split()[1:3] for plan in plans] == [["3", "rules"]] * 2
    assert plans[0].label != plans[1].label


@pytest.mark.parametrize(
    ("plan", "static"),
    [
        (Plan(), True),
        (Plan(backbone="float32"), False),
        (Plan(backbone="float32", rules="head.conv1=static_wi4_ai8"), True),
    ],
)
def test_whether_calibration_matters(plan: Plan, static: bool) -> None:
    assert plan.static is static


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("head.conv3", "write PATTERN=SCHEME"),
        ("head.conv3=float33", "no scheme 'float33'; did you mean 'float32'"),
        ("=float32", "a pattern is a layer's dotted name"),
        ([["head.conv3"]], "give a pattern and a scheme"),
        ([["head conv3", "float32"]], "a pattern is a layer's dotted name"),
    ],
)
def test_rules_that_cannot_be_read(rules: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Candidate().with_values({"plan.rules": rules})


def test_fine_tuning_takes_steps() -> None:
    with pytest.raises(ValueError, match="qat_steps 0 must be at least 1; method ptq takes none"):
        Plan(method="qat", qat_steps=0)


@pytest.mark.parametrize("sparsity", [-0.1, 1.0])
def test_sparsity_is_a_share(sparsity: float) -> None:
    with pytest.raises(ValueError, match=r"must be a share in \[0, 1\); 0 prunes nothing"):
        Plan(sparsity=sparsity)


@pytest.mark.parametrize(
    ("lowering", "kept", "rewrites"),
    [
        ("auto", "auto", DEFAULT_LOWERINGS),
        ("none", "none", ()),
        ("norms", "norms", ("norms",)),
        ("norms,phases, norms", "phases,norms", ("phases", "norms")),
    ],
)
def test_rewrites_are_kept_in_the_order_that_they_are_made(lowering: str, kept: str, rewrites: tuple[str, ...]) -> None:
    plan = Plan(lowering=lowering)
    assert (plan.lowering, plan.rewrites) == (kept, rewrites)
    assert Plan(lowering=plan.lowering) == plan


@pytest.mark.parametrize(
    ("lowering", "message"),
    [
        ("norm", r"there is no rewrite 'norm'; .*norms"),
        ("phases,auto", "there is no rewrite 'auto'"),
        (" , ", "names no rewrite; write none for none of them"),
    ],
)
def test_a_rewrite_that_there_is_not(lowering: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(lowering=lowering)


def test_neither_files_nor_rewrites_change_numbers() -> None:
    assert Plan(layout="pair", lowering="none").numbers == Plan().numbers
    assert Plan(head="float32").numbers != Plan().numbers

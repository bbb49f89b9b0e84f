"""Allocation of schemes on the toy network, where every choice can be looked at by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from mqn.export.choose.costs import SCHEMES, OperatorCosts
from mqn.export.choose.suggestion import MOST_RULES, SHARES, layer_losses, side_losses, suggest
from mqn.export.quantize.quantization import apply_plan
from mqn.export.quantize.rules import assign, layer_name
from mqn.hdr.reach import REACHABLE
from mqn.records import LayerSensitivity, Plan, Prediction, Sensitivity
from mqn.tflite.flatbuffer import Network

CUT = "backbone/mix"
INT8, INT4, FLOAT = "static_wi8_ai8", "static_wi4_ai8", "float32"
# The backbone's first layer minds, its second one minds four bits only, the head's do not mind much.
LOSSES = {
    ("backbone.down", INT8): 0.5,
    ("backbone.down", INT4): 2.0,
    ("backbone.mix", INT8): 0.01,
    ("backbone.mix", INT4): 0.3,
    ("head.conv", INT8): 0.02,
    ("head.last", INT8): 0.02,
    ("head.conv", "dynamic_wi8_afp32"): 0.001,
}


def asked(network: Network, scheme: str) -> np.ndarray:
    return np.full(len(network.operators), SCHEMES.index(scheme))


@pytest.fixture
def found(toy: Network) -> tuple[Prediction, ...]:
    return suggest(toy, CUT, Plan(calibration="mse", cut="interface"), LOSSES, 0.1)


def test_plans_go_from_fast_to_accurate_and_keep_what_was_given(found: tuple[Prediction, ...]) -> None:
    assert len(found) >= 2
    assert [one.time for one in found] == sorted(one.time for one in found)
    assert {(one.plan.calibration, one.plan.cut, one.plan.method) for one in found} == {("mse", "interface", "ptq")}
    assert len({one.plan for one in found}) == len(found)
    assert all(one.loss <= SHARES[-1] * 0.1 for one in found)
    assert any(one.loss <= SHARES[0] * 0.1 for one in found)


def test_no_plan_is_as_good_as_another_in_everything_and_better_in_something(found: tuple[Prediction, ...]) -> None:
    for one, other in combinations(found, 2):
        figures = [(x.loss, x.time, x.weight_bytes) for x in (one, other)]
        assert any(a < b for a, b in zip(*figures, strict=True))
        assert any(a > b for a, b in zip(*figures, strict=True))


def test_predictions_are_what_the_plan_comes_to(toy: Network, found: tuple[Prediction, ...]) -> None:
    costs = OperatorCosts(toy)
    names = [layer_name(toy, operator) for operator in toy.operators]
    for one in found:
        schemes = assign(toy, CUT, one.plan)
        lost = sum(LOSSES.get((name, scheme), 0.0) for name, scheme in zip(names, schemes, strict=True))
        assert one.loss == pytest.approx(lost)
        choice = np.array([SCHEMES.index(scheme) for scheme in schemes])  # type: ignore[arg-type]
        assert one.time == pytest.approx(costs.time(choice))
        assert one.weight_bytes == costs.weight_bytes(choice)


def test_every_plan_can_be_carried_out(toy: Network, found: tuple[Prediction, ...], pictures: np.ndarray) -> None:
    for one in found:
        assert len(one.plan.scheme_rules) <= MOST_RULES
        (quantized,), _, _ = apply_plan(toy, CUT, replace(one.plan, calibration="minmax"), pictures)
        assert quantized.operators


def test_the_layer_that_minds_is_spared_by_its_shortest_name(toy: Network) -> None:
    found = suggest(toy, CUT, Plan(), LOSSES, 0.1)
    tight = [one for one in found if one.loss <= 0.1]
    assert tight
    for one in tight:
        names = [layer_name(toy, operator) for operator in toy.operators]
        schemes = dict(zip(names, assign(toy, CUT, one.plan), strict=True))
        assert schemes["backbone.down"] == FLOAT
    assert any("down=float32" in str(one.plan.rules) for one in tight)


def test_a_network_that_minds_nothing_needs_no_rules(toy: Network) -> None:
    fastest, *_ = suggest(toy, CUT, Plan(), {}, 0.1)
    assert fastest.plan.rules == ""
    assert fastest.plan.backbone == INT8
    smallest = min(suggest(toy, CUT, Plan(), {}, 0.1), key=lambda one: one.weight_bytes)
    assert INT4 in smallest.plan.schemes


def test_nothing_within_the_budget_is_no_suggestion(toy: Network) -> None:
    names = [layer_name(toy, operator) for operator in toy.operators]
    hopeless = {(name, scheme): 50.0 for name in names for scheme in SCHEMES[1:]}
    assert suggest(toy, CUT, Plan(), hopeless, 0.1) == ()


def test_integers_are_faster_and_smaller_and_islands_pay_for_their_shores(toy: Network) -> None:
    costs = OperatorCosts(toy)
    whole, integers = asked(toy, FLOAT), asked(toy, INT8)
    assert costs.time(whole) == 1
    assert costs.time(integers) < 1
    names = [layer_name(toy, operator) for operator in toy.operators]
    mix = names.index("backbone.mix")
    island = integers.copy()
    island[mix] = SCHEMES.index(FLOAT)
    alone = costs.time(island) - costs.time(integers)
    neighbours = island.copy()
    neighbours[names.index("head.conv")] = SCHEMES.index(FLOAT)
    # The second float layer beside the first one has no shore between them.
    apart = island.copy()
    apart[names.index("head.last")] = SCHEMES.index(FLOAT)
    assert alone > 0
    assert costs.time(neighbours) > costs.time(island)
    assert costs.time(apart) > costs.time(island)


def test_bytes_are_those_of_kernels_and_biases(toy: Network) -> None:
    costs = OperatorCosts(toy)
    kernels = 8 * 9 * 3 + 4 * 11 + 32 * 9 * 4 + 3 * 32
    biases = 4 * (8 + 4 + 32 + 3)
    assert costs.weight_bytes(asked(toy, FLOAT)) == 4 * kernels + biases
    assert costs.weight_bytes(asked(toy, INT8)) == kernels + biases
    assert costs.weight_bytes(asked(toy, INT4)) == kernels // 2 + biases


def sensitivity(drop: float, output_psnr: float | None) -> Sensitivity:
    layer = LayerSensitivity(
        layer="a", kind="CONV_2D", scheme=INT8, psnr_tm_drop=drop, output_psnr=output_psnr, interface_error=0.0
    )
    return Sensitivity(plan="p", pictures=1, psnr_tm_float=20.0, psnr_tm_plan=20.0, layers=(layer,))


def test_a_layers_gain_is_no_gain() -> None:
    # An error a tenth of the network's own costs 10 log10(1.1) dB at least, however the pictures liked it.
    span = REACHABLE[1] - REACHABLE[0]
    tenth = 30.0 - 20 * np.log10(span)
    assert layer_losses([sensitivity(-0.3, tenth)], "log") == {("a", INT8): pytest.approx(10 * np.log10(1.1))}
    assert layer_losses([sensitivity(2.0, tenth)], "log") == {("a", INT8): 2.0}
    assert layer_losses([sensitivity(0.0, None)], "log") == {("a", INT8): 0.0}


def test_costs_follow_what_a_device_took(toy: Network) -> None:
    costs, everything = OperatorCosts(toy), np.ones(len(toy.operators), dtype=bool)
    costs.scale(everything, INT8, 0.9)
    assert costs.time(asked(toy, INT8)) == pytest.approx(0.9, abs=0.05)  # The rest converts to and from integers.
    assert costs.time(asked(toy, FLOAT)) == 1.0
    costs.scale(everything, INT8, 0.0)
    assert costs.time(asked(toy, INT8)) > 0


def test_a_device_where_integers_are_slow_gets_other_plans(toy: Network) -> None:
    sides = ("backbone", "head")
    slow = {(side, INT8): 1.5 for side in sides} | {("head", "dynamic_wi8_afp32"): 0.5}
    quick, other = (suggest(toy, CUT, Plan(cut="interface"), LOSSES, 0.1, ratios) for ratios in (None, slow))
    assert "static_wi8_ai8" in {quick[0].plan.backbone, quick[0].plan.head}
    assert other[0].plan.backbone == FLOAT
    assert other[0].time < 1 < min(one.time for one in other if one.plan.backbone == INT8)


def test_a_side_loses_what_its_layers_lose(toy: Network) -> None:
    found = side_losses(toy, CUT, LOSSES)
    assert found["backbone", INT8] == pytest.approx(0.51)
    assert found["head", INT8] == pytest.approx(0.04)
    assert found["head", FLOAT] == 0.0

from __future__ import annotations

from mqn.families.mqn.network import assemble
from mqn.networks.cost import cuts
from mqn.parsing import content_hash
from mqn.records import Plan
from mqn.search.space.space_file import load_space, parse_space


def test_one_training_serves_more_than_sixty_plans() -> None:
    space = load_space("quantization_lab")
    candidates = [space.candidate(params) for params in space.grid()]
    assert len(candidates) == 4 * (2 * 3 + 2) * 3
    assert len({content_hash((candidate.arch, candidate.training)) for candidate in candidates}) == 1
    assert len({candidate.plan.label for candidate in candidates}) == len(candidates)
    # Where both sides have the same scheme the cut makes no difference.
    assert len([c for c in candidates if c.plan.backbone != c.plan.head]) >= 60
    assert Plan() in [candidate.plan for candidate in candidates]


def test_its_cuts_are_the_networks() -> None:
    space = load_space("quantization_lab")
    (dimension,) = (dimension for dimension in space.dimensions if dimension.key == "plan.cut")
    assert set(dimension.values() or ()) <= set(cuts(assemble(space.base.arch), space.base.arch))


def test_rules_calibration_and_its_pictures_are_searched_like_anything_else() -> None:
    definition = {**load_space("quantization_lab").definition, "sampler": "tpe", "points": []}
    definition["dimensions"] = {
        "plan.rules": {"choices": ["", "head.conv3=float32;decoder.*=static_wi8_ai16"]},
        "plan.calibration": {"choices": ["minmax", "mse"]},
        "plan.calibration_pictures": {"low": 8, "high": 32, "step": 8},
    }
    definition["fixed"] = {
        key: value for key, value in definition["fixed"].items() if key not in definition["dimensions"]
    }
    definition["expansion"] = {"dimensions": ["plan.rules", "plan.calibration"]}
    space = parse_space(definition, source="test")
    drawn = {"plan.rules": "", "plan.calibration": "mse", "plan.calibration_pictures": 16}
    others = [space.candidate(params).plan for params in space.siblings(drawn)]
    assert len(others) == 3
    assert {plan.rules for plan in others} == {"", "head.conv3=float32; decoder.*=static_wi8_ai16"}
    assert {plan.calibration_pictures for plan in others} == {16}

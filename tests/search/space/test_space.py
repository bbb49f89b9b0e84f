from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.search_fakes import grid_definition

from mqn.errors import CandidateError, ConfigError, UnknownNameError
from mqn.parsing import flatten
from mqn.search.space.ending import Confirm, Stall
from mqn.search.space.goals import Constraint
from mqn.search.space.space import changed_keys
from mqn.search.space.space_file import load_space, parse_space


def definition(**changes: Any) -> dict[str, Any]:
    return {"name": "s", "sampler": "random", "objectives": [{"metric": "psnr_tm"}], **changes}


def parse(**changes: Any) -> Any:
    return parse_space(definition(**changes), source="s.toml")


@pytest.mark.parametrize(
    "name", ["smoke", "first_look", "attention", "losses", "quantization", "full", "camera", "gain"]
)
def test_shipped_spaces_can_be_read_and_written_back(name):
    space = load_space(name)
    assert parse_space(space.definition, source="again").hash == space.hash


def test_shipped_grids_have_the_papers_rows():
    assert {name: len(load_space(name).grid()) for name in ("smoke", "attention", "losses", "quantization")} == {
        "smoke": 12,
        "attention": 4,
        "losses": 7,
        "quantization": 3,
    }


def test_space_is_found_by_path(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text('objectives = [{metric = "psnr_tm"}]\n[dimensions."arch.attention"]\nchoices = ["ca"]\n')
    assert load_space(str(file)).name == "mine"


def test_unknown_space_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'smoke'"):
        load_space("smok")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectivs": []}, "unknown key 'objectivs'; did you mean 'objectives'"),
        ({"objectives": []}, "'objectives' is missing"),
        ({"objectives": [{"metric": "psnr"}]}, r"objectives\[0\]: no metric 'psnr'; did you mean"),
        ({"scoring": {"metrics": ["psnr_tn"]}}, r"scoring.metrics\[0\]: no metric 'psnr_tn'; did you mean 'psnr_tm'"),
        ({"scoring": {"metrics": []}}, "at least one metric"),
        (
            {"scoring": {"metrics": ["ssim_tm"]}},
            r'not scored by psnr_tm; write \[scoring\] metrics = \["ssim_tm", "psnr_tm"\]',
        ),
        ({"scoring": {"metrics": ["psnr_tm"], "inputs": "photos"}}, "scoring.inputs"),
        (
            {"constraints": [{"metric": "ssim_tm_drop", "max": 0.1}], "scoring": {"metrics": ["psnr_tm"]}},
            "not scored by ssim_tm",
        ),
        ({"objectives": [{"metric": "psnr_tm"}] * 2}, "names a metric twice"),
        ({"constraints": [{"metric": "latency_ms"}]}, r"constraints\[0\] on latency_ms needs max or min"),
        ({"sampler": "tpee"}, "did you mean 'tpe'"),
        ({"trials": 0}, "trials 0 must be at least 1"),
        (
            {"fixed": {"arch.atention": "ca"}},
            "fixed: unknown key 'arch.atention' of family 'mqn'; did you mean 'attention'",
        ),
        ({"fixed": {"arch.input_size": 100}}, "must be a multiple of 32"),
        (
            {"fixed": {"arch.width": 1.0}, "dimensions": {"arch.width": {"choices": [1.0]}}},
            "both fixed and a dimension",
        ),
        ({"expansion": {"dimensions": ["plan.head"]}}, "plan.head is no dimension"),
        ({"points": [{"arch.width": 1.0}]}, "points need sampler = 'grid'"),
        ({"stall": {"trainings": 0}}, "stall: trainings 0 must be at least 1"),
        ({"stall": {"gain": 0.0}}, "stall: gain 0 must be a number above 0"),
        ({"confirm": {"seeds": 0}}, "confirm: seeds 0 must be at least 1"),
        ({"confirm": {}}, "confirm.*seeds"),
    ],
)
def test_wrong_space(changes, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(**changes)
    assert str(caught.value).startswith("s.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "table", "message"),
    [
        ("arch.atention", {"choices": ["ca"]}, "did you mean 'arch.attention'"),
        ("arch.width", {}, "either choices, or low and high"),
        ("arch.width", {"choices": [1.0], "low": 1}, "either choices, or low and high"),
        ("arch.width", {"choices": []}, "choices is empty"),
        ("arch.width", {"choices": [1, 1.0]}, "names a value twice"),
        ("training.feature_pools", {"choices": [[1]]}, "must be numbers or strings"),
        ("arch.attention", {"choices": ["ca", "cs"]}, "arch.attention = 'cs'; did you mean 'csa'"),
        ("arch.attention", {"low": 0, "high": 1}, "is not a number"),
        ("arch.width", {"low": 1.0}, "high is missing"),
        ("arch.width", {"low": 1.0, "high": 0.5}, "low 1 is above high 0.5"),
        ("arch.width", {"low": 0.0, "high": 1.0, "log": True}, "low 0 must be above 0"),
        ("arch.width", {"low": 0.5, "high": 1.0, "log": True, "step": 0.5}, "exclude each other"),
        ("arch.width", {"low": 0.5, "high": 1.0, "step": 0.3}, "step 0.3 does not divide"),
        ("arch.width", {"low": 0.5, "high": 1.0, "step": -1}, "step -1 must be above 0"),
        ("arch.width", {"low": 0.5, "high": 9.0}, "width 9.0 must be in"),
        ("arch.head_channels", {"low": 2, "high": 6}, "head_channels 3 must be even"),
        ("training.epochs", {"low": 1.5, "high": 6}, "low 1.5 must be a whole number"),
        ("arch.width", {"choices": [1.0], "when": {"arch.attention": ["ca"]}}, "no dimension 'arch.attention'"),
    ],
)
def test_impossible_dimension(key, table, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse(dimensions={key: table})
    assert f's.toml: dimensions."{key}"' in str(caught.value)


def test_condition_on_a_value_that_is_none():
    dimensions = {
        "arch.attention": {"choices": ["none", "ca"]},
        "arch.width": {"choices": [0.5, 1.0], "when": {"arch.attention": ["sa"]}},
    }
    with pytest.raises(ConfigError, match="'sa' is no value of it"):
        parse(dimensions=dimensions)


def test_conditions_in_a_circle():
    dimensions = {
        "arch.attention": {"choices": ["none", "ca"], "when": {"arch.width": [1.0]}},
        "arch.width": {"choices": [0.5, 1.0], "when": {"arch.attention": ["ca"]}},
    }
    with pytest.raises(ConfigError, match="circle"):
        parse(dimensions=dimensions)


def test_grid_keeps_plans_of_a_network_together():
    # The plan stands first in the file; a network's plans are neighbours all the same.
    space = parse(
        sampler="grid",
        dimensions={
            "plan.head": {"choices": ["float32", "float16"]},
            "arch.attention": {"choices": ["none", "ca"]},
        },
    )
    assert [point["arch.attention"] for point in space.grid()] == ["none", "none", "ca", "ca"]


def test_grid_honours_conditions():
    space = parse(
        sampler="grid",
        dimensions={
            "arch.width": {"choices": [0.5, 1.0], "when": {"arch.attention": ["ca"]}},
            "arch.attention": {"choices": ["none", "ca"]},
        },
    )
    assert space.grid() == [
        {"arch.attention": "none"},
        {"arch.attention": "ca", "arch.width": 0.5},
        {"arch.attention": "ca", "arch.width": 1.0},
    ]
    assert space.candidate(space.grid()[0]).arch.width == 0.35


def test_grid_of_steps():
    space = parse(sampler="grid", dimensions={"arch.width": {"low": 0.1, "high": 0.3, "step": 0.1}})
    assert space.grid() == [{"arch.width": 0.1}, {"arch.width": 0.2}, {"arch.width": 0.3}]


def test_grid_needs_finitely_many_values():
    with pytest.raises(ConfigError, match="a grid needs choices or a step"):
        parse(sampler="grid", dimensions={"arch.width": {"low": 0.1, "high": 0.3}})


def test_points_that_are_no_candidate():
    weights = ("l1", "l2", "cosine", "features")
    with pytest.raises(ConfigError, match=r"points\[0\].*one must be above 0"):
        parse(sampler="grid", points=[{f"training.lambda_{name}": 0.0 for name in weights}])


def test_siblings_are_the_other_plans_of_a_network():
    dimensions = {
        "arch.width": {"low": 0.1, "high": 0.3},
        "plan.backbone": {"choices": ["static_wi8_ai8", "float32"]},
        "plan.head": {"choices": ["dynamic_wi8_afp32", "float32"], "when": {"plan.backbone": ["static_wi8_ai8"]}},
    }
    space = parse(dimensions=dimensions, expansion={"dimensions": ["plan.backbone", "plan.head"]})
    drawn = {"arch.width": 0.2, "plan.backbone": "float32"}
    assert space.siblings(drawn) == [
        {"arch.width": 0.2, "plan.backbone": "static_wi8_ai8", "plan.head": "dynamic_wi8_afp32"},
        {"arch.width": 0.2, "plan.backbone": "static_wi8_ai8", "plan.head": "float32"},
    ]


def test_override_becomes_part_of_the_space():
    space = parse_space(grid_definition(), source="s.toml")
    changed = space.with_overrides({"training.epochs": 3})
    assert changed.base.training.epochs == 3
    assert changed.hash != space.hash
    assert changed_keys(space.definition, changed.definition) == {"fixed.training.epochs": (600, 3)}


def test_override_of_a_dimension_fixes_it_and_decides_conditions():
    dimensions = {
        "arch.attention": {"choices": ["none", "ca"]},
        "arch.width": {"choices": [0.5, 1.0], "when": {"arch.attention": ["ca"]}},
        "arch.decoder_width": {"choices": [0.5, 2.0], "when": {"arch.width": [0.5]}},
    }
    space = parse(sampler="grid", dimensions=dimensions)
    assert space.with_overrides({"arch.attention": "none"}).grid() == [{}]
    assert len(space.with_overrides({"arch.attention": "ca"}).grid()) == 3


def test_override_of_what_points_vary_is_refused():
    space = parse_space(grid_definition(), source="s.toml")
    with pytest.raises(ConfigError, match=r"--set: plan.head is what the points of s.toml vary"):
        space.with_overrides({"plan.head": "float32"})


def test_every_spelling_of_a_figure_is_the_same_space():
    one = parse(objectives=[{"metric": "latency_ms.p50/board"}], constraints=[{"metric": "latency_ms.p50", "max": 9.0}])
    other = parse(objectives=[{"metric": "latency_ms/board"}], constraints=[{"metric": "latency_ms", "max": 9.0}])
    assert [goal.metric for goal in one.objectives] == ["latency_ms/board"]
    assert one.hash == other.hash


def test_name_description_and_number_of_trials_do_not_make_another_space():
    assert parse(name="other", description="x", trials=9).hash == parse().hash


def test_definition_holds_every_key_of_a_candidate():
    space = parse(dimensions={"arch.width": {"choices": [0.5]}})
    # The default family goes without saying, so that studies from before there were others are the same.
    said = set(flatten(space.definition["fixed"]))
    assert said | {"arch.width", "arch.family"} == set(space.base.flat())


def test_constraint_says_how_far_it_is_broken():
    constraint = Constraint(metric="latency_ms", max=20.0, min=5.0)
    assert constraint.violations({"latency_ms": 22.0}) == {"latency_ms <= 20": 2.0, "latency_ms >= 5": -17.0}
    with pytest.raises(CandidateError, match="no such figure"):
        constraint.violations({})


def test_a_space_chooses_its_measures_and_its_inputs():
    table = {"metrics": ["psnr_tm", "pu21_psnr_gain"], "inputs": "camera"}
    space = parse(scoring=table)
    assert (space.scoring.metrics, space.scoring.inputs) == (("psnr_tm", "pu21_psnr_gain"), "camera")
    assert parse_space(space.definition, source="again").definition == space.definition
    assert space.hash != parse().hash


def targeted(objectives: list[str], targets: tuple[str, ...]) -> list[str]:
    definition = {"name": "s", "objectives": [{"metric": metric} for metric in objectives]}
    return [goal.metric for goal in parse_space(definition, source="s.toml").with_targets(targets).objectives]


def test_goals_of_one_target_stay_as_they_are():
    assert targeted(["psnr_tm", "latency_ms.p90"], ("board",)) == ["psnr_tm", "latency_ms.p90"]


def test_each_of_several_targets_has_its_goals():
    assert targeted(["latency_ms", "macs"], ("a", "kind:b")) == ["latency_ms/a", "latency_ms/kind:b", "macs"]


def test_a_goal_may_be_about_one_target():
    assert targeted(["latency_ms/a", "peak_memory_mb/b"], ("a", "b")) == ["latency_ms/a", "peak_memory_mb/b"]


def test_a_goal_about_a_target_that_is_not_measured_on():
    with pytest.raises(ConfigError, match=r"s.toml: latency_ms/c: trials are not measured on it; .*allowed: a, b"):
        targeted(["latency_ms/c"], ("a", "b"))


def test_a_target_has_an_objective_once():
    with pytest.raises(ConfigError, match="latency_ms/a stands twice"):
        targeted(["latency_ms", "latency_ms/a"], ("a", "b"))


def test_constraints_hold_on_every_target():
    definition = {
        "name": "s",
        "objectives": [{"metric": "psnr_tm"}],
        "constraints": [{"metric": "latency_ms", "max": 9.0}, {"metric": "macs", "max": 1.0}],
    }
    space = parse_space(definition, source="s.toml").with_targets(("a", "b"))
    bounds = [(bound.metric, bound.max) for bound in space.constraints]
    assert bounds == [("latency_ms/a", 9.0), ("latency_ms/b", 9.0), ("macs", 1.0)]
    assert parse_space(space.definition, source="study").hash == space.hash


@pytest.mark.parametrize("name", ["smoke", "attention", "losses", "quantization", "camera", "quantization_lab"])
def test_labels_of_a_spaces_candidates_differ(name):
    space = load_space(name)
    points = space.grid() or [dict(point) for point in space.start]
    labels = [space.label(space.candidate(point)) for point in points]
    assert len(set(labels)) == len(points) > 0


def test_a_label_shows_what_varies_and_what_is_not_as_the_space_has_it():
    space = parse(dimensions={"arch.decoder_width": {"choices": [0.5, 1.0]}}, fixed={"training.epochs": 9})
    assert space.label(space.candidate({"arch.decoder_width": 1.0})) == "ca w0.35 decoder_width=1 int8+dynamic"
    repeated = space.candidate({"arch.decoder_width": 0.5}).with_values({"training.seed": 4})
    assert space.label(repeated) == "ca w0.35 decoder_width=0.5 seed=4 int8+dynamic"


def test_a_study_may_go_on_with_another_end():
    before = parse(stall={"trainings": 5, "gain": 0.02}, confirm={"seeds": 3})
    assert (before.stall, before.confirm) == (Stall(trainings=5, gain=0.02), Confirm(seeds=3))
    assert parse_space(before.definition, source="study").stall == before.stall
    assert changed_keys(before.definition, parse().definition) == {}
    assert before.hash == parse().hash

"""Spaces over several families of networks."""

from __future__ import annotations

import optuna
import pytest
from tests.support.own_family import NAME

from mqn.errors import ConfigError
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space

BOTH = {
    "arch.family": {"choices": ["mqn", NAME]},
    "arch.attention": {"choices": ["none", "ca"], "when": {"arch.family": ["mqn"]}},
}


def parse(**changes: object) -> Space:
    table = {"name": "both", "sampler": "grid", "objectives": [{"metric": "psnr_tm"}], "dimensions": BOTH, **changes}
    return parse_space(table, source="s.toml")


def test_a_family_is_a_dimension_and_conditions_say_which_fields_belong_to_it() -> None:
    fixed = {"arch.encoder_weights": "random", "arch.channels": 4, "arch.input_size": 64}
    space = parse(fixed=fixed)
    assert [(point["arch.family"], point.get("arch.attention")) for point in space.grid()] == [
        ("mqn", "none"),
        ("mqn", "ca"),
        (NAME, None),
    ]
    candidates = [space.candidate(point) for point in space.grid()]
    assert [candidate.arch.input_size for candidate in candidates] == [64, 64, 64]
    assert candidates[0].flat()["arch.encoder_weights"] == "random"
    assert "arch.encoder_weights" not in candidates[2].flat()
    assert [candidate.training.codec for candidate in candidates] == ["log", "log", "log"]
    assert [space.label(candidate) for candidate in candidates] == [
        "mqn none w0.35 int8+dynamic",
        "mqn ca w0.35 int8+dynamic",
        f"{NAME} c4 int8+dynamic",
    ]


def test_the_definition_gives_the_space_back() -> None:
    space = parse(fixed={"arch.encoder_weights": "random", "training.epochs": 3})
    again = parse_space(space.definition, source="s.toml")
    assert (again.bases, again.hash) == (space.bases, space.hash)
    assert {base.training.epochs for base in again.bases.values()} == {3}


def test_a_drawn_trial_is_read_back() -> None:
    space = parse(sampler="tpe", trials=4)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(6):
        trial = study.ask()
        drawn = space.candidate(space.draw(trial))
        assert space.candidate(trial.params) == drawn
    assert {"arch.attention" in trial.params for trial in study.trials} == {True, False}


def test_a_setting_chooses_the_family() -> None:
    fixed = {"arch.encoder_weights": "random", "training.epochs": 3}
    one = parse(fixed=fixed).with_overrides({"arch.family": NAME})
    (point,) = one.grid()
    candidate = one.candidate(point)
    assert (candidate.arch.family, candidate.training.epochs) == (NAME, 3)
    mqn = parse(fixed=fixed).with_overrides({"arch.family": "mqn", "arch.width": 0.5})
    assert [mqn.candidate(point).flat()["arch.width"] for point in mqn.grid()] == [0.5, 0.5]


def test_a_setting_of_one_family_leaves_the_other_as_it_is() -> None:
    space = parse().with_overrides({"arch.width": 0.5})
    assert [base.flat().get("arch.width") for base in space.bases.values()] == [0.5, None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"dimensions": {**BOTH, "arch.width": {"choices": [0.35, 0.5]}}},
            r'"arch.width": no such key in a candidate of family .*; add when = { "arch.family" = \["mqn"\] }',
        ),
        ({"fixed": {"arch.wight": 1}}, r"fixed.arch.wight: no family of mqn, tests.* has it; "),
        ({"fixed": {"arch.family": "expandnt"}, "dimensions": {}}, "no family .expandnt.; did you mean .expandnet."),
        ({"fixed": {"arch.family": "a.b:C"}, "dimensions": {}}, "cannot import .a.b.: No module named .a.; install"),
        ({"fixed": {"arch.family": NAME, "arch.width": 1.0}, "dimensions": {}}, "unknown key .arch.width. of"),
        ({"fixed": {"training.codec": "mulaw"}}, "training.codec .mulaw.: family .tests.* answers in log or pq"),
        (
            {"dimensions": {**BOTH, "training.codec": {"choices": ["log", "mulaw"]}}},
            "training.codec .mulaw.: family .tests.* answers in log or pq",
        ),
        ({"fixed": {"training.frozen_epochs": 5}}, "has nothing to freeze; give 0"),
        ({"fixed": {"plan.sparsity": 0.5}}, "cannot be pruned; give 0"),
        ({"points": [{"arch.family": "mqn"}], "dimensions": {}}, "arch.family cannot stand in points"),
    ],
)
def test_what_a_family_does_not_have_is_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse(**changes)
    assert str(caught.value).startswith("s.toml: ")
    assert "\n" not in str(caught.value)


def test_a_field_may_hang_on_the_family_through_another() -> None:
    width = {"choices": [0.35, 0.5], "when": {"arch.attention": ["ca"]}}
    space = parse(dimensions={**BOTH, "arch.width": width})
    assert len(space.grid()) == 4

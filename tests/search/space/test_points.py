"""Points that a space spells out to begin with: what is refused, what a new study does with them, and never again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mqn.errors import ConfigError
from mqn.search.space.space import Space, changed_keys
from mqn.search.space.space_file import parse_space
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.trials.mirror import params_of

INT8, FLOAT = "static_wi8_ai8", "float32"
DIMENSIONS = {
    "plan.backbone": {"choices": [INT8, FLOAT]},
    "plan.calibration": {"choices": ["minmax", "mse"], "when": {"plan.backbone": [INT8]}},
    "plan.calibration_pictures": {"low": 8, "high": 32, "step": 8},
    "plan.rules": {"choices": ["", "head.conv3=float32"]},
}
STATIC = {
    "plan.backbone": INT8,
    "plan.calibration": "mse",
    "plan.calibration_pictures": 16,
    "plan.rules": "head.conv3=float32",
}
PLAIN = {"plan.backbone": FLOAT, "plan.calibration_pictures": 8, "plan.rules": ""}


def space(*start: dict[str, Any], **changes: Any) -> Space:
    definition = {
        "name": "s",
        "trials": 5,
        "objectives": [{"metric": "psnr_tm"}],
        "dimensions": DIMENSIONS,
        "start": list(start),
    }
    return parse_space({**definition, **changes}, source="s.toml")


def test_starting_points_are_read_nested_or_dotted_and_in_the_one_form():
    nested = {"plan": {**{key.removeprefix("plan."): v for key, v in STATIC.items()}, "rules": " head.conv3 = float32"}}
    assert space(nested, PLAIN).start == (STATIC, PLAIN)
    assert space(STATIC).candidate(STATIC).plan.scheme_rules == (("head.conv3", FLOAT),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"plan.bakbone": INT8},
            r"start\[0\]: plan.bakbone is no dimension of the space; did you mean 'plan.backbone'",
        ),
        ({"plan.head": FLOAT}, r"start\[0\]: plan.head is no dimension of the space"),
        ({"plan.calibration": "percentile"}, r"'percentile' lies outside the space; .*allowed: 'minmax', 'mse'"),
        ({"plan.calibration_pictures": 13}, r"= 13 lies outside .* 8 to 32 in steps of 8, the nearest is 16"),
        ({"plan.calibration_pictures": 90}, r"the nearest is 32"),
        ({"plan.calibration_pictures": 0}, r"start\[0\].*must be at least 1"),
        ({"plan.backbone": FLOAT}, r"plan.calibration does not count with plan.backbone = 'float32'; leave it out"),
        ({"plan.rules": None}, r"start\[0\]: plan.rules is missing; allowed: '', 'head.conv3=float32'"),
        ({"plan.calibration_pictures": None}, r"pictures is missing; allowed: 8 to 32 in steps of 8"),
    ],
)
def test_a_start_outside_the_space_is_refused(change, message):
    given = {key: value for key, value in {**STATIC, **change}.items() if value is not None}
    with pytest.raises(ConfigError, match=message) as caught:
        space(given)
    assert "\n" not in str(caught.value)


def test_a_start_twice_is_refused():
    with pytest.raises(ConfigError, match=r"start\[2\] is start\[0\] again"):
        space(PLAIN, STATIC, PLAIN)


def test_a_grid_has_no_start():
    with pytest.raises(ConfigError, match=r"a grid takes every point anyway; leave \[\[start\]\] out"):
        space(STATIC, sampler="grid")


def test_definition_holds_them_and_other_starts_are_no_other_study():
    one, other = space(STATIC, PLAIN), space()
    assert parse_space(one.definition, source="again").start == one.start
    assert "start" not in other.definition
    assert one.hash == other.hash
    assert changed_keys(one.definition, other.definition) == {}


def test_overrides_keep_the_starts_that_agree():
    both = space(STATIC, PLAIN)
    (left,) = both.with_overrides({"plan.backbone": INT8}).start
    assert left == {key: value for key, value in STATIC.items() if key != "plan.backbone"}
    assert both.with_overrides({"plan.backbone": FLOAT}).start == ({"plan.calibration_pictures": 8, "plan.rules": ""},)
    assert both.with_overrides({"plan.calibration_pictures": 24}).start == ()
    assert both.with_overrides({"plan.head": FLOAT}).start == both.start


@pytest.mark.slow
def test_a_new_study_begins_with_them_and_a_resumed_one_does_not_again(make_study: Callable[..., Study]):
    made = space(STATIC, PLAIN)
    study = make_study(made)
    assert [params_of(trial) for trial in study.trials()] == [STATIC, PLAIN]
    for expected in (STATIC, PLAIN):
        trial = study.ask()
        assert made.candidate(trial.params) == made.candidate(expected)
        study.optuna.tell(trial.number, 30.0)
    again = open_study("tiny", study.url)
    assert len(again.trials()) == 2
    drawn = again.ask()
    assert drawn.number == 2
    assert params_of(again.trials()[2]) not in (STATIC, PLAIN)


def test_a_study_killed_between_its_starts_has_them_once(make_study: Callable[..., Study], monkeypatch):
    class Killed(BaseException):
        pass

    def die(self, key, value):
        raise Killed

    made = space(STATIC, PLAIN)
    with monkeypatch.context() as patch:
        patch.setattr("optuna.Study.set_user_attr", die)
        with pytest.raises(Killed):
            make_study(made)
    assert [params_of(trial) for trial in make_study(made).trials()] == [STATIC, PLAIN]

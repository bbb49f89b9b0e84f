"""The table [rungs]."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.search_fakes import grid_definition

from mqn.errors import ConfigError
from mqn.search.space.space_file import parse_space
from mqn.search.space.tables.rungs import Rungs


def parse(rungs: dict[str, Any], epochs: Any = 36, **changes: Any):
    definition = grid_definition(rungs=rungs, **changes)
    if isinstance(epochs, list):
        definition["dimensions"] = {**definition["dimensions"], "training.epochs": {"choices": epochs}}
    else:
        definition["fixed"] = {"training": {"epochs": epochs}}
    return parse_space(definition, source="tiny.toml")


def test_levels_are_shares_of_each_trainings_own_epochs():
    space = parse({}, [9, 36])
    assert space.rungs == Rungs()
    assert (space.rungs.of(36), space.rungs.of(9)) == ((4, 12), (1, 3))
    assert Rungs(levels=2, factor=2).of(25) == (12,)
    assert Rungs(epochs=(5, 10)).of(36) == (5, 10)


def test_a_study_keeps_the_table_and_one_without_it_is_what_it_was():
    space = parse({"epochs": [4], "spared": 0.1})
    assert parse_space(space.definition, source="kept") == parse_space(space.definition, source="kept")
    assert parse_space(space.definition, source="kept").rungs == Rungs(epochs=(4,), spared=0.1)
    assert "rungs" not in parse_space(grid_definition(), source="tiny.toml").definition


@pytest.mark.parametrize(
    ("rungs", "epochs", "message"),
    [
        ({"levels": 1}, 36, "rungs.levels 1 must be at least 2"),
        ({"levels": 2, "epochs": [4, 12]}, 36, "levels 2 and epochs"),
        ({"factor": 1}, 36, "rungs.factor 1 must be at least 2"),
        ({"spared": 1.5}, 36, "rungs.spared 1.5 must be a share"),
        ({"epochs": [12, 4]}, 36, "must rise from rung to rung"),
        ({"epochs": [4, 36]}, 36, "a training of 36 epochs cannot be stopped after 4, 36 and at its end"),
        ({"epochs": [4, 12]}, [12, 36], "a training of 12 epochs .* shares of each training's own"),
        ({"levels": 3}, 2, "a training of 2 epochs cannot be stopped after 1, 1 .* give fewer levels"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(rungs: dict[str, Any], epochs: Any, message: str):
    with pytest.raises(ConfigError, match=message):
        parse(rungs, epochs)


def test_rungs_need_an_objective_that_says_how_good_a_network_is():
    with pytest.raises(ConfigError, match="no objective says how good a network is"):
        parse({}, objectives=[{"metric": "latency_ms"}])


def test_epochs_that_are_set_on_the_command_line_are_checked_too():
    with pytest.raises(ConfigError, match="a training of 2 epochs"):
        parse({}).with_overrides({"training.epochs": 2})

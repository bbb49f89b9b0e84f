from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.records import make_trial
from tests.support.search_fakes import grid_definition

from mqn.search.space.space_file import parse_space
from mqn.search.study.planning import Planned
from mqn.search.study.study import Study


@pytest.fixture
def planned(make_study) -> Callable[..., Planned]:
    """A study of which some trials are finished, and that is to have some number."""

    def make(finished: int, trials: int, *, running: int = 0, **definition: object) -> Planned:
        space = parse_space(grid_definition(**definition), source="tiny.toml")
        study: Study = make_study(space)
        study.enqueue(space.grid())
        begun = [study.ask() for _ in range(finished + running)]
        for trial in begun[:finished]:
            record = make_trial(trial.number, study="tiny", figures={"psnr_tm": 25.0, "latency_ms": 4.0})
            study.note(trial, record)
            study.finish(trial, record)
        return Planned(name="tiny", about=study.about, space=space, dataset=None, trials=trials, opened=study)

    return make


def test_a_finished_study_says_so_and_how_to_have_more(planned):
    command = "mqn search tiny --study tiny --resume --profile lab.toml --trials 6"
    assert planned(3, 3).say_finished("lab.toml") == f"study 'tiny' is finished: it has 3 trials; for more: {command}"


def test_a_finished_grid_has_no_more(planned):
    said = planned(12, 12).say_finished("default")
    assert said == "study 'tiny' is finished: it has 12 trials; each point of its grid has been tried"


def test_a_study_with_something_left_to_do_is_not_finished(planned):
    assert planned(3, 4).say_finished("default") == ""


def test_a_study_with_a_running_trial_is_not_finished(planned):
    assert planned(3, 3, running=1).say_finished("default") == ""


def test_a_new_study_is_not_finished(planned):
    fresh = planned(0, 3)
    assert Planned(name="n", about=fresh.about, space=fresh.space, dataset=None, trials=3).say_finished("x") == ""


def test_a_gate_that_a_given_checkpoint_switches_off_is_told(planned):
    limit = {"constraints": [{"metric": "latency_ms", "max": 33.0}], "gate": {"hard": ["latency_ms"]}}
    given = {"checkpoint": "/some/checkpoint.pt", "checkpoint_sha256": "0" * 64, "dimensions": {}}
    line = "nothing is gated: every trial takes the given checkpoint, whose own file is measured"
    assert planned(0, 3, **limit, **given).remarks("default") == [line]


def test_a_gate_that_works_needs_no_words(planned):
    limit = {"constraints": [{"metric": "latency_ms", "max": 33.0}], "gate": {"hard": ["latency_ms"]}}
    assert planned(0, 3, **limit).remarks("default") == []

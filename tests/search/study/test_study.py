from __future__ import annotations

import pytest
from tests.support.records import make_trial

from mqn.errors import SpaceChangedError, StudyError, UnknownNameError
from mqn.search.study.measuring_conditions import check_unchanged
from mqn.search.study.studies import list_studies, open_study
from mqn.search.study.trials import count_states, records


def test_unknown_study_names_the_nearest(grid, make_study):
    study = make_study(grid, "attention")
    with pytest.raises(UnknownNameError, match="no study 'atention'; did you mean 'attention'"):
        open_study("atention", study.url)


def test_studies_are_listed_with_what_they_were_created_with(grid, make_study):
    make_study(grid, "a", seed=1)
    study = make_study(grid, "b", seed=2)
    assert {name: about.seed for name, about in list_studies(study.url).items()} == {"a": 1, "b": 2}


def test_study_cannot_be_created_twice(grid, make_study):
    make_study(grid)
    with pytest.raises(StudyError, match="exists already; go on with --resume"):
        make_study(grid)


def test_study_whose_making_was_cut_short_is_completed(grid, make_study, monkeypatch):
    class Killed(BaseException):
        pass

    def die(self, key, value):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("optuna.Study.set_user_attr", die)
        with pytest.raises(Killed):
            make_study(grid)
    assert make_study(grid).about.space_hash == grid.hash


def test_changed_space_says_what_and_what_to_do(grid, make_study):
    study = make_study(grid)
    check_unchanged(study, grid)
    with pytest.raises(SpaceChangedError, match=r"fixed.training.epochs was 600, is 5; .* --study NAME"):
        check_unchanged(study, grid.with_overrides({"training.epochs": 5}))


def test_a_field_that_an_older_study_does_not_know_has_its_default_there(grid, make_study):
    study = make_study(grid)
    old = {**study.about.space, "fixed": {k: v for k, v in study.about.space["fixed"].items() if k != "plan.sparsity"}}
    study.optuna.set_user_attr("mqn", {**study.optuna.user_attrs["mqn"], "space": old})
    check_unchanged(open_study("tiny", study.url), grid)


def test_points_are_queued_once(grid, make_study):
    study = make_study(grid)
    assert study.enqueue(grid.grid()[:5]) == 5
    assert study.enqueue(grid.grid()) == 7
    assert count_states(study)["waiting"] == 12


def test_constraints_are_kept_for_other_programs_too_and_count_once(grid, make_study):
    study = make_study(grid)
    study.enqueue(grid.grid()[:1])
    trial = study.ask()
    values = {objective.metric: 1.0 for objective in grid.objectives}
    record = make_trial(trial.number, study="tiny", figures=values, violations={"latency_ms <= 5": 2.5})
    study.note(trial, record)
    study.finish(trial, record)
    (stored,) = study.store.storage.get_all_trials(study.optuna._study_id)
    assert stored.system_attrs["constraints"] == [2.5]
    for seen in (study, open_study("tiny", study.url)):
        assert seen.trials()[0].constraints == {"latency_ms <= 5": 2.5}


def test_trial_taken_up_keeps_its_values(grid, make_study):
    study = make_study(grid)
    study.enqueue(grid.grid())
    candidate = grid.candidate(study.ask().params)
    again = open_study("tiny", study.url)
    (running,) = [frozen for frozen in again.trials() if frozen.state.name == "RUNNING"]
    assert again.space.candidate(again.take_up(running).params) == candidate
    (record,) = records(again)
    assert record.state == "interrupted"
    assert record.candidate == candidate


def test_unusable_database_is_one_line(tmp_path):
    with pytest.raises(StudyError, match=r"cannot open the study database .*storage.study") as caught:
        list_studies(f"sqlite:///{tmp_path / 'no' / 'such' / 'study.db'}")
    assert "\n" not in str(caught.value)


def test_a_study_of_another_version_says_so_and_stands_in_no_other_studys_way(grid, make_study):
    study = make_study(grid, "newer")
    study.optuna.set_user_attr("mqn", {**study.optuna.user_attrs["mqn"], "flavour": 3})
    assert list_studies(study.url) == {"newer": None}
    with pytest.raises(StudyError, match=r"unknown key 'flavour'.*; this is mqn .*, and another version made"):
        open_study("newer", study.url)

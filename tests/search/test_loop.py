from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from search_fakes import FakePipeline, grid_definition, nonzero

from mqn.search.census import count_states, count_trainings, records
from mqn.search.loop import Loop
from mqn.search.space import parse_space
from mqn.search.study import open_study

pytestmark = pytest.mark.integration  # Whole studies run in a database, some of their drivers are killed.


def ended(log: Path) -> Counter[str]:
    """How often each stage ended."""
    return Counter(line.split()[1] for line in log.read_text().splitlines() if line.startswith("end"))


def test_twelve_plans_over_four_networks_train_four_times(grid, make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(grid)
    assert make_loop(study, FakePipeline(log)).run() == "done"
    assert ended(log) == {"train": 4, "convert": 4, "quantize": 12, "score": 12, "measure": 12}
    found = records(study)
    assert [record.state for record in found] == ["complete"] * 12
    assert count_trainings(found) == 4
    assert len({(r.candidate.arch.attention, r.candidate.plan.label) for r in found}) == 12


def test_seconds_of_a_shared_training_are_told_once(grid, make_study, make_loop, tmp_path):
    study = make_study(grid)
    make_loop(study, FakePipeline(tmp_path / "log", {"train": 0.01}), trials=3).run()
    assert [record.seconds["train"] > 0 for record in records(study)] == [True, False, False]


def test_number_of_trials_is_exact_and_can_grow(grid, make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(grid)
    make_loop(study, FakePipeline(log), trials=5).run()
    assert nonzero(study) == {"complete": 5, "waiting": 7}
    make_loop(open_study("tiny", study.url), FakePipeline(log), trials=7).run()
    assert count_states(study)["complete"] == 7
    assert ended(log)["measure"] == 7


def test_grid_ends_with_its_points(small, make_study, make_loop, tmp_path):
    study = make_study(small)
    assert make_loop(study, FakePipeline(tmp_path / "log"), trials=20).run() == "done"
    assert count_states(study)["complete"] == 4


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@pytest.mark.parametrize("method", ["note", "finish"])
@pytest.mark.parametrize("count", [1, 3])
def test_killed_while_writing_down(method, count, small, make_study, make_loop, tmp_path, monkeypatch):
    log, study = tmp_path / "log", make_study(small)
    real, calls = getattr(type(study), method), []

    def die(self, *arguments):
        calls.append(arguments)
        if len(calls) == count:
            raise Killed
        return real(self, *arguments)

    monkeypatch.setattr(type(study), method, die)
    with pytest.raises(Killed):
        make_loop(study, FakePipeline(log)).run()
    monkeypatch.undo()
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log)).run()
    assert ended(log) == {"train": 2, "convert": 2, "quantize": 4, "score": 4, "measure": 4}
    assert count_states(again)["complete"] == 4
    assert len(records(again)) == 4


@pytest.mark.parametrize("stage", ["train", "quantize", "score", "measure"])
def test_killed_inside_a_stage(stage, small, make_study, make_loop, tmp_path, monkeypatch):
    log, study = tmp_path / "log", make_study(small)

    def die(seconds, now):
        if now == stage and log.read_text().count(f"begin {stage}") == 2:
            raise Killed

    monkeypatch.setattr("search_fakes.pause", die)
    with pytest.raises(Killed):
        make_loop(study, FakePipeline(log)).run()
    before = {record.number: record for record in records(study)}
    monkeypatch.undo()
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log)).run()
    assert ended(log) == {"train": 2, "convert": 2, "quantize": 4, "score": 4, "measure": 4}
    for record in records(again):
        assert record.state == "complete"
        if record.number in before:
            assert record.candidate == before[record.number].candidate


def test_failed_candidate_is_recorded_and_the_study_goes_on(grid, make_study, make_loop, tmp_path):
    study = make_study(grid)
    make_loop(study, FakePipeline(tmp_path / "log", sick={"train": -1.0})).run()
    failed = [record for record in records(study) if record.state == "failed"]
    assert {record.candidate.arch.attention for record in failed} == {"sa"}
    assert {record.error for record in failed} == {"train: the loss is not finite"}
    assert nonzero(study) == {"complete": 9, "failed": 3}


def test_missing_figure_fails_the_trial(make_study, make_loop, tmp_path):
    space = parse_space(grid_definition(constraints=[{"metric": "peak_memory_mb", "max": 9}]), source="tiny.toml")
    study = make_study(space)
    make_loop(study, FakePipeline(tmp_path / "log"), trials=1).run()
    assert "asks for peak_memory_mb" in str(records(study)[0].error)


def test_constraints_are_recorded_for_the_sampler(make_study, make_loop, tmp_path):
    space = parse_space(grid_definition(constraints=[{"metric": "latency_ms", "max": 50.0}]), source="tiny.toml")
    study = make_study(space)
    make_loop(study, FakePipeline(tmp_path / "log"), trials=1).run()
    # "none" and "static_wi8_ai8" cost 10 * 4 + 14 ms.
    assert records(study)[0].violations == {"latency_ms <= 50": 4.0}
    assert study.trials()[0].constraints == {"latency_ms <= 50": 4.0}
    assert not records(study)[0].feasible


def test_programming_error_crashes(grid, make_study, make_loop, tmp_path, monkeypatch):
    monkeypatch.setattr("search_fakes.pause", lambda seconds, stage: 1 / 0)
    study = make_study(grid)
    with pytest.raises(ZeroDivisionError):
        make_loop(study, FakePipeline(tmp_path / "log")).run()
    assert count_states(study)["interrupted"] == 3


def test_no_trial_is_begun_after_the_time(grid, make_study, make_loop, tmp_path):
    study = make_study(grid)
    assert make_loop(study, FakePipeline(tmp_path / "log"), hours=0.0).run() == "hours"
    assert count_states(study)["complete"] == 0


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_expansion_comes_next_and_trains_once(sampler, make_study, make_loop, tmp_path):
    definition = grid_definition(
        sampler=sampler,
        points=[],
        dimensions={
            "arch.attention": {"choices": ["none", "sa", "csa", "ca"]},
            "plan.backbone": {"choices": ["static_wi8_ai8", "float32"]},
            "plan.head": {"choices": ["dynamic_wi8_afp32", "float32"]},
        },
        expansion={"dimensions": ["plan.backbone", "plan.head"]},
    )
    log, study = tmp_path / "log", make_study(parse_space(definition, source="tiny.toml"))
    make_loop(study, FakePipeline(log), trials=6, parallel=2).run()
    found = records(study)
    assert len(found) == 6
    assert len({r.candidate.plan.label for r in found[:4]}) == 4
    assert len({r.candidate.arch.attention for r in found[:4]}) == 1
    assert ended(log)["train"] == count_trainings(found) == len({r.candidate.arch.attention for r in found})


def test_loop_repeats_itself_from_its_seed(make_study, make_loop, tmp_path):
    definition = grid_definition(sampler="tpe", points=[])
    drawn = []
    for name in ("a", "b"):
        study = make_study(parse_space(definition, source="tiny.toml"), name, seed=3)
        loop: Loop = make_loop(study, FakePipeline(tmp_path / name), trials=4, parallel=1)
        loop.run()
        drawn.append([record.candidate for record in records(study)])
    assert drawn[0] == drawn[1]

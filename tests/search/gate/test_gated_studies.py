"""Whole studies with a gate, whose stages are trivial: who is trained, what is kept, what a kill changes."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from tests.support.pool_fakes import FakeClock
from tests.support.search_fakes import FakePipeline, grid_definition, nonzero

from mqn.errors import DeviceAwayError, UnsteadyError
from mqn.profile_tables.budget import BudgetProfile
from mqn.profile_tables.retry import RetryProfile
from mqn.search.budget.budgets import Budgets
from mqn.search.space.space import Space
from mqn.search.space.space_file import parse_space
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.study.trials import count_trainings, records

pytestmark = pytest.mark.integration  # Whole studies run in a database.

# The trivial latency of a plan: letters of its backbone's scheme, and 10 ms a letter of the attention's name.
STATIC, FLOAT = 14, 7
LIMIT = {"metric": "latency_ms", "max": 10.0 * len("sa") + STATIC}


def gated_space(**changes: Any) -> Space:
    """Attention none (40), sa (20), csa (30) or ca (20), with three plans each; `none` and `csa` break the limit."""
    table = grid_definition(constraints=[LIMIT], gate={"hard": ["latency_ms"]})
    return parse_space({**table, **changes}, source="tiny.toml")


def lines(log: Path, what: str = "end") -> Counter[tuple[str, str]]:
    """How often each job ended, by stage and name."""
    told = (line.split(maxsplit=2) for line in log.read_text().splitlines())
    return Counter((stage, name) for begun, stage, name in told if begun == what)


def trained(log: Path) -> set[str]:
    return {name for stage, name in lines(log) if stage == "train"}


def by_state(study: Study) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for record in records(study):
        found.setdefault(record.state, set()).add(record.candidate.arch.attention)
    return found


def test_who_breaks_a_hard_constraint_is_not_trained(make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(gated_space())
    assert make_loop(study, FakePipeline(log, gate=True)).run() == "done"
    assert trained(log) == {"sa", "ca"}
    assert by_state(study) == {"complete": {"sa", "ca"}, "gated": {"none", "csa"}}
    assert nonzero(study) == {"complete": 6, "gated": 6}
    assert count_trainings(records(study)) == 2


def test_plans_with_one_untrained_file_share_its_measurement(make_study, make_loop, tmp_path):
    log, study = tmp_path / "log", make_study(gated_space())
    make_loop(study, FakePipeline(log, gate=True)).run()
    assert set(lines(log).values()) == {1}
    files = {name for stage, name in lines(log) if stage == "measure" and name.startswith("untrained")}
    assert len(files) == 4 * 2  # networks, and backbones of the plans


def test_a_gated_trial_keeps_its_figures_and_its_constraints(make_study, make_loop, tmp_path):
    study = make_study(gated_space())
    make_loop(study, FakePipeline(tmp_path / "log", gate=True)).run()
    record = next(record for record in records(study) if record.state == "gated")
    assert record.candidate.arch.attention == "none"
    assert record.gate == {"latency_ms/local": 54.0}
    assert record.violations == {"latency_ms <= 34": 20.0}
    assert list(record.artifacts) == ["gate/untrained", "gate/quantize", "gate/measure/local"]
    assert (record.figures, record.device_figures, record.error) == ({}, {}, None)
    frozen = study.trials(TrialState.PRUNED)[0]
    assert frozen.values is None
    assert frozen.constraints == {"latency_ms <= 34": 20.0}
    assert frozen.system_attrs["mqn:gate"] == {"latency_ms/local": 54.0, "latency_ms": 54.0}


def test_samplers_hear_of_the_gate_while_the_network_is_trained(make_study, make_loop, tmp_path, monkeypatch):
    study, seen = make_study(gated_space()), []

    def look(_: object, stage: str) -> None:
        if stage == "train":
            seen.append([trial.system_attrs.get("mqn:gate") for trial in study.trials(TrialState.RUNNING)])

    monkeypatch.setattr("tests.support.trivial_work.pause", look)
    make_loop(study, FakePipeline(tmp_path / "log", gate=True), parallel=1).run()
    assert len(seen) == 2
    assert all({"latency_ms/local": 34.0, "latency_ms": 34.0} in of_running for of_running in seen)


def test_a_soft_constraint_gates_nobody(make_study, make_loop, tmp_path):
    study = make_study(gated_space(gate={}))
    make_loop(study, FakePipeline(tmp_path / "log", gate=True)).run()
    assert nonzero(study) == {"complete": 12}
    assert sum(not record.feasible for record in records(study)) == 6
    assert all(record.gate for record in records(study))


def test_gated_trials_cost_no_training_of_the_budget(make_study, make_loop, tmp_path):
    log, study, budgets = tmp_path / "log", make_study(gated_space()), Budgets(BudgetProfile(trainings=2))
    make_loop(study, FakePipeline(log, gate=True, epochs=3), budgets=budgets, parallel=1).run()
    assert trained(log) == {"sa", "ca"}
    assert budgets.spent().trainings == 2
    assert nonzero(study) == {"complete": 6, "gated": 6}


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@pytest.mark.parametrize("stage", ["untrained", "quantize", "tune", "measure"])
@pytest.mark.parametrize("count", [1, 2])
def test_killed_inside_the_gate(stage, count, make_study, make_loop, tmp_path, monkeypatch):
    log, study, left = tmp_path / "log", make_study(gated_space()), [count]

    def die(_: object, now: str) -> None:
        left[0] -= now == stage
        if now == stage and left[0] == 0:
            raise Killed

    monkeypatch.setattr("tests.support.trivial_work.pause", die)
    with pytest.raises(Killed):
        make_loop(study, FakePipeline(log, gate=True, tune=True)).run()
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log, gate=True, tune=True)).run()
    assert set(lines(log).values()) == {1}
    assert trained(log) == {"sa", "ca"}
    assert nonzero(again) == {"complete": 6, "gated": 6}


@pytest.mark.parametrize("method", ["tell_sampler", "note", "finish"])
def test_killed_while_the_gate_is_written_down(method, make_study, make_loop, tmp_path, monkeypatch):
    log, study = tmp_path / "log", make_study(gated_space())

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(type(study), method, die)
    with pytest.raises(Killed):
        make_loop(study, FakePipeline(log, gate=True), parallel=1).run()
    monkeypatch.undo()
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log, gate=True)).run()
    assert set(lines(log).values()) == {1}
    assert nonzero(again) == {"complete": 6, "gated": 6}
    assert all("mqn:gate" in trial.system_attrs for trial in again.trials())


def test_what_has_passed_before_a_kill_is_not_judged_again(make_study, make_loop, tmp_path, monkeypatch):
    log, study = tmp_path / "log", make_study(gated_space())

    def die(_: object, stage: str) -> None:
        if stage == "train":
            raise Killed

    monkeypatch.setattr("tests.support.trivial_work.pause", die)
    with pytest.raises(Killed):
        make_loop(study, FakePipeline(log, gate=True), parallel=1).run()
    monkeypatch.undo()
    shutil.rmtree(tmp_path / "artifacts" / "measure")  # as if the measurements had grown too old
    again = open_study("tiny", study.url)
    make_loop(again, FakePipeline(log, gate=True, sick={"measure": 99.0}), parallel=1).run()
    assert records(again)[3].candidate.arch.attention == "sa"
    assert records(again)[3].state == "complete"
    assert records(again)[6].state == "gated"


def test_a_device_that_goes_away_in_the_gate_is_waited_for(make_study, make_loop, tmp_path, monkeypatch):
    log, study, left = tmp_path / "log", make_study(gated_space()), [DeviceAwayError("unplugged")] * 2

    def go_away(_: object, stage: str) -> None:
        if stage == "measure" and left:
            raise left.pop()

    monkeypatch.setattr("tests.support.trivial_work.pause", go_away)
    make_loop(study, FakePipeline(log, gate=True)).run()
    assert nonzero(study) == {"complete": 6, "gated": 6}
    assert set(lines(log).values()) == {1}
    assert [attempt.step for record in records(study) for attempt in record.attempts] == ["gate/measure/local"] * 2


@pytest.mark.parametrize("disturbed", ["measure", "tune"])
def test_a_device_that_is_not_steady_in_the_gate_holds_its_trials(
    disturbed, make_study, make_loop, tmp_path, monkeypatch
):
    log, study, clock = tmp_path / "log", make_study(gated_space()), FakeClock()

    def disturb(_: object, stage: str) -> None:
        if stage == disturbed:
            error = UnsteadyError("measured as 'unsteady'")
            error.kept = {"verdict": "unsteady", "figures": {"latency_ms": 99.0}}
            raise error

    monkeypatch.setattr("tests.support.trivial_work.pause", disturb)
    pipeline, retry = FakePipeline(log, gate=True, tune=True), RetryProfile(rounds=1, rest_seconds=1)
    make_loop(study, pipeline, retry=retry, clock=clock, sleep=clock.sleep).run()
    held = records(study)
    assert {record.state for record in held} == {"held"}
    assert held[0].unaccepted == {"local": {"latency_ms": 99.0}}
    assert held[0].waits.startswith(f"gate/{disturbed}/local: measured as 'unsteady'")
    assert not trained(log)
    monkeypatch.undo()
    make_loop(again := open_study("tiny", study.url), pipeline).run()
    assert nonzero(again) == {"complete": 6, "gated": 6}
    assert set(lines(log).values()) == {1}


NOBODY = {"metric": "latency_ms", "max": 33.0}  # The fastest takes 34 ms.


def test_a_study_gives_up_where_nobody_passes(make_study, make_loop, tmp_path):
    log = tmp_path / "log"
    study = make_study(gated_space(constraints=[NOBODY], gate={"hard": ["latency_ms"], "give_up": 5}))
    loop = make_loop(study, FakePipeline(log, gate=True), parallel=1)
    assert loop.run() == "unmet"
    assert nonzero(study) == {"gated": 5, "waiting": 7}
    assert loop.unmet == (
        "5 candidates were gated and none has passed: no trial of study 'tiny' keeps latency_ms <= 33: #3 sa w0.35 "
        "int8+dynamic comes nearest and misses it by 1; loosen it, or search further"
    )
    again = make_loop(open_study("tiny", study.url), FakePipeline(log, gate=True))
    assert again.run() == "unmet"
    assert again.unmet == loop.unmet
    assert nonzero(study) == {"gated": 5, "waiting": 7}
    assert not trained(log)


def test_what_is_on_its_way_is_finished_before_a_study_gives_up(make_study, make_loop, tmp_path):
    study = make_study(gated_space(gate={"hard": ["latency_ms"], "give_up": 3}))
    loop = make_loop(study, FakePipeline(tmp_path / "log", gate=True), parallel=4)
    assert loop.run() == "done"  # The fourth passes while the first three are gated.
    assert nonzero(study) == {"complete": 6, "gated": 6}


def test_one_that_has_passed_keeps_a_study_going_after_a_resume(make_study, make_loop, tmp_path):
    dimensions = {"arch.attention": {"choices": ["sa", "none", "csa"]}}
    study = make_study(gated_space(dimensions=dimensions, gate={"hard": ["latency_ms"], "give_up": 2}))
    pipeline = FakePipeline(tmp_path / "log", gate=True)
    make_loop(study, pipeline, trials=5, parallel=1).run()
    assert nonzero(study) == {"complete": 3, "gated": 2, "waiting": 4}
    assert make_loop(open_study("tiny", study.url), pipeline, trials=9, parallel=1).run() == "done"

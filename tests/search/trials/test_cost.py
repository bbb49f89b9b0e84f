"""What a trial costs in the database and of the sampler: counted, so that it does not grow with the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import pytest
import sqlalchemy.event
from tests.support.many_trials import definition, fill
from tests.support.records import make_trial

from mqn.search.space.space_file import parse_space
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.trials import mirror
from mqn.search.trials.history import MOST_LEARNT


@contextmanager
def counted(study: Study) -> Iterator[Counter[str]]:
    """Counts statements by their first word, and transactions that wrote."""
    counts: Counter[str] = Counter()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        counts[statement.split()[0]] += 1

    engine = study.store.database.engine
    sqlalchemy.event.listen(engine, "before_cursor_execute", note)
    try:
        yield counts
    finally:
        sqlalchemy.event.remove(engine, "before_cursor_execute", note)


def run(study: Study) -> None:
    """One trial, without its work."""
    trial = study.ask()
    assert trial is not None
    figures = {"psnr_tm": 20.0 + trial.number, "latency_ms": 5.0}
    record = make_trial(
        trial.number,
        study=study.name,
        candidate=study.space.candidate(trial.params),
        figures=figures,
        violations={"latency_ms <= 4": 1.0},
    )
    study.note(trial, record)
    study.finish(trial, record)


@pytest.fixture
def study(make_study: Callable[..., Study]) -> Study:
    return make_study(parse_space(definition(sampler="tpe"), source="many"), "many")


@pytest.mark.slow
def test_a_trial_costs_three_transactions_and_as_many_statements_late_as_early(study):
    spent = []
    for more in (0, 300):
        fill(study, more)
        run(study)
        with counted(study) as counts:
            run(study)
        assert counts["BEGIN"] == 3
        spent.append(counts)
    assert spent[0] == spent[1]
    assert spent[0].total() <= 28


def test_many_points_are_queued_in_one_transaction(study):
    points = [{**dict(point)} for point in points_of(study, 300)]
    with counted(study) as counts:
        assert study.enqueue(points) == 300
    assert (counts["BEGIN"], counts["INSERT"]) == (1, 2)  # trials, and their attributes
    assert study.enqueue(points) == 0


def points_of(study: Study, count: int) -> list[dict[str, Any]]:
    base = {"arch.decoder_width": 1.0, "training.learning_rate": 1e-3, "training.lambda_l1": 0.5}
    plan = {"arch.attention": "sa", "plan.backbone": "float32", "plan.head": "float32"}
    return [{"arch.width": 0.1 + 0.003 * i, **base, **plan} for i in range(count)]


def test_optuna_reads_what_is_queued_as_its_own(study):
    (point,) = points_of(study, 1)
    study.enqueue([point])
    theirs = optuna.load_study(study_name="many", storage=study.url)
    theirs.enqueue_trial({**point, "arch.width": 0.9})
    ours, own = theirs.get_trials()
    assert ours.system_attrs["fixed_params"] == point
    assert (ours.state, ours.params, ours.datetime_start) == (own.state, own.params, own.datetime_start)
    trial = theirs.ask()
    assert (trial.number, trial.suggest_float("arch.width", 0.1, 1.0)) == (0, 0.1)


@pytest.mark.slow
def test_optuna_reads_a_finished_trial_as_its_own(study):
    run(study)
    (read,) = optuna.load_study(study_name="many", storage=study.url).get_trials()
    assert read.values == [20.0, 5.0]
    # The second is what optuna-dashboard reads.
    assert read.constraints == {"latency_ms <= 4": 1.0, "0": 1.0}
    assert set(read.params) == set(read.distributions) == set(study.space.keys)
    assert read.datetime_start <= read.datetime_complete
    (ours,), (reread,) = study.trials(), open_study("many", study.url).trials()
    for name in ("number", "state", "params", "distributions", "values", "user_attrs", "system_attrs"):
        assert getattr(ours, name) == getattr(reread, name)
    assert (reread.params, reread.values) == (read.params, read.values)


@pytest.mark.slow
@pytest.mark.parametrize(("objectives", "calls"), [(["psnr_tm"], 1), (["psnr_tm", "latency_ms"], 7)])
def test_a_sampler_draws_all_dimensions_together_where_it_can(objectives, calls, make_study, monkeypatch):
    goals = [{"metric": metric} for metric in objectives]
    study = make_study(parse_space(definition(sampler="tpe", objectives=goals), source="many"), "many")
    fill(study, 30)
    counts: Counter[str] = Counter()
    real = optuna.samplers.TPESampler._sample

    def count(self: Any, *arguments: Any) -> Any:
        counts["sample"] += 1
        return real(self, *arguments)

    monkeypatch.setattr(optuna.samplers.TPESampler, "_sample", count)
    assert study.ask() is not None
    assert counts == {"sample": calls}


@pytest.mark.slow
def test_late_in_a_study_a_sampler_sees_a_bounded_number_of_trials(study, monkeypatch):
    fill(study, MOST_LEARNT + 50)
    seen: list[int] = []
    real = optuna.samplers.TPESampler._sample

    def count(self: Any, learnt: optuna.Study, *arguments: Any) -> Any:
        seen.append(len(learnt.get_trials()))
        return real(self, learnt, *arguments)

    monkeypatch.setattr(optuna.samplers.TPESampler, "_sample", count)
    assert study.ask() is not None
    assert set(seen) == {MOST_LEARNT}


@pytest.mark.slow
def test_a_look_reads_only_what_is_new_or_changed(study, monkeypatch):
    fill(study, 50)
    study.trials()
    read: list[Any] = []
    real = mirror.read_trials
    monkeypatch.setattr(
        mirror, "read_trials", lambda session, study, ids, **kind: read.append(ids) or real(session, study, ids, **kind)
    )
    run(study)
    study.trials()
    assert read == []  # What this driver wrote is known.
    run(open_study("many", study.url))
    read.clear()
    study.trials()
    assert [len(ids) for ids in read] == [1]


@pytest.mark.slow
def test_records_of_trials_that_ended_are_read_once(study, monkeypatch):
    from mqn.search.study.trials import records
    from mqn.search.trials import records as room

    fill(study, 20)
    assert len(records(study)) == 20
    read: list[str] = []
    real = room.read_trial
    monkeypatch.setattr(room, "read_trial", lambda plain, source: read.append(source) or real(plain, source=source))
    run(study)
    assert len(records(study)) == 21
    assert read == ["trial 20 of study 'many'"]


@pytest.mark.slow
def test_what_another_driver_did_is_seen(study):
    study.enqueue(points_of(study, 4))
    other = open_study("many", study.url)
    first = other.ask()
    assert [trial.number for trial in study.trials() if trial.state.name == "RUNNING"] == [0]
    record = make_trial(0, study="many", figures={"psnr_tm": 20.0, "latency_ms": 5.0})
    other.finish(first, record)
    run(other)  # begins and ends between two looks
    states = [trial.state.name for trial in study.trials()]
    assert states == ["COMPLETE", "COMPLETE", "WAITING", "WAITING"]
    mine, theirs = study.ask(), other.ask()
    assert {mine.number, theirs.number} == {2, 3}


@pytest.mark.slow
def test_two_drivers_that_draw_at_the_same_moment_make_two_points(study, monkeypatch):
    other = open_study("many", study.url)
    other.trials()
    mine, real, looks = study.ask(), other._mirror.look, Counter()

    def look() -> None:
        looks["all"] += 1
        if looks["all"] > 1:  # It has not seen the first driver's trial. The transaction tells it.
            real()

    monkeypatch.setattr(other._mirror, "look", look)
    theirs = other.ask()
    assert (mine.number, theirs.number) == (0, 1)
    assert mine.params != theirs.params
    assert [trial.params for trial in open_study("many", study.url).trials()] == [mine.params, theirs.params]

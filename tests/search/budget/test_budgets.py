from __future__ import annotations

import pytest
from tests.support.records import make_trial

from mqn.profile_tables.budget import BudgetProfile
from mqn.records import Span
from mqn.search.budget.budgets import Budgets
from mqn.search.budget.ledger import Ledger
from mqn.search.budget.spent import Spent, say
from mqn.search.storage.store import connect
from mqn.search.work.jobs import Job, Outcome, Resources


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def job(name: str = "a", *, epochs: int = 0, target: str | None = None, **resources: float) -> Job:
    pool = "training" if epochs else "plain"
    inputs = {"training": {"epochs": epochs}} if epochs else {}
    taken = Resources(**resources, pool=pool)
    return Job(stage="any", key=name, inputs=inputs, function=dict, resources=taken, target=target)


def took(seconds: float) -> Outcome:
    return Outcome(seconds=seconds, span=Span(begin=0.0, end=seconds))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(tmp_path):
    made = Ledger(connect(f"sqlite:///{tmp_path / 'study.db'}"), "tiny", "one")
    made.open()
    return made


def test_hours_of_processors_and_devices_are_seconds_times_what_a_job_takes(clock):
    budgets = Budgets(clock=clock)
    budgets.ended(job(cpus=4, gpus=0.5), took(1800))
    budgets.ended(job(cpus=0, target="board"), took(360))
    budgets.ended(job(cpus=4), Outcome(reused=True))
    budgets.ended(job(cpus=1), Outcome(error=("ProcessLostError", "lost"), span=Span(begin=5.0, end=3605.0)))
    assert budgets.spent() == Spent(cpu_hours=3.0, gpu_hours=0.25, device_hours=0.1)


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        ({"hours": 2}, "the budget of hours is used up: 2 of 2"),
        ({"cpu_hours": 2}, "the budget of CPU hours is used up: 2.5 of 2"),
        ({"gpu_hours": 0.5}, "the budget of GPU hours is used up: 0.5 of 0.5"),
        ({"training_hours": 0.5}, "the budget of training hours is used up: 0.5 of 0.5"),
        ({"device_hours": 0.25}, "the budget of device hours is used up: 0.5 of 0.25"),
    ],
)
def test_what_is_used_up_is_named(limits, line, clock, book):
    budgets = Budgets(BudgetProfile(**limits), book, clock=clock)
    assert budgets.exceeded() is None
    clock.now += 7200
    budgets.ended(job(epochs=1, cpus=5, gpus=1, target="board"), took(1800))
    assert str(budgets.exceeded()) == line


def test_trainings_that_wait_and_run_count_with_the_hours_that_they_will_take(clock):
    budgets = Budgets(BudgetProfile(training_hours=1.0), clock=clock)
    first, second, third = (job(name, epochs=10) for name in "abc")
    for training in (first, second, third):
        budgets.expect(training)
    assert budgets.exceeded() is None  # Nobody knows yet how long an epoch takes.
    budgets.begun(first)
    budgets.ended(first, took(1800))
    assert str(budgets.exceeded()) == "the budget of training hours is used up: 1.5 of 1"
    assert not budgets.release(third)  # Its trial ended at the gate.
    assert budgets.exceeded() is not None
    budgets.begun(second)
    budgets.ended(second, took(600))
    assert budgets.exceeded() is None  # It was shorter than expected.
    budgets.begun(second)
    budgets.ended(second, Outcome(reused=True))
    assert budgets.spent().training_hours == pytest.approx(2400 / 3600)
    budgets.expect(second)  # What has begun once is expected no more.
    assert budgets.exceeded() is None
    budgets.begun(third)
    assert str(budgets.exceeded()) == "the budget of training hours is used up: 1 of 1"


def test_what_another_driver_spends_is_seen_after_a_while(clock, book, tmp_path):
    budgets = Budgets(BudgetProfile(cpu_hours=3), book, clock=clock)
    other = Budgets(BudgetProfile(), Ledger(connect(f"sqlite:///{tmp_path / 'study.db'}"), "tiny", "two"), clock=clock)
    budgets.ended(job(cpus=1), took(3600))
    assert budgets.exceeded() is None
    other.ended(job(cpus=2), took(3600))
    other.write()
    clock.now += 11
    assert str(budgets.exceeded()) == "the budget of CPU hours is used up: 3 of 3"
    budgets.ended(job(cpus=1), took(3600))
    assert str(budgets.exceeded()) == "the budget of CPU hours is used up: 4 of 3"


@pytest.mark.parametrize("alone", [True, False])
def test_trainings_and_epochs(alone, clock, book):
    budgets = Budgets(BudgetProfile(trainings=2, epochs=100), None if alone else book, clock=clock)
    for name in ("a", "a", "b"):
        assert budgets.take_training() is None
        budgets.fill(job(name, epochs=10))
    assert str(budgets.take_training()) == "the budget of trainings is used up: 2 of 2"
    assert not budgets.has_place
    assert budgets.knows(job("a", epochs=10))
    assert not budgets.knows(job("c", epochs=10))
    assert budgets.spent().epochs == 20
    assert budgets.exceeded() is None  # Trials without a training of their own may still begin.


@pytest.mark.parametrize("alone", [True, False])
def test_the_place_of_a_training_that_never_began_is_given_back(alone, clock, book):
    budgets = Budgets(BudgetProfile(trainings=1), None if alone else book, clock=clock)
    assert budgets.take_training() is None
    budgets.fill(job("a", epochs=10))
    assert budgets.take_training() is not None
    assert budgets.release(job("a", epochs=10))
    assert budgets.take_training() is None
    budgets.fill(job("b", epochs=10))
    budgets.begun(job("b", epochs=10))
    budgets.write()
    assert not budgets.release(job("b", epochs=10))
    assert budgets.spent() == Spent(trainings=1, epochs=10, hours=budgets.spent().hours)


def test_the_place_of_a_trial_that_is_taken_up_is_kept_and_may_be_given_back(clock, book, tmp_path):
    first = Budgets(BudgetProfile(trainings=1), book, clock=clock)
    assert first.take_training() is None
    first.fill(job("a", epochs=10))
    ledger = Ledger(connect(f"sqlite:///{tmp_path / 'study.db'}"), "tiny", "two")
    ledger.open()
    second = Budgets(BudgetProfile(trainings=1), ledger, clock=clock)
    assert second.take_training() is not None
    second.take_up(job("a", epochs=10))
    assert second.release(job("a", epochs=10))
    assert second.take_training() is None


def test_the_budget_of_epochs_is_named(clock, book):
    budgets = Budgets(BudgetProfile(epochs=15), book, clock=clock)
    for name in ("a", "b"):
        assert budgets.take_training() is None
        budgets.fill(job(name, epochs=10))
    assert str(budgets.take_training()) == "the budget of epochs is used up: 20 of 15"


def test_a_training_counts_from_its_beginning_without_any_limit(clock, book):
    budgets = Budgets(None, book, clock=clock)
    budgets.begun(job("a", epochs=10))
    budgets.begun(job("a", epochs=10))
    budgets.begun(job("b"))
    assert budgets.take_training() is None
    assert not budgets.has_place
    assert budgets.spent() == Spent(trainings=1, epochs=10)


def test_trainings_of_an_older_study_are_counted(clock, book):
    own = make_trial(0, artifacts={"train": "a"}, seconds={"train": 5.0})
    served = make_trial(1, artifacts={"train": "a"}, seconds={"train": 0.0})
    found = make_trial(2, artifacts={"train": "b"}, seconds={"train": 0.0})
    budgets = Budgets(None, book, clock=clock)
    budgets.take_over([own, served, found])
    assert budgets.spent() == Spent(trainings=1, epochs=own.candidate.training.epochs)


def test_what_is_spent_in_words():
    spent = Spent(trainings=3, epochs=60, cpu_hours=1.23456, hours=0.5)
    assert spent.text() == "trainings 3, epochs 60, CPU hours 1.23, hours 0.5"
    limits = BudgetProfile(trainings=20, gpu_hours=4, hours=1)
    assert spent.text(limits) == "trainings 3 of 20, epochs 60, CPU hours 1.23, GPU hours 0 of 4, hours 0.5"
    assert Spent().text() == ""
    assert [say("hours", hours) for hours in (0.00123, 12.34, 1234.5)] == ["0.00123", "12.3", "1234"]


@pytest.mark.parametrize("wrong", [{"trainings": 0}, {"epochs": -1}, {"cpu_hours": float("nan")}, {"gpu_hours": 0.0}])
def test_budget_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BudgetProfile(**wrong)

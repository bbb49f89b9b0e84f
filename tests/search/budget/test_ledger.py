from __future__ import annotations

import pytest

from mqn.profile_tables.budget import BudgetProfile
from mqn.search.budget.ledger import TRAINING, Ledger, forget_spent
from mqn.search.budget.spent import Spent
from mqn.search.storage.lease import drive
from mqn.search.storage.store import StudyStore, connect


@pytest.fixture
def store(tmp_path) -> StudyStore:
    return connect(f"sqlite:///{tmp_path / 'study.db'}")


@pytest.fixture
def ledger(store):
    made = Ledger(store, "tiny", "one")
    made.open()
    return made


def test_drivers_add_up_and_writing_twice_changes_nothing(store, ledger):
    for _ in range(2):
        ledger.write({("one", "cpu_hours"): 2.0, ("one", "hours"): 1.0, ("a", TRAINING): 20.0})
    other = Ledger(store, "tiny", "two")
    other.open()
    other.write({("two", "cpu_hours"): 0.5, ("a", TRAINING): 20.0, ("b", TRAINING): 5.0})
    assert other.totals() == ledger.totals() == Spent(trainings=2, epochs=25, cpu_hours=2.5, hours=1.0)
    assert ledger.trainings() == {"a", "b"}


def test_studies_are_apart_and_one_may_be_forgotten(store, ledger):
    ledger.write({("a", TRAINING): 1.0})
    other = Ledger(store, "second", "one")
    other.write({("a", TRAINING): 1.0})
    forget_spent(store, "tiny")
    assert ledger.totals() == Spent()
    assert other.totals().trainings == 1


def test_database_without_the_table_has_nothing_spent(store):
    assert Ledger(store, "tiny", "").totals() == Spent()
    forget_spent(store, "tiny")


def test_places_are_taken_one_by_one(store, ledger):
    limits = BudgetProfile(trainings=2)
    with drive(store.database, "tiny", store.patience) as lease:
        other = Ledger(store, "tiny", lease.driver)
        other.open()
        assert ledger.take_place(limits)
        ledger.fill_place("a", 7)
        assert other.take_place(limits)  # The last one, though it is not known yet which.
        assert not ledger.take_place(limits)
        other.fill_place(None, 0)
        assert ledger.take_place(limits)
        ledger.fill_place("a", 7)  # It was begun already.
        assert ledger.totals() == Spent(trainings=1, epochs=7)


def test_a_training_begins_while_epochs_are_left(ledger):
    limits = BudgetProfile(epochs=10)
    for key in ("a", "b"):
        assert ledger.take_place(limits)
        ledger.fill_place(key, 7)
    assert not ledger.take_place(limits)
    assert ledger.totals().epochs == 14


def test_the_place_of_a_driver_that_is_gone_is_free_again(store, ledger):
    limits = BudgetProfile(trainings=1)
    assert ledger.take_place(limits)
    other = Ledger(store, "tiny", "two")
    assert not other.take_place(limits)
    other.open()  # No driver has the id `one`.
    assert other.take_place(limits)
